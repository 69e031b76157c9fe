//! What does the database's catalog hide from the library, or forbid to cache?
//!
//! Asked of the library itself: what it would do with a read of each table and view.

use std::collections::BTreeMap;

use cachalot_diesel::{BypassReason, Cachalot, Outcome};

use super::{Finding, Subject};
use crate::database::{Database, Relation};

const CHECK: &str = "catalog";

/// A relation that there is not. A read of it would depend on itself, and on what every read depends
/// on: the tables after whose writes code runs that nobody can look into.
const NOWHERE: &str = "cachalot_doctor_asks_for_what_is_not_there";

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    let Some(Ok(database)) = &mut subject.database else {
        return Vec::new();
    };
    let (cache, relations) = (&subject.own, &subject.relations);
    match look(database.as_mut(), cache, relations) {
        Ok(findings) => findings,
        Err(error) => vec![Finding::problem(
            CHECK,
            format!("it cannot be read: {error}"),
            "see that the user of DATABASE_URL may read the catalog",
        )],
    }
}

fn look(
    database: &mut dyn Database,
    cache: &Cachalot,
    relations: &[Relation],
) -> Result<Vec<Finding>, String> {
    let mut cached = 0;
    let mut refused: BTreeMap<String, (BypassReason, Vec<&str>)> = BTreeMap::new();
    for relation in relations {
        match database.explain(cache, &relation.sql)?.outcome {
            Outcome::Bypass(reason) => {
                let group = refused.entry(reason.to_string());
                let (_, names) = group.or_insert_with(|| (reason, Vec::new()));
                names.push(&relation.name);
            }
            _ => cached += 1,
        }
    }
    let mut findings = Vec::new();
    if cached > 0 {
        findings.push(Finding::ok(
            CHECK,
            format!(
                "{cached} of {} tables and views can be cached",
                relations.len()
            ),
        ));
    }
    findings.extend(
        refused
            .into_values()
            .map(|(reason, names)| not_cached(&reason, &names)),
    );
    let everywhere = database.explain(cache, NOWHERE)?.tables;
    let sweeping: Vec<_> = everywhere.iter().filter(|name| *name != NOWHERE).collect();
    findings.extend(sweeping.into_iter().map(|table| {
        Finding::warning(
            CHECK,
            format!("each write to {table} invalidates everything: code runs then that cannot be looked into"),
            "take dynamic SQL and languages other than SQL and PL/pgSQL out of its triggers",
        )
    }));
    Ok(findings)
}

fn not_cached(reason: &BypassReason, names: &[&str]) -> Finding {
    let found = format!("not cached, as {reason}: {}", names.join(", "));
    let advice = match reason {
        BypassReason::ExcludedTable(_) => return Finding::ok(CHECK, found),
        BypassReason::TriggersUnseen => "grant TRIGGER on the database to the program's account",
        BypassReason::Unseen(_) => {
            "let the program's account see its definition (MySQL: SHOW VIEW), if it has one; what \
             changes without a statement cannot be cached"
        }
        BypassReason::VolatileFunction(_) => {
            "declare the function STABLE or IMMUTABLE, or name it in CACHALOT_PURE_FUNCTIONS, if it \
             always gives the same for the same tables"
        }
        BypassReason::Disabled => "set CACHALOT_ENABLED=true where the cache is to work",
        BypassReason::Replica => "let the program read from the primary, if it is to be cached",
        _ => {
            "ask the program's own queries with `.explain()`; docs/limits.md tells what can be done"
        }
    };
    Finding::warning(CHECK, found, advice)
}
