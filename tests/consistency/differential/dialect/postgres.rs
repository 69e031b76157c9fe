//! How the differential test speaks to PostgreSQL, and what only PostgreSQL has.

use cachalot_tests::{Database, unique};
use diesel::connection::SimpleConnection as _;
use fastrand::Rng;

use super::differential::schema::{Change, Schema, make_writable};
use super::differential::writes::{Values as _, Write, update_from};
use super::{Conn, db};

/// The type that everything is shown as.
pub(crate) const TEXT: &str = "TEXT";

pub(crate) const ACTIONS: &[&str] = &["CASCADE", "CASCADE", "SET NULL", "SET DEFAULT", "NO ACTION"];

/// A table may refer to one that is yet to come.
pub(crate) const INLINE_KEYS: bool = false;

/// How a transaction may begin.
pub(crate) const BEGINS: &[&str] = &[
    "BEGIN",
    "START TRANSACTION",
    "BEGIN ISOLATION LEVEL REPEATABLE READ",
    "BEGIN ISOLATION LEVEL SERIALIZABLE",
];

pub(crate) const MORE_CHANGES: &[Change] = &[
    add_partitions,
    detach_or_attach,
    add_child,
    inherit_or_not,
    add_rule,
    add_reader,
    add_reader,
    replace_reader,
    add_writer,
    add_procedure,
    add_materialized,
    add_statement_trigger,
    make_writable,
    switch_trigger,
    replace_trigger,
    add_opaque_trigger,
    add_role,
    add_policy,
    add_policy,
    change_policy,
    switch_policies,
];

pub(crate) const MORE_WRITES: &[Write] = &[
    refresh,
    refresh,
    truncate,
    merge,
    with_writes,
    update_from,
    update_only,
    block,
    change_session,
    change_session,
];

pub(crate) fn trigger(
    name: &str,
    moment: &str,
    table: &str,
    condition: Option<&str>,
    body: &str,
) -> String {
    let body = match condition {
        Some(condition) => format!("IF {condition} THEN {body} END IF;"),
        None => body.to_owned(),
    };
    format!(
        "{}; CREATE TRIGGER {name} {moment} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
        function(name, &body)
    )
}

fn function(name: &str, body: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN {body} IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
    )
}

pub(crate) fn drop_trigger(name: &str, table: &str) -> String {
    format!("DROP {} {name} ON {table}", kind(name))
}

fn kind(name: &str) -> &'static str {
    if name.starts_with('r') {
        "RULE"
    } else {
        "TRIGGER"
    }
}

/// The ways to write a name.
pub(crate) fn spellings(name: &str) -> Vec<String> {
    let upper = name.to_uppercase();
    vec![
        format!("\"{name}\""),
        format!("public.{name}"),
        format!("\"public\".{upper}"),
        upper,
    ]
}

/// What an insert that meets a row does instead.
pub(crate) fn upsert(set: &str) -> String {
    format!("ON CONFLICT (id) DO UPDATE SET {set}")
}

/// A database that nobody needs any more.
pub(crate) fn discard(_conn: &mut Conn, database: &Database, schema: &Schema) {
    let Some((server, _)) = database.url().rsplit_once('/') else {
        return;
    };
    let mut conn = db::establish(&format!("{server}/postgres"));
    let _ = conn.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", database.name()));
    if let Some(role) = &schema.role {
        let _ = conn.batch_execute(&format!("DROP ROLE {role}"));
    }
}

fn add_partitions(schema: &mut Schema, _rng: &mut Rng) -> Option<String> {
    let name = schema.name("p");
    let (a, b, c) = (
        format!("{name}_a"),
        format!("{name}_b"),
        format!("{name}_c"),
    );
    let sql = format!(
        "CREATE TABLE {name} (id INTEGER, n INTEGER, s VARCHAR(20)) PARTITION BY RANGE (n); \
         CREATE TABLE {a} PARTITION OF {name} FOR VALUES FROM (0) TO (3); \
         CREATE TABLE {b} PARTITION OF {name} DEFAULT PARTITION BY LIST (s); \
         CREATE TABLE {c} PARTITION OF {b} FOR VALUES IN ('a', 'c', 'u'); \
         CREATE TABLE {b}_rest PARTITION OF {b} DEFAULT"
    );
    schema.logs.extend([format!("{b}_rest"), name, a, b, c]);
    Some(sql)
}

fn detach_or_attach(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let parts: Vec<_> = schema.logs.iter().filter(|it| it.ends_with("_a")).collect();
    let part = rng.choice(parts)?;
    let whole = part.strip_suffix("_a")?;
    Some(if rng.bool() {
        format!("ALTER TABLE {whole} DETACH PARTITION {part}")
    } else {
        format!("ALTER TABLE {whole} ATTACH PARTITION {part} FOR VALUES FROM (0) TO (3)")
    })
}

