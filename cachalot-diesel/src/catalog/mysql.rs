//! The `information_schema` of MySQL and MariaDB. It shows only what the account may see.

use diesel::{
    MysqlConnection, QueryResult, QueryableByName, RunQueryDsl,
    sql_types::{Nullable, Text},
};

use super::facts::{
    Action, Code, Facts, ForeignKey, Relation, RelationKind, Routine, Trigger, Volatility,
};
use crate::statement::{Dialect, Events};

/// Databases that are not the user's.
const USERS: &str = "NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')";

/// Engines whose rows lie elsewhere, or in other tables.
const OUTSIDE: [&str; 5] = ["FEDERATED", "CONNECT", "SPIDER", "MRG_MYISAM", "OQGRAPH"];

#[derive(QueryableByName)]
struct RelationRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    engine: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    definition: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    updatable: Option<String>,
}

#[derive(QueryableByName)]
struct ForeignKeyRow {
    #[diesel(sql_type = Text)]
    child: String,
    #[diesel(sql_type = Text)]
    parent: String,
    #[diesel(sql_type = Text)]
    on_delete: String,
    #[diesel(sql_type = Text)]
    on_update: String,
}

#[derive(QueryableByName)]
struct TriggerRow {
    #[diesel(sql_type = Text)]
    on_table: String,
    #[diesel(sql_type = Text)]
    event: String,
    #[diesel(sql_type = Nullable<Text>)]
    body: Option<String>,
}

#[derive(QueryableByName)]
struct RoutineRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    body: Option<String>,
}

/// Asks for everything, in four queries.
pub(crate) fn load(conn: &mut MysqlConnection) -> QueryResult<Facts> {
    let mut facts = Facts::new(Dialect::Mysql);
    let relations: Vec<RelationRow> = diesel::sql_query(format!(
        "SELECT t.TABLE_NAME AS name, t.TABLE_TYPE AS kind, t.ENGINE AS engine, \
         v.VIEW_DEFINITION AS definition, v.IS_UPDATABLE AS updatable \
         FROM information_schema.TABLES t LEFT JOIN information_schema.VIEWS v \
         ON v.TABLE_SCHEMA = t.TABLE_SCHEMA AND v.TABLE_NAME = t.TABLE_NAME \
         WHERE t.TABLE_SCHEMA {USERS}"
    ))
    .load(conn)?;
    for row in relations {
        let name = facts.name(&row.name);
        let kind = row.kind();
        facts.relations.push(Relation { name, kind });
    }
    let keys: Vec<ForeignKeyRow> = diesel::sql_query(format!(
        "SELECT TABLE_NAME AS child, REFERENCED_TABLE_NAME AS parent, \
         DELETE_RULE AS on_delete, UPDATE_RULE AS on_update \
         FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA {USERS}"
    ))
    .load(conn)?;
    for row in keys {
        let key = ForeignKey {
            child: facts.name(&row.child),
            parent: facts.name(&row.parent),
            on_delete: Action::parse(&row.on_delete, Action::Delete),
            on_update: Action::parse(&row.on_update, Action::Update),
        };
        facts.foreign_keys.push(key);
    }
    let triggers: Vec<TriggerRow> = diesel::sql_query(format!(
        "SELECT EVENT_OBJECT_TABLE AS on_table, EVENT_MANIPULATION AS event, \
         ACTION_STATEMENT AS body FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA {USERS}"
    ))
    .load(conn)?;
    for row in triggers {
        let trigger = Trigger {
            table: facts.name(&row.on_table),
            events: events_of(&row.event),
            code: row.body.map_or(Code::Hidden, Code::Text),
        };
        facts.triggers.push(trigger);
    }
    let routines: Vec<RoutineRow> = diesel::sql_query(format!(
        "SELECT ROUTINE_NAME AS name, ROUTINE_DEFINITION AS body \
         FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA {USERS}"
    ))
    .load(conn)?;
    for row in routines {
        let routine = Routine {
            name: facts.name(&row.name),
            code: row.body.map_or(Code::Hidden, Code::Text),
            volatility: Volatility::Unsaid,
        };
        facts.routines.push(routine);
    }
    Ok(facts)
}

impl RelationRow {
    fn kind(self) -> RelationKind {
        let elsewhere = |engine: &str| OUTSIDE.iter().any(|it| it.eq_ignore_ascii_case(engine));
        match &*self.kind {
            "VIEW" => RelationKind::View {
                // Empty where the account may not see it.
                text: self.definition.filter(|text| !text.is_empty()),
                updatable: self.updatable.as_deref() != Some("NO"),
            },
            "BASE TABLE" | "SYSTEM VERSIONED" => match &self.engine {
                Some(engine) if !elsewhere(engine) => RelationKind::Table,
                // Elsewhere, or not to be opened just now.
                _ => RelationKind::Outside,
            },
            // Sequences, and whatever comes.
            _ => RelationKind::Outside,
        }
    }
}

/// `EVENT_MANIPULATION`; newer servers may name several.
fn events_of(text: &str) -> Events {
    let text = text.to_ascii_uppercase();
    let events = Events {
        insert: text.contains("INSERT"),
        update: text.contains("UPDATE"),
        delete: text.contains("DELETE"),
    };
    if events == Events::default() {
        Events::ALL
    } else {
        events
    }
}
