//! Loads PostgreSQL's system catalogs, which every role can read.
//!
//! Runs in one read-only transaction, or in the caller's transaction after a savepoint that is rolled
//! back: this releases its locks and undoes its settings and errors. A short `lock_timeout` avoids
//! waiting for a view that is locked.

use std::collections::HashMap;

use diesel::{
    PgConnection, QueryResult, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    sql_types::{Array, Bool, Nullable, Oid, SmallInt, Text},
};

use super::{
    catalog_columns::{self, KeyColumns},
    catalog_queries::*,
};
use crate::{
    catalog::facts::{
        Cast, Code, Facts, Policy, Relation, RelationKind, Routine, Trigger, Volatility,
    },
    connection::Question,
    policy::DeclaredKeys,
};
use cachalot_sql::{Columns, Dialect, Events, catalog::assigned_columns};

#[derive(QueryableByName)]
struct RelationRow {
    #[diesel(sql_type = Oid)]
    number: u32,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    definition: Option<String>,
    #[diesel(sql_type = Bool)]
    updatable: bool,
    #[diesel(sql_type = Bool)]
    outside: bool,
    #[diesel(sql_type = Bool)]
    zoned_time: bool,
    /// Its generated columns.
    #[diesel(sql_type = Array<Text>)]
    generated: Vec<String>,
    #[diesel(embed)]
    keys: KeyColumns,
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
    #[diesel(sql_type = Array<Text>)]
    child_columns: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    parent_columns: Vec<String>,
}

#[derive(QueryableByName)]
struct TriggerRow {
    #[diesel(sql_type = Text)]
    on_table: String,
    #[diesel(sql_type = SmallInt)]
    events: i16,
    #[diesel(sql_type = Oid)]
    routine: u32,
    #[diesel(sql_type = Bool)]
    partitioned: bool,
}

#[derive(QueryableByName)]
struct RuleRow {
    #[diesel(sql_type = Text)]
    on_table: String,
    #[diesel(sql_type = Text)]
    event: String,
    #[diesel(sql_type = Text)]
    definition: String,
}

/// An object and a routine that it calls.
#[derive(QueryableByName)]
struct CallRow {
    #[diesel(sql_type = Text)]
    on_table: String,
    #[diesel(sql_type = Oid)]
    routine: u32,
}

#[derive(QueryableByName)]
struct BuiltinsRow {
    #[diesel(sql_type = Array<Text>)]
    names: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    of_rows: Vec<String>,
}

#[derive(QueryableByName)]
struct RoutineRow {
    #[diesel(sql_type = Oid)]
    number: u32,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    language: String,
    #[diesel(sql_type = Bool)]
    volatile: bool,
    #[diesel(sql_type = Nullable<Bool>)]
    reading: Option<bool>,
    #[diesel(sql_type = Nullable<Text>)]
    body: Option<String>,
    #[diesel(sql_type = Text)]
    defaults: String,
}

#[derive(QueryableByName)]
struct PolicyRow {
    #[diesel(sql_type = Text)]
    on_table: String,
    #[diesel(sql_type = Text)]
    condition: String,
}

#[derive(QueryableByName)]
struct InheritanceRow {
    #[diesel(sql_type = Text)]
    parent: String,
    #[diesel(sql_type = Text)]
    child: String,
}

/// Loads the facts. An open transaction of the caller's is left unchanged.
pub(super) fn load(conn: &mut PgConnection, question: &Question) -> QueryResult<Facts> {
    let (begin, end) = if question.in_transaction {
        (
            "SAVEPOINT cachalot_catalog",
            "ROLLBACK TO SAVEPOINT cachalot_catalog; RELEASE SAVEPOINT cachalot_catalog",
        )
    } else {
        (
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            "ROLLBACK",
        )
    };
    conn.batch_execute(&format!("{begin}; SET LOCAL lock_timeout = '100ms'"))?;
    let facts = load_facts(conn, &question.declared_keys);
    conn.batch_execute(end)?;
    facts
}

