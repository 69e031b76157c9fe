//! Random reads and writes on SQLite: a write that the keys tell apart from a read must not change its result.

use std::cell::Cell;

use diesel::{
    connection::SimpleConnection,
    prelude::*,
    sql_query,
    sql_types::{BigInt, Nullable, Text},
};
use proptest::{prelude::*, test_runner::TestRunner};

use super::super::{Analysis, Dialect, KeyValue, Keys, Writes};

const SCHEMA: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, n INTEGER);
    CREATE TABLE u (id INTEGER PRIMARY KEY, k INTEGER, n INTEGER);
    INSERT INTO t VALUES (1, 1, 1), (2, 1, 2), (3, 2, 1), (4, NULL, 2), (5, 2, NULL);
    INSERT INTO u VALUES (1, 1, 2), (2, 2, 1), (3, NULL, 1), (4, 1, NULL), (6, 3, 3);
";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Text>)]
    r: Option<String>,
}

/// A statement and its binds.
#[derive(Debug, Clone, Default)]
struct Sql {
    text: String,
    binds: Vec<i64>,
}

/// Writes a statement by a list of choices.
struct Writer<'c> {
    choices: std::iter::Cycle<std::slice::Iter<'c, u8>>,
    sql: Sql,
}

impl<'c> Writer<'c> {
    fn write(choices: &'c [u8], what: impl FnOnce(&mut Self)) -> Sql {
        let mut writer = Self {
            choices: choices.iter().cycle(),
            sql: Sql::default(),
        };
        what(&mut writer);
        writer.sql
    }

    fn choose(&mut self, count: u8) -> u8 {
        self.choices.next().map_or(0, |choice| choice % count)
    }

    fn one_of(&mut self, words: &[&str]) {
        let count = u8::try_from(words.len()).expect("a short list");
        let word = words[usize::from(self.choose(count))];
        self.text(word);
    }

    fn text(&mut self, text: &str) {
        self.sql.text.push_str(text);
    }

    /// A column of a table that is called so; without a name, one without a qualifier.
    fn column(&mut self, called: &str) {
        if !called.is_empty() && self.choose(4) != 0 {
            self.text(called);
            self.text(".");
        }
        self.one_of(&["id", "k", "n", "\"id\"", "[K]", "ID", "id", "k"]);
    }

    fn constant(&mut self) {
        let number = self.choose(5);
        if self.choose(2) == 0 {
            self.text("?");
            self.sql.binds.push(number.into());
        } else if self.choose(12) == 0 {
            self.text("NULL");
        } else {
            self.text(&number.to_string());
        }
    }

    fn condition(&mut self, called: &[&str], depth: u8) {
        let at = usize::from(self.choose(u8::try_from(called.len()).expect("few")));
        let one = called[at];
        match self.choose(if depth == 0 { 7 } else { 16 }) {
            0..=2 => {
                self.column(one);
                self.one_of(&[" = ", "=", " == "]);
                self.constant();
            }
            3 => {
                self.constant();
                self.text(" = ");
                self.column(one);
            }
            4 => {
                self.column(one);
                self.one_of(&[" IN (", " IN (", " NOT IN ("]);
                self.constant();
                self.text(", ");
                self.constant();
                self.text(")");
            }
            5 => {
                self.column(one);
                self.one_of(&[" > ", " != ", " IS ", " IS NOT ", " <= "]);
                self.constant();
            }
            6 => {
                self.column(one);
                self.one_of(&[" = ", " + 0 = ", " * 2 = ", " < "]);
                self.column(called[0]);
            }
            7..=10 => self.two(called, depth, " AND "),
            11 => self.two(called, depth, " OR "),
            12 => {
                self.text("NOT ");
                self.condition(called, depth - 1);
            }
            13 => {
                self.text("(");
                self.condition(called, depth - 1);
                self.one_of(&[")", ") = 1", ") IS NOT 1", ")"]);
            }
            14 => {
                self.column(one);
                self.text(" BETWEEN ");
                self.constant();
                self.text(" AND ");
                self.constant();
            }
            _ => {
                self.one_of(&["EXISTS (SELECT 1 FROM ", "NOT EXISTS (SELECT 1 FROM "]);
                self.one_of(&["t", "u"]);
                self.text(" AS s WHERE ");
                self.condition(&["s", one], depth - 1);
                self.text(")");
            }
        }
    }

