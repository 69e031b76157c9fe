//! Loads the catalog of MySQL and MariaDB from the `information_schema`, which shows only what the
//! account can see.
//!
//! A server has many databases, and tables of the same name in several of them are usually unrelated. So
//! only databases connected to the current one by a view, key, trigger or routine, directly or not, are
//! loaded. Whether another database refers to the current one can only be found by reading them all,
//! which takes seconds on a server with thousands of tables: with more than
//! [`MAX_SEARCHED_DATABASES`] databases it is not done.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use diesel::{
    MysqlConnection, QueryResult, QueryableByName, RunQueryDsl,
    sql_types::{Bool, Nullable, Text},
};

use super::{
    NO_LIMIT,
    catalog_columns::{ALL_COLUMNS, COLUMNS, ColumnRow},
    foreign_keys::{self, ForeignKeyRow},
    privileges::privileges,
};
use crate::{
    catalog::{
        facts::{Code, Facts, Relation, RelationKind, Routine, RoutineTimes, Trigger, Volatility},
        times::expression_depends_on_date,
    },
    connection::Question,
    policy::DeclaredKeys,
};
use cachalot_sql::{
    Columns, Dialect, Events,
    catalog::{Body, assigned_columns},
};

/// A condition that excludes system databases.
const IS_USER_SCHEMA: &str = "NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')";

/// With more databases than this, they are not searched for references to the current one.
const MAX_SEARCHED_DATABASES: usize = 32;

/// Transactional engines whose rows are on other servers, which also write them.
const EXTERNAL_ENGINES: [&str; 2] = ["NDBCLUSTER", "SPIDER"];

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
struct TriggerRow {
    #[diesel(sql_type = Text)]
    on_table: String,
    #[diesel(sql_type = Text)]
    timing: String,
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

/// The contents of one database. Each query has the database as a constant, so that the server reads
/// only that one.
struct Contents {
    relations: Vec<RelationRow>,
    views: Vec<ViewRow>,
    columns: Vec<ColumnRow>,
    declared_columns: Vec<ColumnRow>,
    keys: Vec<ForeignKeyRow>,
    triggers: Vec<TriggerRow>,
    routines: Vec<RoutineRow>,
}

/// Loads the facts of the connection's database, of the schemas in the question, and of all connected to them.
pub(super) fn load(conn: &mut MysqlConnection, question: &Question) -> QueryResult<Facts> {
    let own: Own = diesel::sql_query(
        "SELECT DATABASE() AS db, VERSION() AS version, CURRENT_USER() AS account",
    )
    .get_result(conn)?;
    let schemas: Vec<Schema> = diesel::sql_query(format!(
        "SELECT SCHEMA_NAME AS db FROM information_schema.SCHEMATA \
         WHERE SCHEMA_NAME {IS_USER_SCHEMA} {NO_LIMIT}"
    ))
    .load(conn)?;
    // In other engines the writes of a failed or rolled back statement remain.
    let engines: Vec<Engine> = diesel::sql_query(format!(
        "SELECT ENGINE AS engine FROM information_schema.ENGINES WHERE TRANSACTIONS = 'YES' {NO_LIMIT}"
    ))
    .load(conn)?;
    let engines = engines.into_iter().map(|it| it.engine.to_uppercase());
    let engines: BTreeSet<_> = engines
        .filter(|it| !EXTERNAL_ENGINES.contains(&&**it))
        .collect();
    let mut facts = Facts::new(Dialect::Mysql);
    // Names are compared without case.
    let mut exact: BTreeMap<Arc<str>, Vec<String>> = BTreeMap::new();
    for schema in schemas {
        exact
            .entry(facts.name(&schema.db))
            .or_default()
            .push(schema.db);
    }
    let own_db = own.db.as_ref().map(|db| facts.name(db));
    let start: BTreeSet<Arc<str>> = own_db
        .into_iter()
        .chain(question.schemas.iter().cloned())
        .collect();

    let mut pending: Vec<Arc<str>> = if exact.len() <= MAX_SEARCHED_DATABASES {
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
            .map(|exact| Contents::of(conn, exact, &question.declared_keys))
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
                content.add_to(&mut facts, &engines);
            }
        }
    }
    let elsewhere = exact.into_keys().filter(|db| !counts.contains(db));
    facts.skipped_schemas.extend(elsewhere);
    Ok(facts)
}

/// Runs a query whose only bind is the schema.
fn in_schema<R>(conn: &mut MysqlConnection, db: &str, sql: &str) -> QueryResult<Vec<R>>
where
    R: QueryableByName<diesel::mysql::Mysql> + 'static,
{
    diesel::sql_query(sql).bind::<Text, _>(db).load(conn)
}

