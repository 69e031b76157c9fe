//! The temporary tables that statements of a connection have made, by name.

use std::{collections::BTreeSet, sync::Arc};

use crate::statement::{Analysis, Effect};

/// How many names are remembered. A write to another one counts as one to an unknown table.
const MAX_NAMES: usize = 1000;

/// The temporary tables that the session has made. No catalog has them, and nobody else's rows
/// depend on them.
///
/// A name is forgotten as soon as the table may be gone, since a table that everybody sees may have
/// the same name then.
#[derive(Debug, Default)]
pub(super) struct TemporaryNames {
    names: BTreeSet<Arc<str>>,
    /// One of them may go with the end of its transaction.
    until_commit: bool,
}

impl TemporaryNames {
    pub(super) fn names(&self) -> &BTreeSet<Arc<str>> {
        &self.names
    }

    /// Takes note of a text that is about to run: what it makes is nobody else's from the start.
    pub(super) fn starts(&mut self, analysis: &Analysis) {
        for effect in analysis.statements.iter().flat_map(|it| &it.effects) {
            if let Effect::CreateTemporary(names) = effect {
                self.made(names, analysis);
            }
        }
    }

    /// Takes note of a text that has run, well or not.
    pub(super) fn finished(&mut self, analysis: &Analysis) {
        if !self.names.is_empty() && drops(analysis) {
            self.names.clear();
        }
        for effect in analysis.statements.iter().flat_map(|it| &it.effects) {
            match effect {
                Effect::CreateTemporary(names) => self.made(names, analysis),
                Effect::Rollback { .. } | Effect::RollbackTo(_) => self.names.clear(),
                Effect::Commit { .. } if self.until_commit => {
                    self.names.clear();
                    self.until_commit = false;
                }
                _ => {}
            }
        }
    }

    fn made(&mut self, names: &[String], analysis: &Analysis) {
        if self.names.len() < MAX_NAMES {
            self.names
                .extend(names.iter().map(|name| Arc::from(&**name)));
            self.until_commit |= contains(analysis.text().sql(), "commit");
        }
    }
}

/// May a text drop tables?
fn drops(analysis: &Analysis) -> bool {
    let sql = analysis.text().sql();
    contains(sql, "drop") || contains(sql, "discard")
}

fn contains(sql: &str, word: &str) -> bool {
    let mut windows = sql.as_bytes().windows(word.len());
    windows.any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}
