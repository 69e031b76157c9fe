//! The guide agrees with the code, and its links lead somewhere.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The documents that users and contributors read, relative to the root.
fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<PathBuf> = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "benches/README.md",
        "cachalot-cli/README.md",
        "tests/CONFORMANCE.md",
    ]
    .map(PathBuf::from)
    .into();
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "md") {
            documents.push(path.strip_prefix(root()).unwrap().to_owned());
        }
    }
    documents
}

/// The lines that are not in a block of code.
fn prose(document: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    document.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// The targets of the Markdown links within the repository.
fn links(document: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for line in prose(document) {
        // Without what is between backquotes.
        let text: String = line.split('`').step_by(2).collect();
        let links = text.split("](").skip(1);
        let links = links.filter_map(|rest| Some(rest.split_once(')')?.0));
        targets.extend(links.filter(|it| !it.contains("://")).map(str::to_owned));
    }
    targets
}

/// The anchors that GitHub gives the headings of a document.
fn anchors(document: &str) -> BTreeSet<String> {
    let headings = prose(document).filter(|line| line.starts_with('#'));
    let headings = headings.filter_map(|line| Some(line.split_once("# ")?.1));
    let kept = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || matches!(c, '-' | '_') => Some(c.to_ascii_lowercase()),
        _ => None,
    };
    headings
        .map(|heading| heading.chars().filter_map(kept).collect())
        .collect()
}

#[test]
fn links_lead_to_files_and_headings() {
    let mut broken = Vec::new();
    let mut checked = 0;
    for path in documents() {
        let document = read(&path);
        let folder = path.parent().unwrap();
        for link in links(&document) {
            checked += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => path.clone(),
                file => folder.join(file),
            };
            let is_there = root().join(&target).exists();
            if !is_there || (!anchor.is_empty() && !anchors(&read(&target)).contains(anchor)) {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(checked > 100, "{checked} links");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The names in backquotes at the start of the rows of a document's tables.
fn first_cells(document: &str) -> Vec<&str> {
    let rows = document.lines().filter_map(|row| row.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('|')?.0))
        .flat_map(|cell| cell.split(", "))
        .filter_map(|name| name.trim_matches([' ', '`']).split('`').next())
        .collect()
}

#[test]
fn the_table_of_settings_has_each_variable_once() {
    let document = read("docs/configuration.md");
    let table = document.split("\n## ").nth(1).unwrap();
    let mut documented = first_cells(table);
    documented.sort_unstable();
    let mut known = super::environment::variables();
    known.sort_unstable();
    assert_eq!(documented, known);
}

#[test]
fn the_crate_documentation_has_a_method_for_each_variable() {
    let source = read("cachalot-diesel/src/lib.rs");
    let docs: Vec<_> = source
        .lines()
        .filter_map(|line| line.strip_prefix("//! "))
        .collect();
    for variable in super::environment::variables() {
        let row = format!("| `{variable}`");
        let method = docs.iter().find(|line| line.starts_with(&row));
        let method = method.unwrap_or_else(|| panic!("{variable} is missing"));
        assert!(method.contains("Builder::"), "{method}");
    }
}

#[test]
fn each_reason_for_a_bypass_is_in_the_limits() {
    let source = read("cachalot-diesel/src/bypass.rs");
    let names: BTreeSet<_> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once("=> \""))
        .filter_map(|(_, name)| name.strip_suffix("\","))
        .collect();
    assert!(names.len() > 20, "{names:?}");
    let document = read("docs/limits.md");
    let documented: BTreeSet<_> = first_cells(&document).into_iter().collect();
    let missing: Vec<_> = names.difference(&documented).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
