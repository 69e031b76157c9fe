//! The `information_schema` of MySQL and MariaDB. It shows only what the account may see.
//!
//! A server has many databases, and tables of one name in several of them need not have anything in
//! common. So of all that the account sees only those databases count that the one which is read has
//! to do with: that it names, or that name it, directly or by way of others.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use diesel::{
    MysqlConnection, QueryResult, QueryableByName, RunQueryDsl,
    deserialize::{self, FromSql},
    mysql::Mysql,
    row::{Field, NamedRow, Row},
    sql_types::{Bool, Nullable, Text},
};

use super::facts::{
    Action, Code, Facts, ForeignKey, Relation, RelationKind, Routine, Trigger, Volatility,
};
use crate::statement::{Body, Dialect, Events};

/// Databases that are not the user's.
const USERS: &str = "NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')";

/// Engines whose rows lie elsewhere, or in other tables.
const OUTSIDE: [&str; 5] = ["FEDERATED", "CONNECT", "SPIDER", "MRG_MYISAM", "OQGRAPH"];

#[derive(QueryableByName)]
struct Own {
    #[diesel(sql_type = Nullable<Text>)]
    db: Option<String>,
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Nullable<Text>)]
    granted_role: Option<String>,
}

/// A line of `SHOW GRANTS`, whose only column is named after the account.
struct Grant(String);

impl QueryableByName<Mysql> for Grant {
    fn build<'a>(row: &impl NamedRow<'a, Mysql>) -> deserialize::Result<Self> {
        let field = Row::get(row, 0).ok_or("a grant without a column")?;
        let line = FromSql::<Text, Mysql>::from_nullable_sql(field.value())?;
        Ok(Self(line))
    }
}

#[derive(QueryableByName)]
struct RelationRow {
    #[diesel(sql_type = Text)]
    db: String,
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
    /// It has keys of which the account may not see more than that they are there.
    #[diesel(sql_type = Bool)]
    hidden: bool,
}

#[derive(QueryableByName)]
struct ForeignKeyRow {
    #[diesel(sql_type = Text)]
    db: String,
    #[diesel(sql_type = Text)]
    child: String,
    #[diesel(sql_type = Text)]
    parent_db: String,
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
    db: String,
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
    db: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    body: Option<String>,
}

/// Asks for everything, in six queries. `named`: databases that count besides the connection's own.
pub(crate) fn load(conn: &mut MysqlConnection, named: &BTreeSet<Arc<str>>) -> QueryResult<Facts> {
    let own: Own = diesel::sql_query(
        "SELECT DATABASE() AS db, VERSION() AS version, CURRENT_ROLE() AS granted_role",
    )
    .get_result(conn)?;
    let relations: Vec<RelationRow> = diesel::sql_query(format!(
        "SELECT t.TABLE_SCHEMA AS db, t.TABLE_NAME AS name, t.TABLE_TYPE AS kind, \
         t.ENGINE AS engine, v.VIEW_DEFINITION AS definition, v.IS_UPDATABLE AS updatable, \
         t.TABLE_TYPE <> 'VIEW' \
         AND (t.TABLE_SCHEMA, t.TABLE_NAME) IN (SELECT TABLE_SCHEMA, TABLE_NAME \
          FROM information_schema.KEY_COLUMN_USAGE) \
         AND (t.TABLE_SCHEMA, t.TABLE_NAME) NOT IN (SELECT TABLE_SCHEMA, TABLE_NAME \
          FROM information_schema.TABLE_CONSTRAINTS) AS hidden \
         FROM information_schema.TABLES t LEFT JOIN information_schema.VIEWS v \
         ON v.TABLE_SCHEMA = t.TABLE_SCHEMA AND v.TABLE_NAME = t.TABLE_NAME \
         WHERE t.TABLE_SCHEMA {USERS}"
    ))
    .load(conn)?;
    let keys: Vec<ForeignKeyRow> = diesel::sql_query(format!(
        "SELECT CONSTRAINT_SCHEMA AS db, TABLE_NAME AS child, \
         UNIQUE_CONSTRAINT_SCHEMA AS parent_db, REFERENCED_TABLE_NAME AS parent, \
         DELETE_RULE AS on_delete, UPDATE_RULE AS on_update \
         FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA {USERS}"
    ))
    .load(conn)?;
    let triggers: Vec<TriggerRow> = diesel::sql_query(format!(
        "SELECT TRIGGER_SCHEMA AS db, EVENT_OBJECT_TABLE AS on_table, \
         EVENT_MANIPULATION AS event, ACTION_STATEMENT AS body \
         FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA {USERS}"
    ))
    .load(conn)?;
    let routines: Vec<RoutineRow> = diesel::sql_query(format!(
        "SELECT ROUTINE_SCHEMA AS db, ROUTINE_NAME AS name, ROUTINE_DEFINITION AS body \
         FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA {USERS}"
    ))
    .load(conn)?;

    let mut facts = Facts::new(Dialect::Mysql);
    facts.blind = !sees_triggers(conn, &own)?;
    let mut databases = Databases::default();
    for row in &relations {
        databases.say(&facts.name(&row.db), row.definition.as_deref());
    }
    for row in &keys {
        databases.link(&facts.name(&row.db), &facts.name(&row.parent_db));
    }
    for row in &triggers {
        databases.say(&facts.name(&row.db), row.body.as_deref());
    }
    for row in &routines {
        databases.say(&facts.name(&row.db), row.body.as_deref());
    }
    let own = own.db.map(|db| facts.name(&db));
    let counts = databases.reached_from(own.into_iter().chain(named.iter().cloned()));

    for row in relations {
        if counts.contains(&facts.name(&row.db)) {
            let name = facts.name(&row.name);
            let kind = row.kind();
            facts.relations.push(Relation { name, kind });
        } else {
            let db = facts.name(&row.db);
            facts.elsewhere.insert(db);
        }
    }
    for row in keys {
        if counts.contains(&facts.name(&row.db)) {
            let key = ForeignKey {
                child: facts.name(&row.child),
                parent: facts.name(&row.parent),
                on_delete: Action::parse(&row.on_delete, Action::Delete),
                on_update: Action::parse(&row.on_update, Action::Update),
            };
            facts.foreign_keys.push(key);
        }
    }
    for row in triggers {
        if counts.contains(&facts.name(&row.db)) {
            let trigger = Trigger {
                table: facts.name(&row.on_table),
                events: events_of(&row.event),
                code: row.body.map_or(Code::Hidden, Code::Text),
            };
            facts.triggers.push(trigger);
        }
    }
    for row in routines {
        let db = facts.name(&row.db);
        if counts.contains(&db) {
            let routine = Routine {
                name: facts.name(&row.name),
                code: row.body.map_or(Code::Hidden, Code::Text),
                volatility: Volatility::Unsaid,
            };
            facts.routines.push(routine);
        } else {
            facts.elsewhere.insert(db);
        }
    }
    Ok(facts)
}

