//! A random schema, made by random changes of an empty one, and changed on in the same way.

use fastrand::Rng;

use super::DATABASE;
use super::dialect::{ACTIONS, INLINE_KEYS, MORE_CHANGES, drop_trigger, spellings, trigger};

/// What a database has, as far as statements about it need to know. All relations have the columns
/// `id`, `n` and `s`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    /// Tables that have `up`, which may refer to another, and the unique `code` besides.
    pub(crate) tables: Vec<String>,
    /// Other tables that can be written: without keys, partitioned, or children of a table.
    pub(crate) logs: Vec<String>,
    pub(crate) views: Vec<String>,
    /// Relations that are only read.
    pub(crate) results: Vec<String>,
    /// Triggers and rules, each with its table.
    pub(crate) triggers: Vec<(String, String)>,
    /// Constraints, each with its table.
    pub(crate) keys: Vec<(String, String)>,
    /// Functions of a number, and their tables.
    pub(crate) readers: Vec<String>,
    /// Statements that call a routine which writes, with `?` for a number.
    pub(crate) calls: Vec<String>,
    /// PostgreSQL: a role that sees what policies let it.
    #[allow(dead_code, reason = "PostgreSQL alone has row-level security")]
    pub(crate) role: Option<String>,
    /// Each with its table.
    #[allow(dead_code, reason = "PostgreSQL alone has row-level security")]
    pub(crate) policies: Vec<(String, String)>,
    /// What the database sets off by itself could be anything.
    pub(crate) sweeping: bool,
    made: usize,
}

/// Something that may be done to a schema: its SQL, or nothing where it does not apply.
pub(crate) type Change = fn(&mut Schema, &mut Rng) -> Option<String>;

/// A table that nothing has to do with.
pub(crate) const LONE: &str = "lone";

const CHANGES: &[Change] = &[
    add_view,
    add_view,
    drop_view,
    replace_view,
    add_trigger,
    add_trigger,
    drop_one_trigger,
    add_key,
    drop_key,
    add_column,
    add_index,
    rename_there_and_back,
];

impl Schema {
    /// A schema, and the statements that make it.
    pub(crate) fn random(rng: &mut Rng) -> (Self, Vec<String>) {
        let mut schema = Self::default();
        let mut sql = vec![format!(
            "CREATE TABLE {LONE} (id INTEGER, n INTEGER, s VARCHAR(20))"
        )];
        for number in 0..rng.usize(3..6) {
            schema.tables.push(format!("t{number}"));
        }
        for table in schema.tables.clone() {
            sql.push(schema.table(&table, rng));
        }
        for number in 0..2 {
            let log = format!("l{number}");
            sql.push(format!(
                "CREATE TABLE {log} (id INTEGER, n INTEGER, s VARCHAR(20))"
            ));
            schema.logs.push(log);
        }
        let adding: &[Change] = &[add_view, add_trigger];
        let some = if INLINE_KEYS { 0 } else { 4 };
        let changes = (0..some)
            .map(|_| add_key as Change)
            .chain((0..rng.usize(4..12)).map(|_| adding[rng.usize(..adding.len())]))
            .collect::<Vec<_>>();
        for change in changes {
            sql.extend(change(&mut schema, rng));
        }
        for _ in 0..rng.usize(0..8) {
            if let Some(change) = rng.choice(MORE_CHANGES) {
                sql.extend(change(&mut schema, rng));
            }
        }
        (schema, sql)
    }

    /// A further change.
    pub(crate) fn change(&mut self, rng: &mut Rng) -> String {
        loop {
            let number = rng.usize(..CHANGES.len() + MORE_CHANGES.len());
            let change = CHANGES.iter().chain(MORE_CHANGES).nth(number);
            if let Some(sql) = change.and_then(|change| change(self, rng)) {
                return sql;
            }
        }
    }