impl Contents {
    fn of(conn: &mut MysqlConnection, db: &str, declared: &DeclaredKeys) -> QueryResult<Self> {
        let relations = in_schema(
            conn,
            db,
            "SELECT TABLE_NAME AS name, TABLE_TYPE AS kind, ENGINE AS engine \
             FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? LIMIT 18446744073709551615",
        )?;
        let views = in_schema(
            conn,
            db,
            "SELECT TABLE_NAME AS name, VIEW_DEFINITION AS definition, \
             IS_UPDATABLE AS updatable FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ? LIMIT 18446744073709551615",
        )?;
        let columns = in_schema(conn, db, COLUMNS)?;
        let mut declared_columns: Vec<ColumnRow> = Vec::new();
        if !declared.is_empty() {
            declared_columns = in_schema(conn, db, ALL_COLUMNS)?;
            declared_columns.retain(|row| declared.contains(&row.on_table, &row.name));
        }
        let keys = foreign_keys::load(conn, db)?;
        // The schema of the table is that of the trigger. By the latter, MariaDB opens all tables of all databases.
        let triggers = in_schema(
            conn,
            db,
            "SELECT EVENT_OBJECT_TABLE AS on_table, ACTION_TIMING AS timing, EVENT_MANIPULATION AS event, \
             ACTION_STATEMENT AS body FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ? LIMIT 18446744073709551615",
        )?;
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
            declared_columns,
            keys,
            triggers,
            routines,
        })
    }

    /// Is there a body that the account cannot see? It may refer to any database.
    fn is_hidden(&self) -> bool {
        self.triggers.iter().any(|row| row.body.is_none())
            || self.routines.iter().any(|row| row.body.is_none())
    }

    /// All names in its definitions, including those of databases.
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

    fn add_to(self, facts: &mut Facts, engines: &BTreeSet<String>) {
        let mut tracked = foreign_keys::tracked(&self.keys, &self.columns);
        for row in self.relations {
            let name = facts.name(&row.name);
            let kind = if row.kind == "VIEW" {
                // The account may not see the view.
                let view = self.views.iter().find(|view| view.name == row.name);
                RelationKind::View {
                    // Empty if the account cannot see it.
                    text: view
                        .and_then(|view| view.definition.clone())
                        .filter(|text| !text.is_empty()),
                    updatable: view.is_none_or(|view| view.updatable != "NO"),
                }
            } else {
                row.kind(engines)
            };
            if row.kind == "SYSTEM VERSIONED" {
                // An update adds a row to its history.
                facts.add_also_updated(&row.name, &Columns::All);
            }
            let tracked = match kind {
                RelationKind::Table => {
                    let mut tracked = tracked.remove(&*row.name).unwrap_or_default();
                    let declared = self.declared_columns.iter();
                    for column in declared.filter(|it| it.on_table == row.name) {
                        column.add_declared(&mut facts.declared, &mut tracked);
                    }
                    tracked
                }
                _ => Default::default(),
            };
            facts.relations.push(Relation {
                name,
                kind,
                tracked,
            });
        }
        let is_time = |row: &ColumnRow| row.kind.eq_ignore_ascii_case("time");
        for row in self.columns.iter().filter(|row| is_time(row)) {
            let pair = (facts.name(&row.on_table), facts.name(&row.name));
            facts.time_columns.push(pair);
        }
        for row in self.columns {
            if row.also_updated {
                facts.add_also_updated(&row.on_table, &Facts::columns([&*row.name]));
            }
            if row.expression.is_empty() {
                continue;
            }
            // In MariaDB a generated column may use the current time or user.
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
            if expression_depends_on_date(&row.expression, &times) {
                facts.nondeterministic.push((table, "time".to_owned()));
            }
        }
        foreign_keys::add(facts, &self.keys);
        for row in self.triggers {
            let events = events_of(&row.event);
            if row.may_change_the_row() {
                let body = row.body.as_deref();
                let set = body.map(|body| assigned_columns(body, Dialect::Mysql));
                let set = set.unwrap_or(Columns::All);
                if events.update {
                    facts.add_also_updated(&row.on_table, &set);
                }
                if events.insert {
                    facts.add_also_inserted(&row.on_table, &set);
                }
            }
            let trigger = Trigger {
                table: facts.name(&row.on_table),
                events,
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
                volatility: Volatility::Undeclared,
                trusted: false,
                times,
            };
            facts.routines.push(routine);
        }
    }
}

/// The connected component: these databases, and all that refer to one of them or are referred to,
/// directly or not.
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
    /// `engines`: those whose tables change only by successful statements.
    fn kind(&self, engines: &BTreeSet<String>) -> RelationKind {
        match (&*self.kind, &self.engine) {
            ("BASE TABLE" | "SYSTEM VERSIONED", Some(engine))
                if engines.contains(&engine.to_uppercase()) =>
            {
                RelationKind::Table
            }
            // Non-transactional or external tables, tables that cannot be opened, sequences, and kinds
            // of future versions.
            _ => RelationKind::Outside,
        }
    }
}

impl TriggerRow {
    /// Does it run before a row is written, so that it may change what is?
    fn may_change_the_row(&self) -> bool {
        !self.timing.eq_ignore_ascii_case("after")
    }
}

/// Parses `EVENT_MANIPULATION`. Newer servers may list several.
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
    fn databases_are_reached_through_the_names_in_their_definitions() {
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
