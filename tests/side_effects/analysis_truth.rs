//! What the analysis says of a statement, against what the server itself does with it: the tables
//! that it locks or opens may be fewer than those that the analysis found, never more.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use cachalot_sql::{Analysis, Kind, Writes, table_name};
use cachalot_tests::corpus;

use super::truth::{DIALECT, MIN_ACCEPTED, Server};

/// The tables that a server used for a statement, by the names that the analysis compares.
#[derive(Debug, Default)]
pub(crate) struct Used {
    /// Opened to be read.
    pub(crate) read: BTreeSet<String>,
    /// Opened to be written.
    pub(crate) written: BTreeSet<String>,
    /// Opened, and the server does not tell for which of the two.
    pub(crate) either: BTreeSet<String>,
}

/// A table's own name as the analysis compares it.
pub(crate) fn compared(name: &str) -> String {
    table_name(&format!("\"{}\"", name.replace('"', "\"\""))).to_string()
}

/// What the analysis says, in the same form. Every table is written: `None`.
fn found(analysis: &Analysis) -> Option<Used> {
    let written = match analysis.writes() {
        Writes::Nothing => BTreeSet::new(),
        Writes::Tables(tables) => tables.keys().map(ToString::to_string).collect(),
        Writes::Everything => return None,
    };
    let read = analysis.reads().iter().map(ToString::to_string).collect();
    Some(Used {
        read,
        written,
        ..Used::default()
    })
}

#[test]
fn the_server_uses_no_table_that_the_analysis_misses() {
    let cases: Vec<_> = corpus::cases(DIALECT)
        .into_iter()
        .filter_map(|case| {
            let analysis = Analysis::of(&case.sql, DIALECT);
            let found = found(&analysis).filter(|_| analysis.statements.len() == 1)?;
            let touches = !found.read.is_empty() || !found.written.is_empty();
            let asked = match analysis.kind() {
                Kind::Select | Kind::Insert | Kind::Update | Kind::Delete => true,
                // `MERGE` is one, `REINDEX` another.
                Kind::Other => touches,
                _ => false,
            };
            asked.then_some((case, found))
        })
        .collect();
    let names = cases
        .iter()
        .flat_map(|(_, found)| found.read.iter().chain(&found.written));
    let mut server = Server::start(&names.cloned().collect());

    let mut accepted = 0;
    let mut wrong = String::new();
    for (case, found) in &cases {
        let Some(used) = server.uses(&case.sql) else {
            continue;
        };
        accepted += 1;
        let mut missing: Vec<_> = used.read.difference(&found.read).collect();
        missing.extend(used.written.difference(&found.written));
        let known = |table: &&String| found.read.contains(*table) || found.written.contains(*table);
        missing.extend(used.either.iter().filter(|table| !known(table)));
        if !missing.is_empty() {
            writeln!(
                wrong,
                "{}: {}\n  used: {used:?}\n  missing: {missing:?}",
                case.place, case.sql
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(
        accepted >= MIN_ACCEPTED,
        "the server took {accepted} of {} statements, fewer than {MIN_ACCEPTED}",
        cases.len()
    );
}
