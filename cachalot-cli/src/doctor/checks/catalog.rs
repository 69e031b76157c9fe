//! What does the database hide from the library, or forbid to cache?

use std::collections::BTreeMap;

use cachalot_diesel::{BypassReason, UnanalyzableCode};

use super::{Finding, Subject};
use crate::database::Relation;

pub(in crate::doctor) const CHECK: &str = "catalog";

/// Of a long list these are named, and the rest counted: an extension may have hundreds of functions.
const NAMED: usize = 20;

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    match &subject.survey {
        None => Vec::new(),
        Some(Err(error)) => vec![Finding::problem(
            CHECK,
            format!("nothing of the database is cached, as its catalog cannot be read: {error}"),
            "if the error denies something, grant that to the account of DATABASE_URL; if not, report \
             it with the database's version, as no privilege will help",
        )],
        Some(Ok(survey)) => {
            let mut findings = relations(&survey.relations);
            findings.extend(code(&survey.opaque));
            findings
        }
    }
}

/// What reads of the tables and views would come to.
fn relations(relations: &[Relation]) -> Vec<Finding> {
    let mut refused: BTreeMap<String, (&BypassReason, Vec<&str>)> = BTreeMap::new();
    for relation in relations {
        if let Some(reason) = &relation.refused {
            let (_, names) = refused
                .entry(reason.to_string())
                .or_insert((reason, Vec::new()));
            names.push(&relation.name);
        }
    }
    let cached = relations.iter().filter(|it| it.refused.is_none()).count();
    let found = format!(
        "{cached} of {} tables and views can be cached",
        relations.len()
    );
    let refused = refused.into_values();
    let refused = refused.map(|(reason, names)| not_cached(reason, &names));
    std::iter::once(Finding::ok(CHECK, found))
        .chain(refused)
        .collect()
}

fn not_cached(reason: &BypassReason, names: &[&str]) -> Finding {
    let found = format!("not cached, as {reason}: {}", list(names));
    let advice = match reason {
        BypassReason::ExcludedTable(_) => return Finding::ok(CHECK, found),
        BypassReason::CatalogUnknown | BypassReason::UnknownSession => {
            return Finding::problem(
                CHECK,
                found,
                "see that the account of DATABASE_URL may read the catalog and its own settings",
            );
        }
        BypassReason::TriggersNotVisible => {
            "grant TRIGGER on the database to the program's account itself; MySQL does not show an \
             account what its roles may do, unless it may read the database `mysql`"
        }
        BypassReason::Untrackable(_) => {
            "if it is a view or a table of MySQL's, let the program's account see its definition \
             (GRANT SHOW VIEW, or any privilege besides SELECT); what changes without a statement \
             of Diesel's cannot be cached"
        }
        BypassReason::VolatileFunction(_) => {
            "if the function always gives the same for the same tables, declare it STABLE or \
             IMMUTABLE (PostgreSQL), or name it in CACHALOT_PURE_FUNCTIONS; else take it out of the \
             view or policy, and give what it returns as a bind"
        }
        BypassReason::NotSelect => {
            "a read of it calls a function that writes; if it does not, name it in \
             CACHALOT_PURE_FUNCTIONS, else nothing is to be done: it has to reach the database"
        }
        BypassReason::RandomOrder => {
            "set CACHALOT_CACHE_RANDOM=true if the order of the first read may stay, or order it by \
             a column"
        }
        BypassReason::RowLock | BypassReason::TableSample | BypassReason::SystemCatalog(_) => {
            "take that out of the view if its reads are to be cached"
        }
        BypassReason::Disabled => "set CACHALOT_ENABLED=true where the cache is to work",
        BypassReason::Replica => "give the primary's URL; what a replica shows is not stored",
        _ => "see docs/limits.md of cachalot-diesel for what can be done about that reason",
    };
    Finding::warning(CHECK, found, advice)
}

/// What nobody can see through.
fn code(opaque: &[UnanalyzableCode]) -> Vec<Finding> {
    if opaque.is_empty() {
        let found = "it holds no trigger or function that cannot be seen through";
        return vec![Finding::ok(CHECK, found)];
    }
    let (mut findings, mut writing, mut reading) = (Vec::new(), Vec::new(), Vec::new());
    for code in opaque {
        match code {
            UnanalyzableCode::Trigger {
                table,
                events,
                routine,
            } => {
                let events = [
                    (events.insert, "insert"),
                    (events.update, "update"),
                    (events.delete, "delete"),
                ];
                let events = events.iter().filter(|(happens, _)| *happens);
                let events: Vec<_> = events.map(|(_, event)| *event).collect();
                let runs = match routine {
                    Some(routine) => format!("`{routine}`"),
                    None => "a trigger".to_owned(),
                };
                findings.push(Finding::warning(
                    CHECK,
                    format!(
                        "each {} of `{table}` invalidates everything: it runs {runs}, which cannot \
                         be seen through and may write any table",
                        events.join(" or ")
                    ),
                    "if that writes nothing, name its function in CACHALOT_PURE_FUNCTIONS; else write \
                     it in SQL or PL/pgSQL without EXECUTE, or let the program's account see its \
                     definition",
                ));
            }
            // Why no table is cached.
            UnanalyzableCode::Triggers => {}
            UnanalyzableCode::Writing(name) => writing.push(name),
            UnanalyzableCode::Reading(name) => reading.push(name),
        }
    }
    if !writing.is_empty() {
        findings.push(Finding::warning(
            CHECK,
            format!(
                "each call of one of these invalidates everything, as it cannot be seen through and \
                 may write any table: {}",
                list(&writing)
            ),
            "of those that the program calls, name what writes nothing in CACHALOT_PURE_FUNCTIONS; \
             write others in SQL or PL/pgSQL without EXECUTE, or let the program's account see them",
        ));
    }
    if !reading.is_empty() {
        findings.push(Finding::warning(
            CHECK,
            format!(
                "these read tables that nobody can tell, so what calls one of them is not cached: {}",
                list(&reading)
            ),
            "name one in CACHALOT_PURE_FUNCTIONS if it reads no table, or if the queries that call it \
             say its tables with `depends_on`",
        ));
    }
    findings
}

fn list<S: AsRef<str>>(names: &[S]) -> String {
    let named: Vec<_> = names.iter().take(NAMED).map(AsRef::as_ref).collect();
    let named = named.join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
