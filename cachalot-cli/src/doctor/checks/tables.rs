//! Which tables are never invalidated?

use std::collections::BTreeSet;

use cachalot_diesel::TableStatus;

use super::{Finding, Subject};

const CHECK: &str = "tables";

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    let Some(Ok(survey)) = &subject.survey else {
        return Vec::new();
    };
    // A set, as several schemas may have a table of the same name.
    let quoted: BTreeSet<_> = survey
        .relations
        .iter()
        .filter(|it| it.is_table)
        .map(|table| format!("\"{}\"", table.name.replace('"', "\"\"")))
        .collect();
    if quoted.is_empty() {
        return vec![Finding::ok(CHECK, "the database has no tables")];
    }
    match subject.cache.table_status(&quoted) {
        Ok(tables) => classify(&tables),
        // `reach` reports this.
        Err(_) => Vec::new(),
    }
}

fn classify(tables: &[TableStatus]) -> Vec<Finding> {
    let invalidated = |table: &TableStatus| table.last_invalidation.is_some();
    let known = |table: &TableStatus| table.version.is_some();
    let mut findings = Vec::new();
    if let Some(names) = named(tables, invalidated) {
        findings.push(Finding::ok(
            CHECK,
            format!("invalidated through the library: {names}"),
        ));
    }
    if let Some(names) = named(tables, |table| known(table) && !invalidated(table)) {
        findings.push(Finding::warning(
            CHECK,
            format!("cached, but never invalidated according to the store: {names}"),
            "if programs without the library write to them, run `cachalot invalidate` after their \
             writes, or add the tables to CACHALOT_UNCACHABLE_TABLES",
        ));
    }
    if let Some(names) = named(tables, |table| !known(table)) {
        findings.push(Finding::ok(
            CHECK,
            format!("neither cached nor invalidated according to the store: {names}"),
        ));
    }
    findings
}

/// The names of these tables, if there are any.
fn named(tables: &[TableStatus], which: impl Fn(&TableStatus) -> bool) -> Option<String> {
    let chosen = tables.iter().filter(|table| which(table));
    let mut names: Vec<_> = chosen.map(|table| &*table.table).collect();
    names.sort_unstable();
    (!names.is_empty()).then(|| names.join(", "))
}
