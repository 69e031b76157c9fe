//! The examples of `docs/what-a-write-invalidates.md` are true.

use cachalot_diesel::{Explanation, Outcome};
use cachalot_tests::flights;
use diesel::{
    backend::Backend,
    deserialize::{self, QueryableByName},
    prelude::*,
    row::NamedRow,
    sql_query,
};

use super::CachedDsl as _;
use super::Conn;
use super::world::World;

const GUIDE: &str = include_str!("../../docs/what-a-write-invalidates.md");

/// A query of the guide, and what it says about it.
struct Example {
    letter: &'static str,
    query: &'static str,
    dependencies: Vec<&'static str>,
}

/// A row whatever its columns are.
struct AnyRow;

impl<DB: Backend> QueryableByName<DB> for AnyRow {
    fn build<'a>(_: &impl NamedRow<'a, DB>) -> deserialize::Result<Self> {
        Ok(Self)
    }
}

/// The cells of the rows of a section's tables.
fn rows(section: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let (_, text) = GUIDE.split_once(&format!("\n## {section}\n")).unwrap();
    let text = text.split("\n## ").next().unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix('|'));
    lines.map(|line| {
        let cells = line.trim_end_matches('|').split('|');
        cells.map(str::trim).collect()
    })
}

fn code(cell: &'static str) -> Option<&'static str> {
    cell.strip_prefix('`')?.strip_suffix('`')
}

fn queries() -> Vec<Example> {
    let example = |cells: Vec<&'static str>| match cells[..] {
        [letter, query, dependencies] => Some(Example {
            letter,
            query: code(query)?,
            // `a(b, c)`, `d` are two.
            dependencies: code(dependencies)?.split("`, `").collect(),
        }),
        _ => None,
    };
    rows("Examples").filter_map(example).collect()
}

/// Each write, and the letters of the queries whose results it invalidates.
fn writes() -> Vec<(&'static str, Vec<&'static str>)> {
    let example = |cells: Vec<&'static str>| match cells[..] {
        [write, invalidated] => Some((code(write)?, letters(invalidated))),
        _ => None,
    };
    rows("Examples").filter_map(example).collect()
}

fn letters(cell: &'static str) -> Vec<&'static str> {
    let letters = cell.split(", ");
    letters.filter(|letter| *letter != "none").collect()
}

fn flown() -> World {
    let world = World::new();
    flights::load(&mut world.outsider());
    world
}

fn load(conn: &mut Conn, query: &str) -> usize {
    let rows: Vec<AnyRow> = sql_query(query).cached(conn).load().unwrap();
    rows.len()
}

fn explained(conn: &mut Conn, query: &str) -> Explanation {
    sql_query(query).cached(conn).explain().unwrap()
}

#[test]
fn k01_the_queries_of_the_guide_depend_on_what_it_says() {
    let mut world = flown();
    let queries = queries();
    assert_eq!(queries.len(), 6);
    for Example {
        query,
        dependencies,
        ..
    } in queries
    {
        let explanation = explained(&mut world.conn, query);
        assert_eq!(explanation.dependencies, dependencies, "{query}");
    }
}

#[test]
fn k01_the_writes_of_the_guide_invalidate_what_it_says() {
    let mut world = flown();
    let (queries, writes) = (queries(), writes());
    assert_eq!(writes.len(), 9);
    let mut writer = world.reader();
    // It has the catalog, as a connection that reads does.
    load(&mut writer.conn, queries[0].query);
    for (write, expected) in writes {
        for Example { query, .. } in &queries {
            assert!(load(&mut world.conn, query) > 0, "{query}");
            let outcome = explained(&mut world.conn, query).outcome;
            assert_eq!(outcome, Outcome::Hit, "{query}");
        }
        sql_query(write).execute(&mut writer.conn).unwrap();
        let outcomes = queries.iter().map(|example| {
            let outcome = explained(&mut world.conn, example.query).outcome;
            (example.letter, outcome)
        });
        let missed = outcomes.filter(|(_, outcome)| *outcome == Outcome::Miss);
        let missed: Vec<_> = missed.map(|(letter, _)| letter).collect();
        assert_eq!(missed, expected, "{write}");
    }
}
