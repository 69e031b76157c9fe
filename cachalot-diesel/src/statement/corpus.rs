//! The statements of `corpus/*.txt` and what must be found about them.
//!
//! A case is the text of the statements and a line `=> findings`; `##` begins a comment. The
//! findings of several statements are separated by ` ;; `. Tables written carry `:i`, `:u`, `:d`
//! for rows that may appear, change or vanish.

use super::{Analysis, Dialect, Events, Statement, Writes};

/// What was found about a text, in the notation of the corpus.
fn findings(analysis: &Analysis) -> String {
    let statements: Vec<_> = analysis.statements.iter().map(statement).collect();
    statements.join(" ;; ")
}

fn statement(statement: &Statement) -> String {
    let mut parts = vec![statement.kind.as_str().to_owned()];
    if !statement.reads.is_empty() {
        parts.push(format!("reads {}", statement.reads.join(" ")));
    }
    match &statement.writes {
        Writes::Nothing => {}
        Writes::Tables(tables) => {
            let tables: Vec<_> = tables
                .iter()
                .map(|(name, e)| format!("{name}:{}", events(*e)))
                .collect();
            parts.push(format!("writes {}", tables.join(" ")));
        }
        Writes::Everything => parts.push("writes *".to_owned()),
    }
    parts.extend(
        statement
            .effects
            .iter()
            .map(|effect| format!("does {effect:?}")),
    );
    match &statement.uncacheable {
        None => parts.push("cacheable".to_owned()),
        Some(super::Uncacheable::NotSelect) => {}
        Some(why) => parts.push(format!("not: {why}")),
    }
    if statement.guessed {
        parts.push("guessed".to_owned());
    }
    parts.join(" | ")
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

/// The cases of a corpus: number of the line, text, expected findings.
fn cases(corpus: &str) -> Vec<(usize, String, &str)> {
    let mut cases = Vec::new();
    let mut sql = Vec::new();
    for (at, line) in corpus.lines().enumerate() {
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

fn check(dialect: Dialect, corpus: &str) {
    let cases = cases(corpus);
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|(line, sql, expected)| {
            let found = findings(&Analysis::of(sql, dialect));
            (found != *expected)
                .then(|| format!("line {line}: {sql}\n  expected: {expected}\n  found:    {found}"))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_postgres_corpus_is_understood() {
    check(Dialect::Postgres, include_str!("corpus/postgres.txt"));
}

#[test]
fn the_mysql_corpus_is_understood() {
    check(Dialect::Mysql, include_str!("corpus/mysql.txt"));
}

#[test]
fn the_sqlite_corpus_is_understood() {
    check(Dialect::Sqlite, include_str!("corpus/sqlite.txt"));
}