fn add_child(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let parent = schema.some_table(rng);
    let name = schema.name("h");
    schema.logs.push(name.clone());
    Some(format!(
        "CREATE TABLE {name} (more INTEGER) INHERITS ({parent})"
    ))
}

fn inherit_or_not(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let children: Vec<_> = schema
        .logs
        .iter()
        .filter(|it| it.starts_with('h'))
        .collect();
    let child = rng.choice(children)?;
    let no = if rng.bool() { "NO " } else { "" };
    Some(format!(
        "ALTER TABLE {child} {no}INHERIT {}",
        schema.some_table(rng)
    ))
}

fn add_rule(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let table = schema.some_table(rng);
    let (event, row) = [("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD")][rng.usize(..3)];
    let name = schema.name("r");
    let condition = if rng.bool() {
        format!(" WHERE {row}.n > 2")
    } else {
        String::new()
    };
    let log = &schema.logs[rng.usize(..2)];
    let sql = format!(
        "CREATE RULE {name} AS ON {event} TO {table}{condition} \
         DO ALSO INSERT INTO {log} (id, n, s) VALUES ({row}.id, {row}.n, 'rule')"
    );
    schema.triggers.push((name, table));
    Some(sql)
}

/// A function that reads what it can: a table, a view, or another function.
fn reader(schema: &Schema, name: &str, rng: &mut Rng) -> String {
    let relation = schema.relation(rng);
    let result = match rng.u8(..3) {
        0 => format!("SELECT count(*)::integer FROM {relation}"),
        1 => format!("SELECT max(n)::integer FROM {relation} WHERE id <> x"),
        _ => match rng.choice(&schema.readers) {
            Some(other) if other != name => format!("SELECT {other}(x)"),
            _ => format!("SELECT min(id)::integer FROM {relation} WHERE n = x"),
        },
    };
    let body = match rng.u8(..3) {
        0 => format!("LANGUAGE sql STABLE AS $$ {result} $$"),
        1 => format!("LANGUAGE sql STABLE RETURN ({result})"),
        _ => format!("LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN ({result}); END $$"),
    };
    format!("CREATE OR REPLACE FUNCTION {name}(x BIGINT) RETURNS INTEGER {body}")
}

fn add_reader(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let name = schema.name("f");
    let sql = reader(schema, &name, rng);
    schema.readers.push(name);
    Some(sql)
}

fn replace_reader(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let name = rng.choice(&schema.readers)?.clone();
    Some(reader(schema, &name, rng))
}

fn add_writer(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let name = schema.name("w");
    let body = schema.body("nobody", ["$1", "$1"], rng);
    schema.calls.extend([
        format!("SELECT {name}(?)"),
        format!("INSERT INTO l0 SELECT {name}(?), 1, 'called'"),
    ]);
    Some(format!(
        "CREATE FUNCTION {name}(INTEGER) RETURNS INTEGER LANGUAGE sql AS $$ {body} SELECT $1 $$"
    ))
}

fn add_procedure(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let name = schema.name("q");
    let body = schema.body("nobody", ["$1", "$1"], rng);
    schema.calls.push(format!("CALL {name}(?)"));
    Some(format!(
        "CREATE PROCEDURE {name}(INTEGER) LANGUAGE sql AS $$ {body} $$"
    ))
}

fn add_materialized(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let select = schema.select(rng);
    let name = schema.name("m");
    schema.results.push(name.clone());
    Some(format!("CREATE MATERIALIZED VIEW {name} AS {select}"))
}

fn add_statement_trigger(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let table = schema.some_table(rng);
    let events = ["INSERT", "UPDATE OR DELETE", "TRUNCATE", "DELETE"];
    let moment = format!(
        "{} {}",
        if rng.bool() { "BEFORE" } else { "AFTER" },
        events[rng.usize(..4)]
    );
    let body = schema.body(&table, ["7", "3"], rng);
    let name = schema.name("g");
    schema.triggers.push((name.clone(), table.clone()));
    let sql = trigger(&name, &moment, &table, None, &body);
    Some(sql.replace("FOR EACH ROW", "FOR EACH STATEMENT"))
}

fn switch_trigger(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let (name, table) = rng.choice(&schema.triggers)?.clone();
    let switch = if rng.bool() { "DISABLE" } else { "ENABLE" };
    Some(format!(
        "ALTER TABLE {table} {switch} {} {name}",
        kind(&name)
    ))
}

/// The trigger stays, its function does something else.
fn replace_trigger(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let (name, table) = rng.choice(&schema.triggers)?.clone();
    let body = schema.body(&table, ["5", "5"], rng);
    Some(function(&name, &body))
}