    fn two(&mut self, called: &[&str], depth: u8, operator: &str) {
        self.condition(called, depth - 1);
        self.text(operator);
        self.condition(called, depth - 1);
    }

    fn filter(&mut self, called: &[&str]) {
        self.text(" WHERE ");
        self.condition(called, 2);
    }

    fn read(&mut self) {
        self.text("SELECT ");
        let (from, called): (&str, &[&str]) = match self.choose(12) {
            0..=3 => ("t", &["t"]),
            4 => ("t AS a", &["a"]),
            5 => ("t AS u", &["u"]),
            6 => ("t, u", &["t", "u"]),
            7 => ("t AS u, u AS t", &["t", "u"]),
            8 => ("t, t AS b", &["t", "b"]),
            9 => ("(t INNER JOIN u ON ", &["t", "u"]),
            10 => ("t LEFT JOIN u ON ", &["t", "u"]),
            _ => ("t FULL JOIN u ON ", &["u", "t"]),
        };
        self.one_of(&["", "DISTINCT "]);
        match self.choose(4) {
            0 => self.text("count(*)"),
            1 => {
                self.text("total(");
                self.column(called[0]);
                self.text(")");
            }
            2 => self.text("(SELECT count(*) FROM u AS v WHERE v.k = 1)"),
            _ => {
                for (at, name) in called.iter().enumerate() {
                    let before = if at == 0 { "" } else { " || " };
                    self.text(&format!(
                        "{before}quote({name}.id) || ' ' || quote({name}.n)"
                    ));
                }
            }
        }
        self.text(" AS r FROM ");
        self.text(from);
        if from.ends_with(" ON ") {
            self.condition(called, 1);
            self.text(if from.starts_with('(') { ")" } else { "" });
        }
        self.filter(called);
        match self.choose(6) {
            0 => self.text(" ORDER BY 1 LIMIT 2"),
            1 => {
                self.text(" UNION ALL SELECT quote(id) FROM t");
                self.filter(&[""]);
            }
            2 => {
                self.text(" GROUP BY ");
                self.text(called[0]);
                self.text(".k HAVING ");
                self.condition(called, 1);
            }
            _ => {}
        }
    }

    fn change(&mut self) {
        let table = if self.choose(3) == 0 { "u" } else { "t" };
        match self.choose(8) {
            0..=2 => {
                self.one_of(&["UPDATE ", "UPDATE ", "UPDATE ", "UPDATE OR REPLACE "]);
                self.text(table);
                self.text(" SET ");
                self.one_of(&["n", "k", "id", "\"K\"", "rowid"]);
                self.text(" = ");
                self.value();
                if self.choose(4) == 0 {
                    self.text(", k = ");
                    self.value();
                }
                self.filter(&[table, ""]);
            }
            3 | 4 => {
                self.text("DELETE FROM ");
                self.text(table);
                self.filter(&[table, ""]);
            }
            _ => {
                self.one_of(&[
                    "INSERT INTO ",
                    "INSERT OR REPLACE INTO ",
                    "INSERT OR IGNORE INTO ",
                    "REPLACE INTO ",
                ]);
                self.text(table);
                self.one_of(&["(id, k, n)", "(k, n, id)", "(n, rowid, k)", ""]);
                if self.choose(5) == 0 {
                    self.text(" SELECT id + 5, k, n FROM t");
                    self.filter(&["t"]);
                } else {
                    self.text(" VALUES ");
                    self.row();
                    if self.choose(3) == 0 {
                        self.text(", ");
                        self.row();
                    }
                }
                self.one_of(&[
                    "",
                    "",
                    " ON CONFLICT DO NOTHING",
                    " ON CONFLICT (id) DO UPDATE SET k = 2",
                ]);
            }
        }
    }

