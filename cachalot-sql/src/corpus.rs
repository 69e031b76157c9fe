//! Checks the statements of `corpus/*/*.txt` against their expected results.
//!
//! `corpus/README.md` describes the format. Every file there is read.

use std::{fs, path::Path};

use super::{Analysis, Columns, Dialect, Events, Statement, Uncacheable, Writes};

/// The findings about a text, in the format of the corpus; columns only if something is expected of them.
fn findings(analysis: &Analysis, expected: &str) -> String {
    let with_columns = expected.contains(" | uses ") || expected.contains(" | sets ");
    let statements = analysis.statements.iter();
    let statements: Vec<_> = statements.map(|it| statement(it, with_columns)).collect();
    statements.join(" ;; ")
}

fn statement(statement: &Statement, with_columns: bool) -> String {
    let mut parts = vec![statement.kind.as_str().to_owned()];
    if !statement.reads.is_empty() {
        parts.push(format!("reads {}", statement.reads.join(" ")));
    }
    match &statement.writes {
        Writes::Nothing => {}
        Writes::Tables(tables) => {
            let tables: Vec<_> = tables
                .iter()
                .map(|(name, e)| format!("{name}:{}", events(e.events)))
                .collect();
            parts.push(format!("writes {}", tables.join(" ")));
        }
        Writes::Everything => parts.push("writes *".to_owned()),
    }
    if with_columns {
        parts.extend(columns(statement));
    }
    if !statement.unknown_functions.is_empty() {
        parts.push(format!("calls {}", statement.unknown_functions.join(" ")));
    }
    let effects = statement.effects.iter();
    parts.extend(effects.map(|effect| format!("does {effect:?}")));
    match &statement.uncacheable {
        None => parts.push("cacheable".to_owned()),
        Some(Uncacheable::NotSelect) => {}
        Some(why) => parts.push(format!("not: {why}")),
    }
    if statement.from_fallback {
        parts.push("fallback".to_owned());
    }
    parts.join(" | ")
}

/// What a query uses, or the updates of a change set.
fn columns(statement: &Statement) -> Option<String> {
    let (word, columns): (_, Vec<_>) = match &statement.writes {
        Writes::Nothing => {
            let columns = |table| statement.columns.get(table).unwrap_or(&Columns::All);
            let reads = statement.reads.iter();
            ("uses", reads.map(|table| (table, columns(table))).collect())
        }
        Writes::Tables(tables) => {
            let updated = tables.iter().filter(|(_, changes)| changes.events.update);
            let updated = updated.map(|(table, changes)| (table, &changes.updated));
            ("sets", updated.collect())
        }
        Writes::Everything => return None,
    };
    let names: Vec<_> = columns
        .into_iter()
        .flat_map(|(table, columns)| match columns {
            Columns::All => vec![format!("{table}.*")],
            Columns::Named(names) => names.iter().map(|name| format!("{table}.{name}")).collect(),
        })
        .collect();
    Some(if names.is_empty() {
        format!("{word} nothing")
    } else {
        format!("{word} {}", names.join(" "))
    })
}

fn events(events: Events) -> String {
    let letters = [
        (events.insert, 'i'),
        (events.update, 'u'),
        (events.delete, 'd'),
    ];
    letters
        .iter()
        .filter(|(happens, _)| *happens)
        .map(|(_, letter)| letter)
        .collect()
}

/// The cases of a file: number of the line, text, expected findings.
fn cases(file: &str) -> Vec<(usize, String, &str)> {
    let mut cases = Vec::new();
    let mut sql = Vec::new();
    for (at, line) in file.lines().enumerate() {
        if line.starts_with("##") || (sql.is_empty() && line.is_empty()) {
            continue;
        }
        match line.strip_prefix("=> ") {
            Some(expected) => {
                cases.push((at + 1, sql.join("\n"), expected));
                sql.clear();
            }
            None => sql.push(line),
        }
    }
    assert!(sql.is_empty(), "the last case has no findings");
    cases
}

fn check(dialect: Dialect) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/corpus");
    let folder = folder.join(dialect.as_str());
    let mut count = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&folder).expect("the corpus is there") {
        let path = entry.expect("a file").path();
        let file = fs::read_to_string(&path).expect("text");
        for (line, sql, expected) in cases(&file) {
            count += 1;
            let found = findings(&Analysis::of(&sql, dialect), expected);
            if found != expected {
                wrong.push(format!(
                    "{}:{line}: {sql}\n  expected: {expected}\n  found:    {found}",
                    path.display()
                ));
            }
        }
    }
    assert!(count > 400, "only {count} cases in {}", folder.display());
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_postgres_corpus() {
    check(Dialect::Postgres);
}

#[test]
fn the_mysql_corpus() {
    check(Dialect::Mysql);
}

#[test]
fn the_sqlite_corpus() {
    check(Dialect::Sqlite);
}