/// What it writes nobody can tell from its text.
fn add_opaque_trigger(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    if rng.u8(..6) > 0 {
        return None;
    }
    let table = schema.some_table(rng);
    let body = schema.body(&table, ["9", "4"], rng).replace('\'', "''");
    let name = schema.name("g");
    schema.triggers.push((name.clone(), table.clone()));
    schema.sweeping = true;
    Some(trigger(
        &name,
        "AFTER UPDATE",
        &table,
        None,
        &format!("EXECUTE '{body}';"),
    ))
}

/// A role that may do all that the superuser may with tables, but for what policies keep from it.
fn add_role(schema: &mut Schema, _rng: &mut Rng) -> Option<String> {
    if schema.role.is_some() {
        return None;
    }
    let role = unique::name("r");
    let sql = format!(
        "CREATE ROLE {role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; \
         ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO {role}"
    );
    schema.role = Some(role);
    Some(sql)
}

/// Which rows a policy shows.
fn shown(schema: &Schema, rng: &mut Rng) -> String {
    let other = schema.relation(rng);
    match rng.u8(..4) {
        0 => format!("n <> {}", rng.u8(..7)),
        1 => {
            "id > coalesce(nullif(current_setting('app.level', true), ''), '3')::integer".to_owned()
        }
        2 => format!("EXISTS (SELECT 1 FROM {other} o WHERE o.n > 2)"),
        _ => match rng.choice(&schema.readers) {
            Some(function) => format!("coalesce({function}(n), 1) > 0"),
            None => "current_user <> 'postgres' OR n > 1".to_owned(),
        },
    }
}

fn add_policy(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    schema.role.as_ref()?;
    let (table, shown) = (schema.some_table(rng), shown(schema, rng));
    let name = schema.name("o");
    let kind = if rng.bool() {
        "PERMISSIVE"
    } else {
        "RESTRICTIVE"
    };
    let sql = format!(
        "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY {name} ON {table} AS {kind} USING ({shown}) WITH CHECK (true)"
    );
    schema.policies.push((name, table));
    Some(sql)
}

fn change_policy(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let (name, table) = rng.choice(&schema.policies)?.clone();
    Some(if rng.bool() {
        format!(
            "ALTER POLICY {name} ON {table} USING ({})",
            shown(schema, rng)
        )
    } else {
        format!("DROP POLICY {name} ON {table}")
    })
}

fn switch_policies(schema: &mut Schema, rng: &mut Rng) -> Option<String> {
    let (_, table) = rng.choice(&schema.policies)?;
    let switch = ["ENABLE", "DISABLE", "FORCE", "NO FORCE"][rng.usize(..4)];
    Some(format!("ALTER TABLE {table} {switch} ROW LEVEL SECURITY"))
}

/// No write, but the connection sees other rows from here on.
fn change_session(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let role = schema.role.as_ref()?;
    let number = rng.number();
    Some(match rng.u8(..8) {
        0 => format!("SET ROLE {role}"),
        1 => format!("SET LOCAL ROLE {role}"),
        2 => format!("SELECT set_config('role', '{role}', {})", rng.bool()),
        3 => format!("SET app.level = {number}"),
        4 => format!("SELECT set_config('app.level', '{number}', {})", rng.bool()),
        5 => "RESET app.level".to_owned(),
        6 => "SET ROLE NONE".to_owned(),
        _ => "RESET ROLE".to_owned(),
    })
}

fn refresh(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let name = rng.choice(&schema.results)?;
    Some(format!("REFRESH MATERIALIZED VIEW {name}"))
}

fn truncate(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let target = schema.target(rng);
    let cascade = if rng.bool() { " CASCADE" } else { "" };
    (rng.u8(..5) == 0).then(|| format!("TRUNCATE {target}{cascade}"))
}

fn merge(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let (table, other) = (schema.some_table(rng), schema.relation(rng));
    Some(format!(
        "MERGE INTO {table} t USING (SELECT DISTINCT id FROM {other}) o ON t.id = o.id \
         WHEN MATCHED AND t.n > {} THEN DELETE WHEN MATCHED THEN UPDATE SET s = 'merged' \
         WHEN NOT MATCHED AND o.id < 5 THEN INSERT (id, n) VALUES (o.id, 1)",
        rng.u8(..7)
    ))
}

fn with_writes(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let (table, target) = (schema.some_table(rng), schema.target(rng));
    Some(format!(
        "WITH gone AS (DELETE FROM {table} WHERE {} RETURNING id, n, s) \
         INSERT INTO {target} (id, n, s) SELECT id, n, s FROM gone",
        rng.condition()
    ))
}

fn update_only(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let table = schema.some_table(rng);
    Some(format!(
        "UPDATE ONLY {table} SET s = 'only' WHERE {}",
        rng.condition()
    ))
}

fn block(schema: &Schema, rng: &mut Rng) -> Option<String> {
    let table = schema.some_table(rng);
    let number = rng.number();
    (rng.u8(..4) == 0)
        .then(|| format!("DO $$ BEGIN DELETE FROM {table} WHERE id = {number}; END $$"))
}
