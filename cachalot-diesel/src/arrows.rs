//! Checks which module uses which: each uses only those below it, and no files of one folder use each other in a
//! circle.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The modules, from the lowest to the highest. A module may use those before it, so there are no cycles.
const ORDER: [&str; 25] = [
    "clock",
    "fingerprint",
    "thread_flag",
    "background",
    "bypass",
    "stats",
    "protocol",
    "events",
    "policy",
    "store",
    "config",
    "error",
    "catalog",
    "rows",
    "connection",
    "backend",
    "versions",
    "entries",
    "planner",
    "cache",
    "session",
    "tracker",
    "query",
    "handle",
    "connection_type",
];

/// Public items that are imported from the crate's root, and their modules.
const ROOT_ITEMS: [(&str, &str); 6] = [
    ("BypassReason", "bypass"),
    ("Cachalot", "handle"),
    ("Cacheable", "policy"),
    ("Error", "error"),
    ("OnOutage", "config"),
    ("TableStatus", "versions"),
];

/// Files that only tests and fuzzers compile, beside those that are called `tests.rs` or `…_tests.rs`.
const ONLY_TESTS: [&str; 8] = [
    "arrows.rs",
    "doctest_setup.rs",
    "entries/fuzz_checks.rs",
    "entries/keyed_tests",
    "fuzz.rs",
    "protocol/model",
    "store/memcached/test_server.rs",
    "store/memcached/tests",
];

#[test]
fn no_module_uses_one_above_it() {
    let mut wrong = Vec::new();
    for (path, source) in sources() {
        for problem in upward(&module_of(&path), &source) {
            wrong.push(format!("{}: {problem}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_files_of_a_folder_use_each_other_in_a_circle() {
    let mut folders: BTreeMap<PathBuf, Uses> = BTreeMap::new();
    for (path, source) in sources() {
        let is_folder = path.ends_with("mod.rs");
        let module = if is_folder {
            path.parent()
        } else {
            Some(&*path)
        };
        let module = module.unwrap();
        let used = used_from("super::", &source).into_iter().collect();
        let folder = module.parent().unwrap().to_owned();
        let files = folders.entry(folder).or_default();
        files.insert(module_name(module), used);
    }
    let mut edges = 0;
    for (folder, files) in folders {
        let siblings = files.keys().cloned().collect();
        edges += files
            .values()
            .map(|it| (it & &siblings).len())
            .sum::<usize>();
        let circle = circle(files);
        assert!(circle.is_empty(), "{}: {circle:?}", folder.display());
    }
    assert!(edges > 50, "{edges} uses between files of a folder");
}

#[test]
fn a_circle_is_found() {
    let uses = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(file, source)| {
            let used = used_from("super::", source).into_iter().collect();
            ((*file).to_owned(), used)
        });
        circle(files.collect())
    };
    let (a, c) = ("use super::{Options, b::names};", "use super::b;");
    let circular = [
        ("a", a),
        ("b", "fn f() -> super::a::T { todo!() }"),
        ("c", c),
    ];
    assert_eq!(uses(&circular), ["a", "b", "c"]);
    assert_eq!(
        uses(&[("a", a), ("b", "use super::Options;"), ("c", c)]),
        [""; 0]
    );
}

/// The names that each file of a folder uses from the folder.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// The files of a folder that use each other in a circle, and those that use them.
fn circle(mut files: Uses) -> Vec<String> {
    loop {
        let left: BTreeSet<String> = files.keys().cloned().collect();
        files.retain(|_, used| !used.is_disjoint(&left));
        if files.len() == left.len() {
            return left.into_iter().collect();
        }
    }
}

/// The files that are not only for tests, relative to `src`, and their text.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let relative = |file: &PathBuf| file.strip_prefix(&root).unwrap().to_owned();
    let files = files.iter().map(|file| (relative(file), file));
    let files = files.filter(|(path, _)| path != Path::new("lib.rs") && !is_only_tests(path));
    let sources: Vec<_> = files
        .map(|(path, file)| (path, fs::read_to_string(file).unwrap()))
        .collect();
    assert!(sources.len() > 100, "{} files", sources.len());
    sources
}

#[test]
fn an_import_from_above_is_found() {
    for source in [
        "use crate::query::Options;",
        "use crate::{\n    bypass::BypassReason,\n    tracker::{Tracker, attach},\n};",
        "fn f() -> crate::handle::Builder { todo!() }",
        "use crate::{Error, unknown::Name};",
        "pub(crate) use crate::Cachalot;",
    ] {
        assert_eq!(upward("session", source).len(), 1, "{source}");
    }
    for source in [
        "use crate::{Error, cache::Cache, session::Session};",
        "//! See [`query`](crate::query).\nuse crate::protocol::{self, Token};",
        "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::tracker::Tracker;\n}",
    ] {
        assert_eq!(upward("session", source), [""; 0], "{source}");
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
}

fn is_only_tests(path: &Path) -> bool {
    let name = module_name(path);
    name == "tests"
        || name.ends_with("_tests")
        || ONLY_TESTS.iter().any(|only| path.starts_with(only))
}

/// The name of a file's own module.
fn module_name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// The top-level module of a file.
fn module_of(path: &Path) -> String {
    let first = path.iter().next().unwrap_or_default().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// What a file of a module uses from above it, or from a module that has no place in the order.
fn upward(module: &str, source: &str) -> Vec<String> {
    let place = |module: &str| ORDER.iter().position(|it| *it == module);
    let Some(own) = place(module) else {
        return vec![format!("`{module}` has no place in the order")];
    };
    let used = used_from("crate::", source).into_iter();
    let used = used.map(|name| {
        let item = ROOT_ITEMS.iter().find(|(item, _)| *item == name);
        item.map_or(name, |(_, module)| (*module).to_owned())
    });
    let wrong = used.filter(|used| place(used).is_none_or(|used| used > own));
    wrong
        .map(|used| format!("`{module}` uses `{used}`"))
        .collect()
}

/// The first names of all paths that begin with `start`, in `use` and elsewhere.
fn used_from(start: &str, source: &str) -> Vec<String> {
    // Tests may use anything.
    let source = source.split("#[cfg(test)]\nmod tests {").next();
    let lines = source.unwrap_or_default().lines();
    let code: Vec<&str> = lines.filter_map(|line| line.split("//").next()).collect();
    let code = code.join("\n");
    let mut names = Vec::new();
    for path in code.split(start).skip(1) {
        match path.strip_prefix('{') {
            Some(group) => names.extend(first_names(group)),
            None => names.push(name(path)),
        }
    }
    names
}

/// The first name of each path in a group of imports, up to its closing brace.
fn first_names(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut at_start) = (0, true);
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            c if at_start && !c.is_whitespace() => {
                names.push(name(&group[i..]));
                at_start = false;
            }
            _ => {}
        }
    }
    names
}

fn name(path: &str) -> String {
    let is_part = |c: &char| c.is_alphanumeric() || *c == '_';
    path.chars().take_while(is_part).collect()
}
