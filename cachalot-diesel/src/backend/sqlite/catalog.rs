//! Loads SQLite's catalog: the SQL of tables, views, triggers and indexes.

use std::{collections::HashMap, sync::Arc};

use diesel::{
    QueryResult, QueryableByName, RunQueryDsl, SqliteConnection,
    sql_types::{Integer, Nullable, Text},
};

use super::catalog_columns;
use crate::{
    catalog::{
        declared::FoundKeys,
        facts::{Code, Facts, Relation, RelationKind, Trigger},
        tracked::TrackedColumns,
    },
    policy::DeclaredKeys,
};
use cachalot_sql::{
    Columns, Dialect, Events,
    catalog::{Definition, Named},
};

/// Virtual table modules whose rows change only by statements that name the table, or the tables in
/// its definition.
const SUPPORTED_MODULES: [&str; 8] = [
    "fts3",
    "fts4",
    "fts4aux",
    "fts5",
    "fts5vocab",
    "geopoly",
    "rtree",
    "rtree_i32",
];

/// The tokenizers that are part of SQLite.
const BUILTIN_TOKENIZERS: [&str; 6] = ["ascii", "icu", "porter", "simple", "trigram", "unicode61"];

#[derive(QueryableByName)]
struct Database {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Object {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    on_table: String,
    #[diesel(sql_type = Nullable<Text>)]
    sql: Option<String>,
}

#[derive(QueryableByName)]
struct ForeignKeyRow {
    #[diesel(sql_type = Text)]
    child: String,
    /// The number of the key among those of the child.
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = Text)]
    child_column: String,
    #[diesel(sql_type = Text)]
    parent: String,
    /// `None`: the primary key.
    #[diesel(sql_type = Nullable<Text>)]
    parent_column: Option<String>,
    #[diesel(sql_type = Text)]
    on_delete: String,
    #[diesel(sql_type = Text)]
    on_update: String,
}

/// Loads the facts with three queries per attached database. Columns need `AS`, as pragmas may change
/// their default names.
pub(super) fn load(conn: &mut SqliteConnection, declared: &DeclaredKeys) -> QueryResult<Facts> {
    let databases: Vec<Database> =
        diesel::sql_query("SELECT name AS name FROM pragma_database_list").load(conn)?;
    let mut facts = Facts::new(Dialect::Sqlite);
    for database in databases {
        let schema = format!("\"{}\"", database.name.replace('"', "\"\""));
        let literal = format!("'{}'", database.name.replace('\'', "''"));
        let objects: Vec<Object> = diesel::sql_query(format!(
            "SELECT type AS kind, name AS name, tbl_name AS on_table, sql AS sql FROM {schema}.sqlite_schema \
             WHERE type IN ('table', 'view', 'trigger', 'index')"
        ))
        .load(conn)?;
        let keys: Vec<ForeignKeyRow> = diesel::sql_query(format!(
            "SELECT m.name AS child, k.id AS number, k.\"from\" AS child_column, k.\"table\" AS parent, \
             k.\"to\" AS parent_column, k.on_delete AS on_delete, k.on_update AS on_update \
             FROM {schema}.sqlite_schema AS m, pragma_foreign_key_list(m.name, {literal}) AS k \
             WHERE m.type = 'table'",
        ))
        .load(conn)?;
        add_keys(&mut facts, &keys);
        let mut referencing: HashMap<&str, Vec<&str>> = HashMap::new();
        for key in &keys {
            let columns = referencing.entry(&key.child).or_default();
            columns.push(&key.child_column);
        }
        let candidates = catalog_columns::load(conn, &schema, &literal, !declared.is_empty())?;
        for object in objects {
            let referencing = referencing.get(&*object.name).map_or(&[][..], |it| it);
            add(&mut facts, &object, |sql, found| {
                candidates.of(&object.name, sql, referencing, (declared, found))
            });
        }
        add_shadows(&mut facts);
    }
    Ok(facts)
}

/// Adds foreign keys. The rows of one, a row for each of its columns, follow each other.
fn add_keys(facts: &mut Facts, rows: &[ForeignKeyRow]) {
    for rows in rows.chunk_by(|a, b| (&a.child, a.number) == (&b.child, b.number)) {
        let Some(key) = rows.first() else { continue };
        let parents: Option<Vec<_>> = rows.iter().map(|it| it.parent_column.as_deref()).collect();
        facts.add_foreign_key(
            [&key.child, &key.parent],
            [&key.on_delete, &key.on_update],
            [
                Facts::columns(rows.iter().map(|it| &*it.child_column)),
                parents.map_or(Columns::All, Facts::columns),
            ],
        );
    }
}

/// Adds the shadow tables of virtual tables, which are named after them.
fn add_shadows(facts: &mut Facts) {
    let virtuals = facts
        .relations
        .iter()
        .filter(|it| matches!(it.kind, RelationKind::Derived(_)));
    let shadows = virtuals.flat_map(|of| {
        let prefix = format!("{}_", of.name);
        let others = facts.relations.iter();
        others
            .filter(move |it| it.name.starts_with(&prefix))
            .map(|it| (Arc::clone(&of.name), Arc::clone(&it.name)))
    });
    let shadows: Vec<_> = shadows.collect();
    facts.inheritance.extend(shadows);
}

