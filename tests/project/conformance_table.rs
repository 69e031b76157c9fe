//! `CONFORMANCE.md` says which tests there are; this says whether it is true.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    process::Command,
};

const DATABASES: [&str; 3] = ["sqlite", "postgres", "mysql"];

/// The tests of a row: their files, and how many each database has.
#[derive(Default)]
struct Row {
    files: BTreeSet<String>,
    counts: [usize; 3],
}

/// The names of this program's tests.
fn names(ignored: bool) -> BTreeSet<String> {
    let mut list = Command::new(env::current_exe().unwrap());
    list.arg("--list");
    if ignored {
        list.arg("--ignored");
    }
    let output = list.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.strip_suffix(": test").map(str::to_owned))
        .collect()
}

/// `r12` of `r12_some_name`.
fn id(test: &str) -> Option<&str> {
    let (id, _) = test.split_once('_')?;
    let (letter, number) = id.split_at_checked(1)?;
    let is_id = letter.chars().all(|c| c.is_ascii_lowercase())
        && number.len() == 2
        && number.bytes().all(|b| b.is_ascii_digit());
    is_id.then_some(id)
}

/// The rows of the connection type that a folder belongs to when its tests run a second time.
const SECOND_RUN: [(&str, &str); 3] =
    [("reads", "n01"), ("writes", "n02"), ("transactions", "n02")];

/// What there is of each row. A test that is in no database's module is of all three.
fn rows() -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::<String, Row>::new();
    for name in names(false).difference(&names(true)) {
        let path: Vec<&str> = name.split("::").collect();
        if let Some(database) = path[0].strip_suffix("_type") {
            let place = DATABASES.iter().position(|it| *it == database).unwrap();
            let (folder, id) = SECOND_RUN.iter().find(|(it, _)| *it == path[1]).unwrap();
            let row = rows.entry((*id).to_owned()).or_default();
            row.files.insert((*folder).to_owned());
            row.counts[place] += 1;
            continue;
        }
        let Some(id) = path.last().and_then(|test| id(test)) else {
            continue;
        };
        let database = DATABASES.iter().position(|database| *database == path[0]);
        let path = &path[usize::from(database.is_some())..];
        let file = path[..2].join("/");
        // `failures_mysql` is the folder `failures`.
        let file = DATABASES
            .iter()
            .find_map(|database| file.strip_suffix(&format!("_{database}")))
            .unwrap_or(&file);
        let row = rows.entry(id.to_owned()).or_default();
        row.files.insert(file.to_owned());
        for (place, count) in row.counts.iter_mut().enumerate() {
            *count += usize::from(database.is_none_or(|database| database == place));
        }
    }
    rows
}

/// The page with the files and numbers that are true; a row that this program tests nothing of stays.
fn corrected(page: &str, rows: &mut BTreeMap<String, Row>) -> String {
    let mut lines = Vec::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let row = match cells[..] {
            ["", id, what, _, _, _, _, ""] => rows.remove(id).map(|row| (id, what, row)),
            _ => None,
        };
        let Some((id, what, row)) = row else {
            lines.push(line.to_owned());
            continue;
        };
        let files: Vec<_> = row.files.iter().map(|file| format!("`{file}`")).collect();
        let counts = row.counts.map(|count| match count {
            0 => "–".to_owned(),
            count => count.to_string(),
        });
        let [sqlite, postgres, mysql] = counts;
        let files = files.join(", ");
        lines.push(format!(
            "| {id} | {what} | {files} | {sqlite} | {postgres} | {mysql} |"
        ));
    }
    lines.join("\n") + "\n"
}

/// No cell is empty, and why a database has no test of a row is said in words that name it.
fn assert_complete(page: &str) {
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, id, what, files, counts @ .., _] = &cells[..] else {
            panic!("no row: {line}");
        };
        assert_eq!(counts.len(), DATABASES.len(), "{line}");
        let filled = [id, what, files].into_iter().chain(counts);
        assert!(filled.clone().all(|cell| !cell.is_empty()), "{line}");
        for (count, name) in counts.iter().zip(["SQLite", "PostgreSQL", "MariaDB"]) {
            let reason = *count != "–" || what.contains(name);
            assert!(reason, "why not on {name}? {line}");
        }
    }
}

/// The tests that look whether they run on MySQL, as it lacks what they are about or does something else.
fn tests_that_ask_for_mysql(folder: &Path, found: &mut BTreeSet<String>) {
    const ASKS: [&str; 3] = ["is_mysql()", "takes_as_mariadb(", "complete_cascades(&mut"];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_that_ask_for_mysql(&path, found);
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let mut test = None;
        for line in fs::read_to_string(&path).unwrap().lines() {
            if let Some((_, after)) = line.split_once("fn ") {
                test = after.split_once('(').map(|(name, _)| name.to_owned());
            }
            if ASKS.iter().any(|asks| line.contains(asks)) {
                found.extend(test.clone().filter(|test| id(test).is_some()));
            }
        }
    }
}

#[test]
fn the_tests_that_expect_something_else_on_mysql_are_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(folder.join("CONFORMANCE.md")).unwrap();
    let (page, _) = page.split_once("\n## ").unwrap();
    let mut expected = BTreeSet::new();
    tests_that_ask_for_mysql(folder, &mut expected);
    assert_eq!(listed(page), expected);
}

/// The tests of a list in which each has its reason.
fn listed(page: &str) -> BTreeSet<String> {
    let tests = page.lines().filter_map(|line| {
        let (test, _) = line.strip_prefix("- `")?.split_once("`: ")?;
        Some(test.to_owned())
    });
    tests.collect()
}

#[test]
fn the_tests_that_do_not_run_on_the_connection_type_are_listed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("CONFORMANCE.md");
    let page = fs::read_to_string(path).unwrap();
    let (_, section) = page.split_once("\n## N: ").unwrap();
    let names = names(false);
    let left_out = names.iter().filter_map(|name| {
        let (database, path) = name.split_once("::")?;
        let (folder, test) = path.split_once("::")?;
        let runs_twice = SECOND_RUN.iter().any(|(it, _)| *it == folder);
        let second = format!("{database}_type::{path}");
        let is_left_out = DATABASES.contains(&database) && runs_twice && !names.contains(&second);
        is_left_out.then(|| test.rsplit("::").next().map(str::to_owned))?
    });
    assert_eq!(listed(section), left_out.collect::<BTreeSet<_>>());
}

/// `CACHALOT_UPDATE_TABLE=1` writes the page anew.
#[test]
fn the_table_of_conformance_lists_the_tests_that_there_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("CONFORMANCE.md");
    let page = fs::read_to_string(&path).unwrap();
    let mut rows = rows();
    let expected = corrected(&page, &mut rows);
    let homeless: Vec<_> = rows.keys().collect();
    assert!(
        homeless.is_empty(),
        "tests of rows that are not on the page: {homeless:?}"
    );
    if env::var_os("CACHALOT_UPDATE_TABLE").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    assert_complete(&expected);
    if env::var_os("CACHALOT_UPDATE_TABLE").is_some() {
        return;
    }
    let wrong: Vec<_> = expected
        .lines()
        .zip(page.lines())
        .filter(|(expected, line)| expected != line)
        .map(|(expected, _)| expected)
        .collect();
    assert!(
        wrong.is_empty(),
        "CACHALOT_UPDATE_TABLE=1 writes these lines:\n{}",
        wrong.join("\n")
    );
}
