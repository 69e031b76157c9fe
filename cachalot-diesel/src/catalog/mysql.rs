//! The `information_schema` of MySQL and MariaDB. It shows only what the account may see.
//!
//! A server has many databases, and tables of one name in several of them need not have anything in
//! common. So only those count that the one which is read has to do with: that it names, or that name
//! it, directly or by way of others. Whether one names it can only be found by reading all of them,
//! which takes a server with thousands of tables seconds: past [`MOST`] databases it is not tried.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use diesel::{
    MysqlConnection, QueryResult, QueryableByName, RunQueryDsl,
    sql_types::{Bool, Nullable, Text},
};

use super::{
    facts::{
        Action, Code, Facts, ForeignKey, Relation, RelationKind, Routine, RoutineTimes, Trigger,
        Volatility,
    },
    privileges::privileges,
    times::expression_moves,
};
use crate::statement::{Body, Dialect, Events};

/// Databases that are not the user's.
const USERS: &str = "NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')";

/// Whatever `sql_select_limit` says.
pub(super) const ALL: &str = "LIMIT 18446744073709551615";

/// With more databases than this, others are not searched for what they do to the one that is read.
const MOST: usize = 32;

/// Engines with transactions whose rows lie elsewhere, where other servers write them too.
const OUTSIDE: [&str; 2] = ["NDBCLUSTER", "SPIDER"];

#[derive(QueryableByName)]
struct Own {
    #[diesel(sql_type = Nullable<Text>)]
    db: Option<String>,
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Nullable<Text>)]
    account: Option<String>,
}

#[derive(QueryableByName)]
struct Engine {
    #[diesel(sql_type = Text)]
    engine: String,
}

#[derive(QueryableByName)]
struct Schema {
    #[diesel(sql_type = Text)]
    db: String,
}

#[derive(QueryableByName)]
struct RelationRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    engine: Option<String>,
}

#[derive(QueryableByName)]
struct ViewRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    definition: Option<String>,
    #[diesel(sql_type = Text)]
    updatable: String,
}

#[derive(QueryableByName)]
struct ForeignKeyRow {
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

/// A column that is worked out of others when it is read, or one of times.
#[derive(QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    on_table: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    expression: String,
    #[diesel(sql_type = Text)]
    kind: String,
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
    /// The type of its result.
    #[diesel(sql_type = Nullable<Text>)]
    gives: Option<String>,
    /// An argument is a time.
    #[diesel(sql_type = Bool)]
    takes_time: bool,
}

/// What one database holds. Each query names the database in every table of the
/// `information_schema`, as the server then looks into that one alone.
struct Contents {
    relations: Vec<RelationRow>,
    views: Vec<ViewRow>,
    columns: Vec<ColumnRow>,
    keys: Vec<ForeignKeyRow>,
    triggers: Vec<TriggerRow>,
    routines: Vec<RoutineRow>,
}

/// Asks for everything. `named`: databases that count besides the connection's own.
pub(crate) fn load(conn: &mut MysqlConnection, named: &BTreeSet<Arc<str>>) -> QueryResult<Facts> {
    let own: Own = diesel::sql_query(
        "SELECT DATABASE() AS db, VERSION() AS version, CURRENT_USER() AS account",
    )
    .get_result(conn)?;
    let schemas: Vec<Schema> = diesel::sql_query(format!(
        "SELECT SCHEMA_NAME AS db FROM information_schema.SCHEMATA \
         WHERE SCHEMA_NAME {USERS} {ALL}"
    ))
    .load(conn)?;
    // Elsewhere what a statement has written stays, though it fails or is rolled back.
    let engines: Vec<Engine> = diesel::sql_query(format!(
        "SELECT ENGINE AS engine FROM information_schema.ENGINES WHERE TRANSACTIONS = 'YES' {ALL}"
    ))
    .load(conn)?;
    let engines = engines.into_iter().map(|it| it.engine.to_uppercase());
    let engines: BTreeSet<_> = engines.filter(|it| !OUTSIDE.contains(&&**it)).collect();
    let mut facts = Facts::new(Dialect::Mysql);
    // Names that differ in case alone are compared as one.
    let mut exact: BTreeMap<Arc<str>, Vec<String>> = BTreeMap::new();
    for schema in schemas {
        exact
            .entry(facts.name(&schema.db))
            .or_default()
            .push(schema.db);
    }
    let own_db = own.db.as_ref().map(|db| facts.name(db));
    let start: BTreeSet<Arc<str>> = own_db.into_iter().chain(named.iter().cloned()).collect();

    let mut pending: Vec<Arc<str>> = if exact.len() <= MOST {
        exact.keys().cloned().collect()
    } else {
        start.iter().cloned().collect()
    };
    let mut contents: BTreeMap<Arc<str>, Vec<Contents>> = BTreeMap::new();
    let mut names = BTreeMap::new();
    while let Some(db) = pending.pop() {
        let Some(exact_names) = exact.get(&db).filter(|_| !contents.contains_key(&db)) else {
            continue;
        };
        let content: Vec<_> = exact_names
            .iter()
            .map(|exact| Contents::of(conn, exact))
            .collect::<QueryResult<_>>()?;
        let named: BTreeSet<_> = if content.iter().any(Contents::is_hidden) {
            exact.keys().cloned().collect()
        } else {
            let named = content.iter().flat_map(|content| content.names(&facts));
            named.filter(|name| exact.contains_key(name)).collect()
        };
        pending.extend(named.iter().cloned());
        names.insert(Arc::clone(&db), named);
        contents.insert(db, content);
    }
    let counts = reached_from(&names, start);
    let grants = privileges(conn, &own.version, own.account.as_deref())?;
    for (db, content) in contents {
        if counts.contains(&db) {
            let mut names = exact.get(&db).into_iter().flatten();
            facts.triggers_hidden |= names.any(|exact| !grants.show_triggers_of(exact));
            for content in content {
                content.tell(&mut facts, &engines);
            }
        }
    }
    let elsewhere = exact.into_keys().filter(|db| !counts.contains(db));
    facts.skipped_schemas.extend(elsewhere);
    Ok(facts)
}