    /// A name that is not taken.
    pub(crate) fn name(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}{}", self.made)
    }

    /// All that can be read.
    pub(crate) fn relations(&self) -> Vec<&String> {
        let written = self.tables.iter().chain(&self.logs);
        written.chain(&self.views).chain(&self.results).collect()
    }

    pub(crate) fn relation(&self, rng: &mut Rng) -> String {
        let all = self.relations();
        all[rng.usize(..all.len())].clone()
    }

    pub(crate) fn some_table(&self, rng: &mut Rng) -> String {
        self.tables[rng.usize(..self.tables.len())].clone()
    }

    /// What rows are written to, mostly.
    pub(crate) fn target(&self, rng: &mut Rng) -> String {
        match rng.u8(..10) {
            0..6 => self.some_table(rng),
            6..8 => self.logs[rng.usize(..self.logs.len())].clone(),
            _ => rng
                .choice(&self.views)
                .cloned()
                .unwrap_or_else(|| self.some_table(rng)),
        }
    }

    fn table(&mut self, name: &str, rng: &mut Rng) -> String {
        let key = if INLINE_KEYS && rng.u8(..10) < 8 {
            format!(", {}", self.foreign_key(rng))
        } else {
            String::new()
        };
        format!(
            "CREATE TABLE {name} (id INTEGER PRIMARY KEY, n INTEGER, s VARCHAR(20), \
             up INTEGER DEFAULT 1, code INTEGER UNIQUE{key})"
        )
    }

    fn foreign_key(&self, rng: &mut Rng) -> String {
        let parent = self.some_table(rng);
        let column = if rng.bool() { "id" } else { "code" };
        let [delete, update] = [(); 2].map(|()| ACTIONS[rng.usize(..ACTIONS.len())]);
        let deferred = if DATABASE != "mysql" && rng.u8(..4) == 0 {
            " DEFERRABLE INITIALLY DEFERRED"
        } else {
            ""
        };
        format!(
            "FOREIGN KEY (up) REFERENCES {parent} ({column}) \
             ON DELETE {delete} ON UPDATE {update}{deferred}"
        )
    }

    /// What a trigger or a routine writes: `id` and `n` are the numbers that it has.
    ///
    /// What a trigger of one table writes is a later one: no chain comes back to where it began.
    pub(crate) fn body(&self, table: &str, [id, n]: [&str; 2], rng: &mut Rng) -> String {
        let later = self
            .tables
            .iter()
            .position(|it| it == table)
            .map_or(0, |at| at + 1);
        let log = &self.logs[rng.usize(..2)];
        let insert = format!("INSERT INTO {log} (id, n, s) VALUES ({id}, {n}, 'by {table}');");
        let Some(other) = rng.choice(&self.tables[later..]) else {
            return insert;
        };
        match rng.u8(..6) {
            0 | 1 => insert,
            2 => format!("UPDATE {other} SET n = coalesce(n, 0) + 1 WHERE id = {id};"),
            3 => format!("DELETE FROM {other} WHERE id = {n};"),
            4 => format!("{insert} UPDATE {other} SET s = 'by {table}' WHERE n = {n};"),
            _ => format!(
                "INSERT INTO {other} (id, n, s, up) \
                 SELECT coalesce(max(id), 0) + 1, {n}, 'by {table}', NULL FROM {other};"
            ),
        }
    }

    /// What a view or a function selects.
    pub(crate) fn select(&self, rng: &mut Rng) -> String {
        let [a, b] = [(); 2].map(|()| spelled(&self.relation(rng), rng));
        let number = rng.u8(..6);
        let call = match rng.choice(&self.readers) {
            Some(function) => format!("{function}(a.n)"),
            None => "a.n".to_owned(),
        };
        match rng.u8(..10) {
            0..3 => format!("SELECT id, n, s FROM {a} WHERE n > {number}"),
            3 => format!("SELECT a.id, b.n, a.s FROM {a} a INNER JOIN {b} b ON a.id = b.id"),
            4 => format!("SELECT id, n, s FROM {a} UNION SELECT id, n, s FROM {b}"),
            5 => format!("SELECT max(id) AS id, n, min(s) AS s FROM {a} GROUP BY n"),
            6 => format!(
                "SELECT id, n, s FROM {a} WHERE EXISTS (SELECT 1 FROM {b} b WHERE b.id = {a}.n)"
            ),
            7 => format!("WITH q AS (SELECT id, n, s FROM {b}) SELECT id, n, s FROM q"),
            8 => format!(
                "SELECT a.id, (SELECT max(b.n) FROM {b} b WHERE b.id <> a.id) AS n, a.s FROM {a} a"
            ),
            _ => format!("SELECT a.id, {call} AS n, a.s FROM {a} a"),
        }
    }
}

fn add_view(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let select = schema.select(rng);
    let name = schema.name("v");
    schema.views.push(name.clone());
    Some(format!("CREATE VIEW {name} AS {select}"))
}