/// May the account see triggers? MariaDB shows that there are some to whoever may write, if not what
/// they do; MySQL shows nothing of them without the privilege `TRIGGER`.
fn sees_triggers(conn: &mut MysqlConnection, own: &Own) -> QueryResult<bool> {
    if own.version.contains("MariaDB") {
        return Ok(true);
    }
    let role = own.granted_role.as_deref().filter(|role| *role != "NONE");
    let using = role.map_or_else(String::new, |role| format!(" USING {role}"));
    let grants: Vec<Grant> =
        diesel::sql_query(format!("SHOW GRANTS FOR CURRENT_USER(){using}")).load(conn)?;
    Ok(grants.iter().any(Grant::holds_trigger))
}

impl Grant {
    fn holds_trigger(&self) -> bool {
        let (privileges, _) = self.0.split_once(" ON ").unwrap_or_default();
        let privileges = privileges.trim_start_matches("GRANT ").split(',');
        privileges
            .map(str::trim)
            .any(|privilege| matches!(privilege, "TRIGGER" | "ALL PRIVILEGES"))
    }
}

/// Which databases have to do with each other.
#[derive(Default)]
struct Databases {
    /// What the definitions in each of them name: databases, and much else.
    names: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
}

impl Databases {
    fn say(&mut self, db: &Arc<str>, definition: Option<&str>) {
        let names = self.names.entry(Arc::clone(db)).or_default();
        if let Some(definition) = definition {
            names.extend(Body::of(definition, Dialect::Mysql).names);
        }
    }

    fn link(&mut self, db: &Arc<str>, other: &Arc<str>) {
        let names = self.names.entry(Arc::clone(db)).or_default();
        names.insert(Arc::clone(other));
    }

    /// These, and all that name one of them or are named by one, directly or by way of others.
    fn reached_from(&self, these: impl Iterator<Item = Arc<str>>) -> BTreeSet<Arc<str>> {
        let mut reached: BTreeSet<Arc<str>> = these.collect();
        loop {
            let more = self.names.iter().filter(|(db, names)| {
                let named = || {
                    let mut within = reached.iter().filter_map(|it| self.names.get(it));
                    within.any(|names| names.contains(*db))
                };
                !reached.contains(*db) && (reached.iter().any(|it| names.contains(it)) || named())
            });
            let more: Vec<_> = more.map(|(db, _)| Arc::clone(db)).collect();
            if more.is_empty() {
                return reached;
            }
            reached.extend(more);
        }
    }
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
            "BASE TABLE" | "SYSTEM VERSIONED" if !self.hidden => match &self.engine {
                Some(engine) if !elsewhere(engine) => RelationKind::Table,
                // Elsewhere, or not to be opened just now.
                _ => RelationKind::Outside,
            },
            // Tables whose foreign keys and triggers are hidden; sequences, and whatever comes.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_privilege_to_see_triggers_is_found_among_grants() {
        let holds = |line: &str| Grant(line.to_owned()).holds_trigger();
        assert!(holds("GRANT ALL PRIVILEGES ON `app`.* TO `a`@`%`"));
        assert!(holds("GRANT SELECT, TRIGGER, EVENT ON *.* TO `a`@`%`"));
        assert!(!holds("GRANT SELECT, INSERT ON `TRIGGER`.* TO `a`@`%`"));
        assert!(!holds("GRANT `TRIGGER`@`%` TO `a`@`%`"));
    }

    #[test]
    fn databases_are_reached_through_what_their_definitions_name() {
        let mut databases = Databases::default();
        let name = |text: &str| Arc::<str>::from(text);
        databases.say(&name("a"), Some("select `b`.`t`.`id` from `b`.`t`"));
        databases.say(&name("b"), None);
        databases.say(&name("c"), Some("DELETE FROM b.t"));
        databases.say(&name("d"), Some("SELECT 1 FROM d.t"));
        databases.link(&name("e"), &name("c"));
        let reached = |from: &str| databases.reached_from([name(from)].into_iter());
        let all: BTreeSet<_> = ["a", "b", "c", "e"].map(name).into();
        assert_eq!(reached("a"), all);
        assert_eq!(reached("e"), all);
        assert_eq!(reached("d"), BTreeSet::from([name("d")]));
    }
}
