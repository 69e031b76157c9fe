//! Random writes.

use fastrand::Rng;

use super::dialect::{MORE_WRITES, upsert};
use super::schema::{LONE, Schema, spelled};

/// A random statement of a kind, or none where it does not apply.
pub(crate) type Write = fn(&Schema, &mut Rng) -> Option<String>;

const WRITES: &[Write] = &[
    insert,
    insert,
    insert,
    insert_several,
    insert_several,
    insert_a_select,
    insert_or_update,
    insert_or_update,
    update,
    update,
    update_key,
    update_references,
    delete,
    delete_by_query,
    call,
    call,
];

/// A random statement, or several.
pub(crate) fn random(schema: &Schema, rng: &mut Rng) -> String {
    let mut statements = vec![one(schema, rng)];
    if rng.u8(..10) == 0 {
        statements.push(one(schema, rng));
    }
    statements.join("; ")
}

fn one(schema: &Schema, rng: &mut Rng) -> String {
    if rng.u8(..20) == 0 {
        return format!("INSERT INTO {LONE} VALUES ({}, 1, 'x')", rng.number());
    }
    loop {
        let number = rng.usize(..WRITES.len() + MORE_WRITES.len());
        let write = WRITES.iter().chain(MORE_WRITES).nth(number);
        if let Some(sql) = write.and_then(|write| write(schema, rng)) {
            return sql;
        }
    }
}

/// Random values for statements: few, so that they meet.
pub(crate) trait Values {
    fn number(&mut self) -> u8;
    fn text(&mut self) -> &'static str;
    fn or_null(&mut self) -> String;
    /// Of all columns of a table.
    fn row(&mut self) -> String;
    /// Of `id`, `n` and `s`.
    fn short_row(&mut self) -> String;
    /// Which rows.
    fn condition(&mut self) -> String;
}

impl Values for Rng {
    fn number(&mut self) -> u8 {
        self.u8(1..13)
    }

    fn text(&mut self) -> &'static str {
        ["a", "b", "update t0", "ü"][self.usize(..4)]
    }

    fn or_null(&mut self) -> String {
        if self.u8(..3) == 0 {
            "NULL".to_owned()
        } else {
            self.number().to_string()
        }
    }

    fn row(&mut self) -> String {
        let (id, n, s) = (self.number(), self.u8(..7), self.text());
        format!("({id}, {n}, '{s}', {}, {})", self.or_null(), self.or_null())
    }

    fn short_row(&mut self) -> String {
        format!("({}, {}, '{}')", self.number(), self.u8(..7), self.text())
    }

    fn condition(&mut self) -> String {
        let number = self.number();
        match self.u8(..5) {
            0..2 => format!("id = {number}"),
            2 => format!("n = {}", self.u8(..7)),
            3 => format!("id BETWEEN {number} AND {}", number + 2),
            _ => format!("s = '{}' AND id > {number}", self.text()),
        }
    }
}

/// An insert of a row with all columns, with a verb such as `INSERT` or `REPLACE`.
pub(crate) fn row_of(verb: &str, table: &str, rng: &mut Rng) -> String {
    format!(
        "{verb} INTO {table} (id, n, s, up, code) VALUES {}",
        rng.row()
    )
}

#[allow(dead_code, reason = "MariaDB has no UPDATE with FROM")]
pub(crate) fn update_from(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let (table, other) = (schema.some_table(rng), schema.relation(rng));
    Some(format!(
        "UPDATE {table} SET n = o.n FROM {other} o WHERE o.id = {table}.id"
    ))
}

fn insert(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let target = schema.target(rng);
    let has_all = schema.tables.contains(&target);
    let target = spelled(&target, rng);
    Some(if has_all {
        row_of("INSERT", &target, rng)
    } else {
        format!("INSERT INTO {target} (id, n, s) VALUES {}", rng.short_row())
    })
}

fn insert_several(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let target = spelled(&schema.target(rng), rng);
    let rows = [(); 3].map(|()| rng.short_row()).join(", ");
    Some(format!("INSERT INTO {target} (id, n, s) VALUES {rows}"))
}

fn insert_a_select(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let (target, other) = (
        spelled(&schema.target(rng), rng),
        spelled(&schema.relation(rng), rng),
    );
    let more = rng.number();
    Some(format!(
        "INSERT INTO {target} (id, n, s) SELECT max(id) + {more}, min(n), 'c' FROM {other}"
    ))
}

fn insert_or_update(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let table = spelled(&schema.some_table(rng), rng);
    let set = match rng.u8(..3) {
        0 => format!("n = {}", rng.number()),
        1 => format!("code = {}", rng.or_null()),
        _ => format!("up = {}", rng.or_null()),
    };
    let (row, upsert) = (rng.row(), upsert(&set));
    Some(format!(
        "INSERT INTO {table} (id, n, s, up, code) VALUES {row} {upsert}"
    ))
}

fn update(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let target = spelled(&schema.target(rng), rng);
    let set = if rng.bool() {
        "n = coalesce(n, 0) + 1"
    } else {
        "s = 'u'"
    };
    Some(format!(
        "UPDATE {target} SET {set} WHERE {}",
        rng.condition()
    ))
}

fn update_key(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let table = spelled(&schema.some_table(rng), rng);
    let column = if rng.bool() { "id" } else { "code" };
    let (to, condition) = (rng.number(), rng.condition());
    Some(format!(
        "UPDATE {table} SET {column} = {to} WHERE {condition}"
    ))
}

fn update_references(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let table = spelled(&schema.some_table(rng), rng);
    let (to, condition) = (rng.or_null(), rng.condition());
    Some(format!("UPDATE {table} SET up = {to} WHERE {condition}"))
}

fn delete(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let target = spelled(&schema.target(rng), rng);
    Some(format!("DELETE FROM {target} WHERE {}", rng.condition()))
}

fn delete_by_query(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let (table, other) = (
        spelled(&schema.some_table(rng), rng),
        spelled(&schema.relation(rng), rng),
    );
    let n = rng.u8(..7);
    Some(format!(
        "DELETE FROM {table} WHERE id IN (SELECT id FROM {other} WHERE n = {n}) AND n < 4"
    ))
}

fn call(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let call = rng.choice(&schema.calls)?;
    Some(call.replace('?', &rng.number().to_string()))
}
