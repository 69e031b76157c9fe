//! SQLite keeps the texts that defined its tables, views and triggers.

use std::sync::Arc;

use diesel::{
    QueryResult, QueryableByName, RunQueryDsl, SqliteConnection,
    sql_types::{Nullable, Text},
};

use super::facts::{Action, Code, Facts, ForeignKey, Relation, RelationKind, Trigger};
use crate::statement::{Definition, Dialect, Events};

/// Virtual tables whose rows change only by statements that name them or the tables that their
/// definition names.
const MODULES: [&str; 8] = [
    "fts3",
    "fts4",
    "fts4aux",
    "fts5",
    "fts5vocab",
    "geopoly",
    "rtree",
    "rtree_i32",
];

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
struct Key {
    #[diesel(sql_type = Text)]
    child: String,
    #[diesel(sql_type = Text)]
    parent: String,
    #[diesel(sql_type = Text)]
    on_delete: String,
    #[diesel(sql_type = Text)]
    on_update: String,
}

/// Asks for everything, in two queries for each attached database. Each column is named with `AS`: a
/// pragma may decide how others are called.
pub(crate) fn load(conn: &mut SqliteConnection) -> QueryResult<Facts> {
    let databases: Vec<Database> =
        diesel::sql_query("SELECT name AS name FROM pragma_database_list").load(conn)?;
    let mut facts = Facts::new(Dialect::Sqlite);
    for database in databases {
        let schema = format!("\"{}\"", database.name.replace('"', "\"\""));
        let objects: Vec<Object> = diesel::sql_query(format!(
            "SELECT type AS kind, name AS name, tbl_name AS on_table, sql AS sql FROM {schema}.sqlite_schema \
             WHERE type IN ('table', 'view', 'trigger')"
        ))
        .load(conn)?;
        for object in objects {
            add(&mut facts, &object);
        }
        add_shadows(&mut facts);
        let keys: Vec<Key> = diesel::sql_query(format!(
            "SELECT m.name AS child, k.\"table\" AS parent, k.on_delete AS on_delete, k.on_update AS on_update \
             FROM {schema}.sqlite_schema AS m, pragma_foreign_key_list(m.name, {literal}) AS k \
             WHERE m.type = 'table' AND k.seq = 0",
            literal = format_args!("'{}'", database.name.replace('\'', "''")),
        ))
        .load(conn)?;
        for key in keys {
            let key = ForeignKey {
                child: facts.name(&key.child),
                parent: facts.name(&key.parent),
                on_delete: Action::parse(&key.on_delete, Action::Delete),
                on_update: Action::parse(&key.on_update, Action::Update),
            };
            facts.foreign_keys.push(key);
        }
    }
    Ok(facts)
}

/// A virtual table keeps its rows in tables that begin with its name.
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
    facts.kin.extend(shadows);
}

fn add(facts: &mut Facts, object: &Object) {
    // SQLite's own tables have no text.
    let Some(sql) = &object.sql else { return };
    // `ON CONFLICT FAIL` of a constraint, `OR FAIL` in a trigger.
    facts.fails_in_part |= sql.to_ascii_lowercase().contains("fail");
    let name = facts.name(&object.name);
    let kind = match Definition::of_sqlite(sql) {
        Some(Definition::Table { replaces }) => {
            if replaces {
                facts.replacing.push(Arc::clone(&name));
            }
            RelationKind::Table
        }
        Some(Definition::View(text)) => RelationKind::View {
            text: Some(text),
            // But for the triggers that make it so.
            updatable: false,
        },
        Some(Definition::Virtual { module, arguments }) if MODULES.contains(&&*module) => {
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
    facts.relations.push(Relation { name, kind });
}