fn load_facts(conn: &mut PgConnection, declared: &DeclaredKeys) -> QueryResult<Facts> {
    let mut facts = Facts::new(Dialect::Postgres);
    let relations: Vec<RelationRow> =
        diesel::sql_query(format!("{RELATIONS}{IS_USER_SCHEMA}")).load(conn)?;
    let declared = catalog_columns::declared(conn, declared)?;
    for row in relations {
        let kind = match &*row.kind {
            "v" => RelationKind::View {
                text: row.definition,
                updatable: row.updatable,
            },
            _ if row.outside => RelationKind::Outside,
            _ => RelationKind::Table,
        };
        let name = facts.name(&row.name);
        if row.zoned_time {
            let pair = (name.clone(), "timetz".to_owned());
            facts.nondeterministic.push(pair);
        }
        let generated = Facts::columns(row.generated.iter().map(|it| &**it));
        facts.add_also_updated(&row.name, &generated);
        // The rows of a partitioned table are in others.
        let tracked = match kind {
            RelationKind::Table if row.kind == "r" => {
                let mut tracked = row.keys.tracked();
                let declared = declared.iter();
                for column in declared.filter(|it| it.relation == row.number) {
                    column.add_to(&mut facts.declared, &mut tracked);
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
    let keys: Vec<ForeignKeyRow> = diesel::sql_query(FOREIGN_KEYS).load(conn)?;
    for row in keys {
        let [child, parent] = [&row.child_columns, &row.parent_columns]
            .map(|columns| Facts::columns(columns.iter().map(|it| &**it)));
        facts.add_foreign_key(
            [&row.child, &row.parent],
            [&row.on_delete, &row.on_update],
            [child, parent],
        );
    }
    let routines: Vec<RoutineRow> =
        diesel::sql_query(format!("{ROUTINES}{IS_USER_SCHEMA}")).load(conn)?;
    for row in &routines {
        let routine = Routine {
            name: facts.name(&row.name),
            code: row.code(),
            volatility: if row.volatile {
                Volatility::Volatile
            } else if row.reading == Some(true) {
                Volatility::Reading
            } else {
                Volatility::Stable
            },
            trusted: false,
            times: Default::default(),
        };
        facts.routines.push(routine);
    }
    add_triggers(conn, &mut facts, &routines)?;
    add_implicit_calls(conn, &mut facts, &routines)?;
    let events: Vec<CallRow> = diesel::sql_query(EVENT_TRIGGERS).load(conn)?;
    for row in events {
        if let Some(routine) = user_routine(&routines, row.routine) {
            let code = Code::Call(facts.name(routine));
            facts.event_triggers.push(code);
        }
    }
    let builtins: BuiltinsRow = diesel::sql_query(BUILTINS).get_result(conn)?;
    facts.builtins = builtins.names.iter().map(|name| facts.name(name)).collect();
    // Any routine of the user's may take a row, also through a domain, a parent's type or a cast.
    let of_rows = builtins.of_rows.iter();
    let of_rows = of_rows.chain(routines.iter().map(|row| &row.name));
    facts.row_functions = of_rows.map(|name| facts.name(name)).collect();
    let policies: Vec<PolicyRow> = diesel::sql_query(POLICIES).load(conn)?;
    for row in policies {
        let table = facts.name(&row.on_table);
        facts.policies.push(Policy {
            table,
            condition: row.condition,
        });
    }
    let inheritance: Vec<InheritanceRow> = diesel::sql_query(INHERITANCE).load(conn)?;
    for row in inheritance {
        let pair = (facts.name(&row.parent), facts.name(&row.child));
        facts.inheritance.push(pair);
    }
    Ok(facts)
}

/// Adds the code that runs when a table is written.
fn add_triggers(
    conn: &mut PgConnection,
    facts: &mut Facts,
    routines: &[RoutineRow],
) -> QueryResult<()> {
    let triggers: Vec<TriggerRow> = diesel::sql_query(TRIGGERS).load(conn)?;
    let mut set_by: HashMap<u32, Columns> = HashMap::new();
    for row in triggers.iter().filter(|row| row.may_change_the_row()) {
        let set = set_by.entry(row.routine);
        let set = set.or_insert_with(|| set_by_trigger(routines, row.routine));
        if row.events & TriggerRow::UPDATE != 0 {
            facts.add_also_updated(&row.on_table, set);
        }
        if row.events & TriggerRow::INSERT != 0 {
            facts.add_also_inserted(&row.on_table, set);
        }
    }
    let defaults: Vec<CallRow> = diesel::sql_query(DEFAULTS).load(conn)?;
    let of_triggers = triggers
        .iter()
        .map(|row| (&row.on_table, row.events(), row.routine));
    let of_defaults = defaults
        .iter()
        .map(|row| (&row.on_table, Events::UPSERT, row.routine));
    for (table, events, number) in of_triggers.chain(of_defaults) {
        let Some(routine) = user_routine(routines, number) else {
            continue;
        };
        let trigger = Trigger {
            table: facts.name(table),
            events,
            code: Code::Call(facts.name(routine)),
        };
        facts.triggers.push(trigger);
    }
    let rules: Vec<RuleRow> = diesel::sql_query(format!("{RULES}{IS_USER_SCHEMA}")).load(conn)?;
    for row in rules {
        let events = match &*row.event {
            "2" => Events::UPDATE,
            "3" => Events::INSERT,
            "4" => Events::DELETE,
            _ => Events::ALL,
        };
        if events.update {
            facts.add_also_updated(&row.on_table, &Columns::All);
        }
        // Its statements may take the place of the one that fires it, whatever that is.
        facts.add_also_inserted(&row.on_table, &Columns::All);
        let trigger = Trigger {
            table: facts.name(&row.on_table),
            events,
            code: Code::Text(actions(&row.definition).to_owned()),
        };
        facts.triggers.push(trigger);
    }
    Ok(())
}

/// Adds operators, casts and computed columns, which call routines without naming them.
fn add_implicit_calls(
    conn: &mut PgConnection,
    facts: &mut Facts,
    routines: &[RoutineRow],
) -> QueryResult<()> {
    let operators: Vec<CallRow> =
        diesel::sql_query(format!("{OPERATORS}{IS_USER_SCHEMA}")).load(conn)?;
    for row in operators {
        if let Some(routine) = user_routine(routines, row.routine) {
            let routine = facts.name(routine);
            facts.operators.push((row.on_table, routine));
        }
    }
    let casts: Vec<CallRow> = diesel::sql_query(CASTS).load(conn)?;
    for row in casts {
        if let Some(routine) = user_routine(routines, row.routine) {
            let routine = facts.name(routine);
            let explicit = row.on_table == "e";
            facts.casts.push(Cast { routine, explicit });
        }
    }
    let computed: Vec<CallRow> = diesel::sql_query(COMPUTED).load(conn)?;
    for row in computed {
        if let Some(routine) = user_routine(routines, row.routine) {
            let pair = (facts.name(&row.on_table), facts.name(routine));
            facts.computed.push(pair);
        }
    }
    Ok(())
}

/// The name of a routine, if it is user-defined.
fn user_routine(routines: &[RoutineRow], number: u32) -> Option<&str> {
    let routine = routines.iter().find(|routine| routine.number == number)?;
    Some(&routine.name)
}

/// The columns that a trigger's function may set in the row that is written.
fn set_by_trigger(routines: &[RoutineRow], number: u32) -> Columns {
    let routine = routines.iter().find(|routine| routine.number == number);
    match routine.map(|routine| (&*routine.language, &routine.body)) {
        Some(("plpgsql", Some(body))) => assigned_columns(body, Dialect::Postgres),
        _ => Columns::All,
    }
}

impl RoutineRow {
    fn code(&self) -> Code {
        match (&self.body, &*self.language) {
            // A call may evaluate the defaults of arguments.
            (Some(body), _) => Code::Text(format!("{body}\n;{}", self.defaults)),
            (None, "internal") => Code::Builtin,
            (None, _) => Code::Hidden,
        }
    }
}

impl TriggerRow {
    const INSERT: i16 = 4;
    const UPDATE: i16 = 16;

    /// Is it a row's trigger before the event, so that it may change what is written? Decodes
    /// `pg_trigger.tgtype`.
    fn may_change_the_row(&self) -> bool {
        const BEFORE_OF_ROW: i16 = 1 | 2;
        self.events & BEFORE_OF_ROW == BEFORE_OF_ROW
    }

    /// Decodes `pg_trigger.tgtype`. An update of a partitioned table may move rows, which deletes and
    /// inserts them.
    fn events(&self) -> Events {
        if self.partitioned {
            return Events::ALL;
        }
        Events {
            insert: self.events & Self::INSERT != 0,
            delete: self.events & (8 | 32) != 0,
            update: self.events & Self::UPDATE != 0,
        }
    }
}

/// The part after `CREATE RULE name AS ON event TO table DO`.
fn actions(definition: &str) -> &str {
    definition
        .split_once(" DO ")
        .map_or(definition, |(_, actions)| actions)
}