impl Contents {
    fn of(conn: &mut MysqlConnection, db: &str) -> QueryResult<Self> {
        let relations = diesel::sql_query(
            "SELECT TABLE_NAME AS name, TABLE_TYPE AS kind, ENGINE AS engine \
             FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? LIMIT 18446744073709551615",
        )
        .bind::<Text, _>(db)
        .load(conn)?;
        let views = diesel::sql_query(
            "SELECT TABLE_NAME AS name, VIEW_DEFINITION AS definition, \
             IS_UPDATABLE AS updatable FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ? LIMIT 18446744073709551615",
        )
        .bind::<Text, _>(db)
        .load(conn)?;
        let columns = diesel::sql_query(
            "SELECT TABLE_NAME AS on_table, COALESCE(GENERATION_EXPRESSION, '') AS expression, \
             COLUMN_NAME AS name, DATA_TYPE AS kind FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? \
             AND (GENERATION_EXPRESSION <> '' OR DATA_TYPE = 'time') LIMIT 18446744073709551615",
        )
        .bind::<Text, _>(db)
        .load(conn)?;
        let keys = diesel::sql_query(
            "SELECT TABLE_NAME AS child, UNIQUE_CONSTRAINT_SCHEMA AS parent_db, \
             REFERENCED_TABLE_NAME AS parent, DELETE_RULE AS on_delete, UPDATE_RULE AS on_update \
             FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = ? LIMIT 18446744073709551615",
        )
        .bind::<Text, _>(db)
        .load(conn)?;
        let triggers = diesel::sql_query(
            "SELECT EVENT_OBJECT_TABLE AS on_table, EVENT_MANIPULATION AS event, \
             ACTION_STATEMENT AS body FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ? LIMIT 18446744073709551615",
        )
        .bind::<Text, _>(db)
        .load(conn)?;
        let routines = diesel::sql_query(
            "SELECT ROUTINE_NAME AS name, ROUTINE_DEFINITION AS body, DATA_TYPE AS gives, SPECIFIC_NAME IN \
             (SELECT SPECIFIC_NAME FROM information_schema.PARAMETERS \
             WHERE SPECIFIC_SCHEMA = ? AND DATA_TYPE = 'time' AND ORDINAL_POSITION > 0) AS takes_time \
             FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ? LIMIT 18446744073709551615",
        )
        .bind::<Text, _>(db)
        .bind::<Text, _>(db)
        .load(conn)?;
        Ok(Self {
            relations,
            views,
            columns,
            keys,
            triggers,
            routines,
        })
    }

    /// Is there a body that the account may not see? It may name any database.
    fn is_hidden(&self) -> bool {
        self.triggers.iter().any(|row| row.body.is_none())
            || self.routines.iter().any(|row| row.body.is_none())
    }

    /// What its definitions name: databases, and much else.
    fn names(&self, facts: &Facts) -> BTreeSet<Arc<str>> {
        let views = self.views.iter().filter_map(|row| row.definition.as_ref());
        let triggers = self.triggers.iter().filter_map(|row| row.body.as_ref());
        let routines = self.routines.iter().filter_map(|row| row.body.as_ref());
        let texts = views.chain(triggers).chain(routines);
        let mut names: BTreeSet<_> = texts
            .flat_map(|text| Body::of(text, Dialect::Mysql).names)
            .collect();
        names.extend(self.keys.iter().map(|row| facts.name(&row.parent_db)));
        names
    }

