//! Loads PostgreSQL's system catalogs, which every role can read.
//!
//! Runs in one read-only transaction, or in the caller's transaction after a savepoint that is rolled
//! back: this releases its locks and undoes its settings and errors. A short `lock_timeout` avoids
//! waiting for a view that is locked.

use diesel::{
    PgConnection, QueryResult, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    sql_types::{Array, Bool, Nullable, Oid, SmallInt, Text},
};

use crate::catalog::facts::{
    Cast, Code, Facts, Policy, Relation, RelationKind, Routine, Trigger, Volatility,
};
use cachalot_sql::{Dialect, Events};

/// A condition that excludes system schemas and the temporary ones of sessions.
const IS_USER_SCHEMA: &str = "n.nspname NOT IN ('pg_catalog', 'information_schema') \
                     AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp%'";

/// - 28: the bits of `INSERT`, `UPDATE` and `DELETE`.
/// - 1266 and 1270: `timetz` and its array, whose comparisons use the time zone's offset of today.
/// - Outside: unlogged tables are empty after a crash, which the server's start time does not show;
///   tables of a subscription are written by another server; a relation with the name of a system
///   relation is not the one that the unqualified name refers to; and a column whose type is the row type
///   of a temporary table changes with that table.
const RELATIONS: &str = "\
SELECT c.relname::text AS name, c.relkind::text AS kind, \
 CASE WHEN c.relkind = 'v' THEN pg_catalog.pg_get_viewdef(c.oid) END AS definition, \
 c.relkind = 'v' AND pg_catalog.pg_relation_is_updatable(c.oid, true) & 28 <> 0 AS updatable, \
 c.relkind IN ('f', 'S') OR c.relpersistence = 'u' OR EXISTS ( \
  SELECT FROM pg_catalog.pg_class s WHERE s.relname = c.relname \
  AND s.relnamespace = 'pg_catalog'::pg_catalog.regnamespace) OR EXISTS ( \
  SELECT FROM pg_catalog.pg_subscription_rel s WHERE s.srrelid = c.oid \
  OR s.srrelid IN (SELECT relid FROM pg_catalog.pg_partition_ancestors(c.oid))) OR c.oid IN ( \
  SELECT a.attrelid FROM pg_catalog.pg_attribute a WHERE a.atttypid IN ( \
   SELECT t.oid FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e \
    ON e.oid = CASE WHEN t.typelem <> 0 THEN t.typelem ELSE t.typbasetype END \
   JOIN pg_catalog.pg_namespace s ON s.oid = t.typnamespace OR s.oid = e.typnamespace \
   WHERE s.nspname LIKE 'pg\\_temp\\_%')) AS outside, \
 EXISTS (SELECT FROM pg_catalog.pg_attribute a \
  WHERE a.attrelid = c.oid AND a.atttypid IN (1266, 1270)) AS zoned_time \
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND ";

const FOREIGN_KEYS: &str = "\
SELECT c.relname::text AS child, p.relname::text AS parent, \
 k.confdeltype::text AS on_delete, k.confupdtype::text AS on_update \
FROM pg_catalog.pg_constraint k \
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid \
JOIN pg_catalog.pg_class p ON p.oid = k.confrelid \
WHERE k.contype = 'f' AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))";

/// Internal triggers are those of foreign keys and, on older servers, those that a partition inherits
/// from its parent; the latter are included.
const TRIGGERS: &str = "\
SELECT c.relname::text AS on_table, t.tgtype AS events, t.tgfoid AS routine, \
 c.relkind = 'p' AS partitioned \
FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid \
WHERE NOT t.tgisinternal \
 OR coalesce(pg_catalog.to_jsonb(t) ->> 'tgparentid', '0') <> '0'";

/// Rules other than those of views. Their statements run with or instead of those on the table.
const RULES: &str = "\
SELECT c.relname::text AS on_table, r.ev_type::text AS event, \
 pg_catalog.pg_get_ruledef(r.oid) AS definition \
FROM pg_catalog.pg_rewrite r \
JOIN pg_catalog.pg_class c ON c.oid = r.ev_class \
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
WHERE r.rulename <> '_RETURN' AND ";

/// Routines that are called by defaults and checks of a table, or of a column's domain.
const DEFAULTS: &str = "\
SELECT c.relname::text AS on_table, d.refobjid AS routine \
FROM pg_catalog.pg_depend d \
LEFT JOIN pg_catalog.pg_attrdef a \
 ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND a.oid = d.objid \
LEFT JOIN pg_catalog.pg_constraint k \
 ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid \
LEFT JOIN pg_catalog.pg_type t ON t.typtype = 'd' AND (t.oid = k.contypid OR \
 (d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.oid = d.objid)) \
LEFT JOIN pg_catalog.pg_attribute u ON u.atttypid = t.oid \
JOIN pg_catalog.pg_class c ON c.oid = coalesce(a.adrelid, nullif(k.conrelid, 0), u.attrelid) \
WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass";