fn drop_view(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let name = take(&mut schema.views, rng)?;
    let cascade = if DATABASE == "postgres" {
        " CASCADE"
    } else {
        ""
    };
    Some(format!("DROP VIEW {name}{cascade}"))
}

/// The same name, another text. Those who refuse that have it dropped first.
fn replace_view(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let name = take(&mut schema.views, rng)?;
    let select = schema.select(rng);
    schema.views.push(name.clone());
    Some(if DATABASE == "sqlite" {
        format!("DROP VIEW {name}; CREATE VIEW {name} AS {select}")
    } else {
        format!("CREATE OR REPLACE VIEW {name} AS {select}")
    })
}

fn add_trigger(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let table = schema.some_table(rng);
    let (moment, row) = [
        ("BEFORE INSERT", "NEW"),
        ("AFTER INSERT", "NEW"),
        ("BEFORE UPDATE", "OLD"),
        ("AFTER UPDATE", "NEW"),
        ("BEFORE DELETE", "OLD"),
        ("AFTER DELETE", "OLD"),
    ][rng.usize(..6)];
    let numbers = [format!("{row}.id"), format!("{row}.n")];
    let body = schema.body(&table, numbers.each_ref().map(String::as_str), rng);
    let condition = format!("{row}.n > {}", rng.u8(..4));
    let condition = rng.bool().then_some(&*condition);
    let name = schema.name("g");
    schema.triggers.push((name.clone(), table.clone()));
    Some(trigger(&name, moment, &table, condition, &body))
}

fn drop_one_trigger(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let (name, table) = take(&mut schema.triggers, rng)?;
    Some(drop_trigger(&name, &table))
}

fn add_key(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let child = schema.some_table(rng);
    if INLINE_KEYS || schema.keys.iter().any(|(_, table)| *table == child) {
        return None;
    }
    let key = schema.foreign_key(rng);
    let name = schema.name("k");
    schema.keys.push((name.clone(), child.clone()));
    Some(format!("ALTER TABLE {child} ADD CONSTRAINT {name} {key}"))
}

fn drop_key(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let (name, child) = take(&mut schema.keys, rng)?;
    let what = if DATABASE == "mysql" {
        "FOREIGN KEY"
    } else {
        "CONSTRAINT"
    };
    Some(format!("ALTER TABLE {child} DROP {what} {name}"))
}

fn add_column(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let table = schema.some_table(rng);
    let name = schema.name("c");
    Some(format!(
        "ALTER TABLE {table} ADD COLUMN {name} INTEGER DEFAULT 3"
    ))
}

fn add_index(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let table = schema.some_table(rng);
    let name = schema.name("i");
    Some(format!("CREATE INDEX {name} ON {table} (n)"))
}

fn rename_there_and_back(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let table = schema.some_table(rng);
    let other = schema.name("away");
    Some(format!(
        "ALTER TABLE {table} RENAME TO {other}; ALTER TABLE {other} RENAME TO {table}"
    ))
}

/// Lets a view be written to, by a trigger.
#[allow(dead_code, reason = "MariaDB has no such triggers")]
pub(crate) fn make_writable(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let view = rng.choice(&schema.views)?.clone();
    let table = schema.some_table(rng);
    let (moment, body) = match rng.u8(..3) {
        0 => (
            "INSTEAD OF INSERT",
            format!("INSERT INTO {table} (id, n, s, up) VALUES (NEW.id, NEW.n, NEW.s, NULL);"),
        ),
        1 => (
            "INSTEAD OF UPDATE",
            format!("UPDATE {table} SET n = NEW.n, s = NEW.s WHERE id = OLD.id;"),
        ),
        _ => (
            "INSTEAD OF DELETE",
            format!("DELETE FROM {table} WHERE id = OLD.id;"),
        ),
    };
    let name = schema.name("g");
    schema.triggers.push((name.clone(), view.clone()));
    Some(trigger(&name, moment, &view, None, &body))
}

/// The name, in one of the ways to write it.
pub(crate) fn spelled(name: &str, rng: &mut Rng) -> String {
    let mut ways = spellings(name);
    if rng.bool() {
        return name.to_owned();
    }
    ways.swap_remove(rng.usize(..ways.len()))
}

/// Any one of them, which is no more.
pub(crate) fn take<T>(all: &mut Vec<T>, rng: &mut Rng) -> Option<T> {
    if all.is_empty() {
        return None;
    }
    let place = rng.usize(..all.len());
    Some(all.swap_remove(place))
}
