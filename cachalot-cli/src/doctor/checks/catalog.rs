//! Which tables, views and code of the database cannot be cached or analysed?

use std::collections::BTreeMap;

use cachalot_diesel::{BypassReason, UnanalyzableCode};

use super::{Finding, Subject};
use crate::database::Relation;

pub(in crate::doctor) const CHECK: &str = "catalog";

/// The rest of a longer list is only counted: an extension may have hundreds of functions.
const MAX_LISTED_NAMES: usize = 20;

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    match &subject.survey {
        None => Vec::new(),
        Some(Err(error)) => vec![Finding::problem(
            CHECK,
            format!("the catalog cannot be read, so nothing of the database is cached: {error}"),
            "do what the error asks for: grant the account of DATABASE_URL a missing privilege, or lift a \
             limit of its sessions; otherwise report the error together with the database's version",
        )],
        Some(Ok(survey)) => {
            let mut findings = relations(&survey.relations);
            findings.extend(wide(&survey.relations));
            findings.extend(code(&survey.unanalyzable));
            findings
        }
    }
}

/// Which tables and views can be cached.
fn relations(relations: &[Relation]) -> Vec<Finding> {
    let mut bypass: BTreeMap<String, (&BypassReason, Vec<&str>)> = BTreeMap::new();
    for relation in relations {
        if let Some(reason) = &relation.bypass {
            let (_, names) = bypass
                .entry(reason.to_string())
                .or_insert((reason, Vec::new()));
            names.push(&relation.name);
        }
    }
    let cached = relations.iter().filter(|it| it.bypass.is_none()).count();
    let found = format!(
        "{cached} of {} tables and views can be cached",
        relations.len()
    );
    let bypass = bypass.into_values();
    let bypass = bypass.map(|(reason, names)| not_cached(reason, &names));
    std::iter::once(Finding::ok(CHECK, found))
        .chain(bypass)
        .collect()
}

fn not_cached(reason: &BypassReason, names: &[&str]) -> Finding {
    let found = format!("not cached because {reason}: {}", list(names));
    let advice = match reason {
        BypassReason::ExcludedTable(_) => return Finding::ok(CHECK, found),
        BypassReason::CatalogUnknown | BypassReason::UnknownSession => {
            return Finding::problem(
                CHECK,
                found,
                "make sure that the account of DATABASE_URL can read the catalog and its own settings",
            );
        }
        // It concerns all tables.
        BypassReason::TriggersNotVisible => {
            return Finding::problem(
                CHECK,
                found,
                "grant TRIGGER on the database to the program's account itself; MySQL does not \
                 consider its roles here, unless it can read the database `mysql`",
            );
        }
        BypassReason::Untrackable(_) => {
            "for a view or table in MySQL, let the program's account see its definition (grant SHOW \
             VIEW, or any privilege besides SELECT); rows that change without a statement through \
             Diesel cannot be cached"
        }
        BypassReason::VolatileFunction(_) => {
            "if the function always returns the same for the same tables, declare it STABLE or \
             IMMUTABLE (PostgreSQL), or add it to CACHALOT_PURE_FUNCTIONS; otherwise remove it from \
             the view or policy, and pass its result as a bind"
        }
        BypassReason::NotSelect => {
            "reading it calls a function that writes; if the function does not write, add it to \
             CACHALOT_PURE_FUNCTIONS, otherwise these reads have to go to the database"
        }
        BypassReason::RandomOrder => {
            "set CACHALOT_CACHE_RANDOM=true if all readers may see the same order, or order it by a \
             column"
        }
        BypassReason::RowLock | BypassReason::TableSample | BypassReason::SystemCatalog(_) => {
            "to cache reads of the view, remove that from its definition"
        }
        BypassReason::Disabled => "set CACHALOT_ENABLED=true where the cache is to work",
        BypassReason::Replica => "give the primary's URL; what a replica shows is not stored",
        _ => "see docs/limits.md of cachalot-diesel for what can be done about that reason",
    };
    Finding::warning(CHECK, found, advice)
}

/// The tables whose updates are not told apart by column.
fn wide(relations: &[Relation]) -> Option<Finding> {
    let names = relations.iter().filter(|it| it.wide).map(|it| &*it.name);
    let names: Vec<&str> = names.collect();
    let found = format!(
        "an update of one of these tables invalidates all of its results, whichever columns it sets, because \
         the table has policies, a rule for updates, partitions, children, a history or a trigger that may \
         set any column, or is virtual: {}",
        list(&names)
    );
    (!names.is_empty()).then(|| Finding::ok(CHECK, found))
}

/// Code that the library cannot analyse.
fn code(unanalyzable: &[UnanalyzableCode]) -> Vec<Finding> {
    if unanalyzable.is_empty() {
        let found = "all triggers and functions can be analysed";
        return vec![Finding::ok(CHECK, found)];
    }
    let (mut findings, mut writing, mut reading) = (Vec::new(), Vec::new(), Vec::new());
    for code in unanalyzable {
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
                        "each {} of `{table}` invalidates everything: it runs {runs}, which cannot be \
                         analysed and may write any table",
                        events.join(" or ")
                    ),
                    "if that writes nothing, add its function to CACHALOT_PURE_FUNCTIONS; otherwise \
                     write it in SQL or PL/pgSQL without EXECUTE, or let the program's account see its \
                     definition",
                ));
            }
            // Reported as the reason why no table is cached.
            UnanalyzableCode::Triggers => {}
            UnanalyzableCode::Writing(name) => writing.push(name),
            UnanalyzableCode::Reading(name) => reading.push(name),
        }
    }
    if !writing.is_empty() {
        findings.push(Finding::warning(
            CHECK,
            format!(
                "each call of one of these functions invalidates everything, because it cannot be \
                 analysed and may write any table: {}",
                list(&writing)
            ),
            "of those that the program calls, add the ones that write nothing to \
             CACHALOT_PURE_FUNCTIONS; write the others in SQL or PL/pgSQL without EXECUTE, or let the \
             program's account see their definitions",
        ));
    }
    if !reading.is_empty() {
        findings.push(Finding::warning(
            CHECK,
            format!(
                "it is unknown which tables these functions read, so queries that call them are not \
                 cached: {}",
                list(&reading)
            ),
            "add a function to CACHALOT_PURE_FUNCTIONS if it reads no table, or if the queries that \
             call it list its tables with `depends_on_tables`",
        ));
    }
    findings
}

fn list<S: AsRef<str>>(names: &[S]) -> String {
    let named: Vec<_> = names
        .iter()
        .take(MAX_LISTED_NAMES)
        .map(AsRef::as_ref)
        .collect();
    let named = named.join(", ");
    match names.len().saturating_sub(MAX_LISTED_NAMES) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