/// Does a full-text table use a built-in tokenizer? A program can register others.
fn has_known_tokenizer(arguments: &str) -> bool {
    let arguments = arguments.to_ascii_lowercase();
    arguments.split("tokenize").skip(1).all(|rest| {
        let value = rest.split([',', ')']).next().unwrap_or_default();
        let mut words = value
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter(|word| !word.is_empty());
        let known = |word: &str| BUILTIN_TOKENIZERS.contains(&word);
        match words.next() {
            // Wraps another tokenizer.
            Some("porter") => words.next().is_none_or(known),
            Some(word) => known(word),
            None => false,
        }
    })
}

/// `tracked`: the tracked columns of a table that has this definition.
fn add(
    facts: &mut Facts,
    object: &Object,
    tracked: impl FnOnce(&str, &mut FoundKeys) -> TrackedColumns,
) {
    // Internal tables of SQLite have no SQL.
    let Some(sql) = &object.sql else { return };
    // `ON CONFLICT FAIL` of a constraint, `OR FAIL` in a trigger.
    facts.fails_in_part |= sql.to_ascii_lowercase().contains("fail");
    let name = facts.name(&object.name);
    // The functions in a trigger matter only for writes.
    if object.kind != "trigger" {
        let named = Named::in_sqlite(sql);
        let relation = facts.name(&object.on_table);
        facts.named.push((relation, named));
    }
    if object.kind == "index" {
        return;
    }
    let kind = match Definition::of_sqlite(sql) {
        Some(Definition::Table {
            replaces,
            generated,
        }) => {
            if replaces {
                facts.replacing.push(Arc::clone(&name));
            }
            facts.add_also_updated(&object.name, &generated);
            RelationKind::Table
        }
        Some(Definition::View(text)) => RelationKind::View {
            text: Some(text),
            // Only through triggers, which are loaded separately.
            updatable: false,
        },
        Some(Definition::Virtual { module, arguments })
            if SUPPORTED_MODULES.contains(&&*module) && has_known_tokenizer(&arguments) =>
        {
            RelationKind::Derived(arguments)
        }
        Some(Definition::Trigger { events, body }) => {
            facts.triggers.push(Trigger {
                table: facts.name(&object.on_table),
                events,
                code: Code::Text(body),
            });
            return;
        }
        None if object.kind == "trigger" => {
            facts.triggers.push(Trigger {
                table: facts.name(&object.on_table),
                events: Events::ALL,
                code: Code::Hidden,
            });
            return;
        }
        Some(Definition::Virtual { .. }) | None => RelationKind::Outside,
    };
    let tracked = match kind {
        RelationKind::Table => tracked(sql, &mut facts.declared),
        _ => TrackedColumns::new(),
    };
    facts.relations.push(Relation {
        name,
        kind,
        tracked,
    });
}

#[cfg(test)]
mod tests {
    use diesel::{Connection, connection::SimpleConnection};

    use super::*;

    #[test]
    fn columns_of_keys_and_generated_columns_are_loaded() {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        conn.batch_execute(
            "CREATE TABLE parents (a INTEGER, b INTEGER, PRIMARY KEY (a, b)); \
             CREATE TABLE kids (x INTEGER REFERENCES parents ON UPDATE CASCADE, y INTEGER, z INTEGER, \
              w INTEGER GENERATED ALWAYS AS (x + y) VIRTUAL, \
              FOREIGN KEY (\"Y\", z) REFERENCES parents (a, b) ON DELETE SET NULL)",
        )
        .unwrap();
        let facts = load(&mut conn, &DeclaredKeys::default()).unwrap();
        let keys = facts.foreign_keys.iter();
        let mut keys: Vec<_> = keys
            .map(|it| (it.child_columns.clone(), it.parent_columns.clone()))
            .collect();
        keys.sort_by_key(|it| it.1 == Columns::All);
        assert_eq!(
            keys,
            [
                (Facts::columns(["y", "z"]), Facts::columns(["a", "b"])),
                (Facts::columns(["x"]), Columns::All),
            ]
        );
        let generated = facts.also_updated.into_iter().collect::<Vec<_>>();
        assert_eq!(generated, [("kids".into(), Facts::columns(["w"]))]);
    }

    #[test]
    fn builtin_tokenizers_are_recognised() {
        for known in [
            "( a , b )",
            "( a , tokenize = porter )",
            "( a , tokenize = porter unicode61 remove_diacritics 1 , content = x )",
            "( a, tokenize=unicode61 \"tokenchars=-_\" )",
        ] {
            assert!(has_known_tokenizer(known), "{known}");
        }
        for other in [
            "( a , tokenize = mine )",
            "( a , TOKENIZE = porter mine , content = x )",
            "( a , tokenize = )",
        ] {
            assert!(!has_known_tokenizer(other), "{other}");
        }
    }
}