    fn tell(self, facts: &mut Facts, engines: &BTreeSet<String>) {
        for row in self.relations {
            let name = facts.name(&row.name);
            let kind = if row.kind == "VIEW" {
                // One that is not among the views cannot be seen.
                let view = self.views.iter().find(|view| view.name == row.name);
                RelationKind::View {
                    // Empty where the account may not see it.
                    text: view
                        .and_then(|view| view.definition.clone())
                        .filter(|text| !text.is_empty()),
                    updatable: view.is_none_or(|view| view.updatable != "NO"),
                }
            } else {
                row.kind(engines)
            };
            facts.relations.push(Relation { name, kind });
        }
        let is_time = |row: &ColumnRow| row.kind.eq_ignore_ascii_case("time");
        for row in self.columns.iter().filter(|row| is_time(row)) {
            let pair = (facts.name(&row.on_table), facts.name(&row.name));
            facts.time_columns.push(pair);
        }
        for row in self.columns {
            // MariaDB lets such a column ask for the moment, or for who reads it.
            if let Some(word) = Body::of(&row.expression, Dialect::Mysql)
                .volatile
                .pop_first()
            {
                facts
                    .nondeterministic
                    .push((facts.name(&row.on_table), word));
            }
            let table = facts.name(&row.on_table);
            let times = facts.time_columns.iter().filter(|it| it.0 == table);
            let times = times.map(|it| &*it.1).collect();
            if !row.expression.is_empty() && expression_moves(&row.expression, &times) {
                facts.nondeterministic.push((table, "time".to_owned()));
            }
        }
        for row in self.keys {
            let key = ForeignKey {
                child: facts.name(&row.child),
                parent: facts.name(&row.parent),
                on_delete: Action::parse(&row.on_delete, Action::Delete),
                on_update: Action::parse(&row.on_update, Action::Update),
            };
            facts.foreign_keys.push(key);
        }
        for row in self.triggers {
            let trigger = Trigger {
                table: facts.name(&row.on_table),
                events: events_of(&row.event),
                code: row.body.map_or(Code::Hidden, Code::Text),
            };
            facts.triggers.push(trigger);
        }
        for row in self.routines {
            let gives = row.gives.unwrap_or_default().to_ascii_lowercase();
            let times = RoutineTimes {
                gives_time: gives == "time",
                gives_date: matches!(&*gives, "date" | "datetime" | "timestamp" | "year"),
                takes_time: row.takes_time,
            };
            let routine = Routine {
                name: facts.name(&row.name),
                code: row.body.map_or(Code::Hidden, Code::Text),
                volatility: Volatility::Unsaid,
                trusted: false,
                times,
            };
            facts.routines.push(routine);
        }
    }
}

/// These databases, and all that name one of them or are named by one, directly or by way of others.
fn reached_from(
    names: &BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    these: BTreeSet<Arc<str>>,
) -> BTreeSet<Arc<str>> {
    let mut reached = these;
    loop {
        let more = names.iter().filter(|(db, named)| {
            let mut within = reached.iter().filter_map(|it| names.get(it));
            !reached.contains(*db)
                && (!reached.is_disjoint(named) || within.any(|named| named.contains(*db)))
        });
        let more: Vec<_> = more.map(|(db, _)| Arc::clone(db)).collect();
        if more.is_empty() {
            return reached;
        }
        reached.extend(more);
    }
}

impl RelationRow {
    /// `engines`: those whose tables change by statements that succeed, and by nothing else.
    fn kind(&self, engines: &BTreeSet<String>) -> RelationKind {
        match (&*self.kind, &self.engine) {
            ("BASE TABLE" | "SYSTEM VERSIONED", Some(engine))
                if engines.contains(&engine.to_uppercase()) =>
            {
                RelationKind::Table
            }
            // Tables without transactions, whose rows are elsewhere, or that cannot be opened just now; sequences, and
            // whatever comes.
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
    fn databases_are_reached_through_what_their_definitions_name() {
        let name = |text: &str| Arc::<str>::from(text);
        let names: BTreeMap<_, _> = [
            ("a", vec!["b", "t", "id"]),
            ("b", vec![]),
            ("c", vec!["b", "t"]),
            ("d", vec!["d", "t"]),
            ("e", vec!["c"]),
        ]
        .into_iter()
        .map(|(db, names)| (name(db), names.into_iter().map(name).collect()))
        .collect();
        let reached = |from: &str| reached_from(&names, BTreeSet::from([name(from)]));
        let all: BTreeSet<_> = ["a", "b", "c", "e"].map(name).into();
        assert_eq!(reached("a"), all);
        assert_eq!(reached("e"), all);
        assert_eq!(reached("d"), BTreeSet::from([name("d")]));
    }
}