    fn row(&mut self) {
        self.text("(");
        for at in 0..3 {
            self.text(if at == 0 { "" } else { ", " });
            let high = self.choose(3) == 0;
            if high {
                self.text("7");
            } else {
                self.value();
            }
        }
        self.text(")");
    }

    fn value(&mut self) {
        match self.choose(5) {
            0 => self.text("1 + 1"),
            _ => self.constant(),
        }
    }
}

fn bound(
    sql: &Sql,
) -> diesel::query_builder::BoxedSqlQuery<
    'static,
    diesel::sqlite::Sqlite,
    diesel::query_builder::SqlQuery,
> {
    let query = sql_query(sql.text.clone()).into_boxed();
    sql.binds
        .iter()
        .fold(query, |query, bind| query.bind::<BigInt, _>(*bind))
}

/// The rows in any order. `None` if the statement is not valid.
fn rows(connection: &mut SqliteConnection, sql: &Sql) -> Option<Vec<Option<String>>> {
    let rows: Vec<Row> = bound(sql).load(connection).ok()?;
    let mut rows: Vec<_> = rows.into_iter().map(|row| row.r).collect();
    rows.sort();
    Some(rows)
}

/// Whether some column of a table has different values in all rows of the two.
fn are_disjoint((a, a_sql): (&Keys, &Sql), (b, b_sql): (&Keys, &Sql)) -> bool {
    let values = |values: &[KeyValue], sql: &Sql| -> Vec<i64> {
        let value = |value: &KeyValue| match value {
            KeyValue::Bind(place) => sql.binds[*place],
            KeyValue::Integer(number) => *number,
            other => panic!("{other:?} is in no statement"),
        };
        values.iter().map(value).collect()
    };
    a.iter().any(|(column, mine)| {
        b.get(column).is_some_and(|theirs| {
            let mine = values(mine, a_sql);
            values(theirs, b_sql)
                .iter()
                .all(|value| !mine.contains(value))
        })
    })
}

#[test]
fn writes_of_other_keys_leave_the_result() {
    let mut connection = SqliteConnection::establish(":memory:").expect("SQLite opens");
    connection
        .batch_execute(SCHEMA)
        .expect("the schema is valid");
    let connection = std::cell::RefCell::new(connection);
    let (apart, changed) = (Cell::new(0), Cell::new(0));
    let mut config = super::config();
    config.cases *= 20;
    let cases = config.cases;
    let choices = || proptest::collection::vec(any::<u8>(), 60..90);
    let test = |(read, write): (Vec<u8>, Vec<u8>)| {
        let connection = &mut *connection.borrow_mut();
        let read = Writer::write(&read, Writer::read);
        let write = Writer::write(&write, Writer::change);
        let (of_read, of_write) = (
            Analysis::of(&read.text, Dialect::Sqlite),
            Analysis::of(&write.text, Dialect::Sqlite),
        );
        let Writes::Tables(written) = of_write.writes() else {
            return Err(TestCaseError::fail(write.text));
        };
        let told_apart = written.keys().all(|table| {
            let keys = of_read.keys(table).zip(of_write.keys(table));
            keys.is_some_and(|(mine, theirs)| are_disjoint((mine, &read), (theirs, &write)))
        });
        connection
            .batch_execute("BEGIN")
            .expect("no transaction is open");
        let before = rows(connection, &read);
        let done = bound(&write).execute(connection);
        let after = rows(connection, &read);
        connection
            .batch_execute("ROLLBACK")
            .expect("a transaction is open");
        if done.is_ok_and(|rows| rows > 0) && before.is_some() {
            apart.set(apart.get() + u32::from(told_apart));
            changed.set(changed.get() + u32::from(before != after));
            prop_assert!(
                !told_apart || before == after,
                "{read:?}\n{write:?}\n{before:?}\n{after:?}"
            );
        }
        Ok(())
    };
    TestRunner::new(config)
        .run(&(choices(), choices()), test)
        .unwrap();
    let (apart, changed) = (apart.get(), changed.get());
    assert!(
        apart > cases / 500 && changed > cases / 50,
        "{apart} told apart, {changed} changed of {cases}"
    );
    eprintln!("{apart} told apart, {changed} changed of {cases}");
}