const EVENT_TRIGGERS: &str = "\
SELECT '' AS on_table, evtfoid AS routine FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D'";

const OPERATORS: &str = "\
SELECT o.oprname::text AS on_table, o.oprcode::oid AS routine \
FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace \
WHERE o.oprcode <> 0 AND ";

const CASTS: &str = "\
SELECT k.castcontext::text AS on_table, k.castfunc AS routine \
FROM pg_catalog.pg_cast k WHERE k.castfunc >= 16384";

/// Functions whose only argument is a row of a table: they can be called like a column.
const COMPUTED: &str = "\
SELECT c.relname::text AS on_table, p.oid AS routine \
FROM pg_catalog.pg_proc p \
JOIN pg_catalog.pg_class c ON c.reltype = p.proargtypes[0] \
WHERE p.pronargs = 1 AND p.oid >= 16384";

const BUILTINS: &str = "\
SELECT ARRAY(SELECT DISTINCT proname::text FROM pg_catalog.pg_proc \
 WHERE pronamespace = 'pg_catalog'::pg_catalog.regnamespace) AS names";

/// The body of a routine in standard SQL is stored as a tree, so it is cut out of the definition. The
/// body of an aggregate are calls of its functions. The extensions `tablefunc` and `xml2` run SQL that
/// is passed as text.
const ROUTINES: &str = "\
SELECT p.oid AS number, p.proname::text AS name, l.lanname::text AS language, \
 p.provolatile = 'v' AS volatile, \
 p.provolatile = 's' AND (l.lanname NOT IN ('internal', 'c', 'sql', 'plpgsql') \
  OR p.probin ~ '(tablefunc|pgxml)') AS reading, \
 CASE WHEN p.prokind = 'a' THEN pg_catalog.concat_ws('() ', a.aggtransfn, a.aggfinalfn, \
  a.aggcombinefn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn, '') \
 WHEN l.lanname = 'sql' AND p.prosrc = '' THEN pg_catalog.regexp_replace( \
  pg_catalog.pg_get_functiondef(p.oid), '^.*?\\m(BEGIN ATOMIC|RETURN)\\M', '') \
 WHEN l.lanname IN ('sql', 'plpgsql') THEN p.prosrc END AS body, \
 coalesce(pg_catalog.pg_get_expr(p.proargdefaults, 0), '') AS defaults \
FROM pg_catalog.pg_proc p \
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
LEFT JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid \
WHERE ";

const POLICIES: &str = "\
SELECT c.relname::text AS on_table, \
 pg_catalog.concat_ws(' AND ', pg_catalog.pg_get_expr(p.polqual, p.polrelid), \
 pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)) AS condition \
FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid";

const INHERITANCE: &str = "\
SELECT p.relname::text AS parent, c.relname::text AS child \
FROM pg_catalog.pg_inherits i \
JOIN pg_catalog.pg_class p ON p.oid = i.inhparent AND p.relkind IN ('r', 'p', 'f') \
JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid";

#[derive(QueryableByName)]
struct RelationRow {
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

/// Loads the facts. `in_transaction`: the caller has an open transaction, which is left unchanged.
pub(super) fn load(conn: &mut PgConnection, in_transaction: bool) -> QueryResult<Facts> {
    let (begin, end) = if in_transaction {
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
    let facts = load_facts(conn);
    conn.batch_execute(end)?;
    facts
}

fn load_facts(conn: &mut PgConnection) -> QueryResult<Facts> {
    let mut facts = Facts::new(Dialect::Postgres);
    let relations: Vec<RelationRow> =
        diesel::sql_query(format!("{RELATIONS}{IS_USER_SCHEMA}")).load(conn)?;
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
        facts.relations.push(Relation { name, kind });
    }
    let keys: Vec<ForeignKeyRow> = diesel::sql_query(FOREIGN_KEYS).load(conn)?;
    for row in keys {
        facts.add_foreign_key(&row.child, &row.parent, &row.on_delete, &row.on_update);
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
        let trigger = Trigger {
            table: facts.name(&row.on_table),
            events: match &*row.event {
                "2" => Events::UPDATE,
                "3" => Events::INSERT,
                "4" => Events::DELETE,
                _ => Events::ALL,
            },
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
    /// Decodes `pg_trigger.tgtype`. An update of a partitioned table may move rows, which deletes and
    /// inserts them.
    fn events(&self) -> Events {
        if self.partitioned {
            return Events::ALL;
        }
        Events {
            insert: self.events & 4 != 0,
            delete: self.events & (8 | 32) != 0,
            update: self.events & 16 != 0,
        }
    }
}

/// The part after `CREATE RULE name AS ON event TO table DO`.
fn actions(definition: &str) -> &str {
    definition
        .split_once(" DO ")
        .map_or(definition, |(_, actions)| actions)
}
