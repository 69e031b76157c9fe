//! The temporary tables that statements of a connection have created, by name.

use std::{collections::BTreeSet, sync::Arc};

use cachalot_sql::{Analysis, Effect, Kind, Statement, Writes};

/// How many names are remembered. A write to another one counts as a write to an unknown table.
const MAX_NAMES: usize = 1000;

/// The temporary tables that the session has created. No catalog has them, and no other session's rows
/// depend on them.
///
/// A name is forgotten as soon as the table may be gone, as a permanent table may have the same name.
#[derive(Debug, Default)]
pub(super) struct TemporaryNames {
    names: BTreeSet<Arc<str>>,
    /// Those whose creation succeeded, while nothing has happened that may have dropped them.
    created: BTreeSet<Arc<str>>,
    /// Those that were dropped in the open transaction, which may have written to them before.
    dropped: BTreeSet<Arc<str>>,
    /// One of them may be dropped at the end of its transaction.
    until_commit: bool,
}

impl TemporaryNames {
    pub(super) fn names(&self) -> &BTreeSet<Arc<str>> {
        &self.names
    }

    /// Are tables of these names certainly temporary ones, if there is no permanent table of the name?
    pub(super) fn have_created(&self, names: &[String]) -> bool {
        names.iter().all(|name| self.created.contains(&**name))
    }

    /// A text is about to run: what it creates is the session's own from the start.
    pub(super) fn before_statement(&mut self, analysis: &Analysis) {
        for effect in effects(analysis) {
            if let Effect::CreateTemporary(names) = effect {
                self.add(names, analysis);
            }
        }
        // It may be another table, as the temporary one is gone.
        if let Writes::Tables(tables) = analysis.writes() {
            for table in tables.keys() {
                if self.dropped.remove(table) {
                    self.names.remove(table);
                }
            }
        }
    }

    /// Code has run that may have dropped tables.
    pub(super) fn unknown_code_ran(&mut self) {
        self.created.clear();
    }

    /// A text has run. `pending`: in a transaction that is still open.
    pub(super) fn finished(&mut self, analysis: &Analysis, succeeded: bool, pending: bool) {
        if let Some(names) = self.only_drops(analysis) {
            for name in names {
                if let Some(name) = self.names.get(&**name) {
                    self.dropped.insert(Arc::clone(name));
                }
                self.created.remove(&**name);
            }
        } else if !self.names.is_empty() && may_drop(analysis) {
            self.forget();
        }
        // The transaction may be rolled back even if a COMMIT ends it.
        if !succeeded && pending {
            self.forget();
        }
        let unchanged = succeeded && *analysis.writes() != Writes::Everything;
        if !unchanged {
            self.created.clear();
        }
        let mut created = Vec::new();
        for effect in effects(analysis) {
            match effect {
                Effect::CreateTemporary(names) => {
                    self.add(names, analysis);
                    created.extend(names);
                }
                Effect::Rollback { .. } | Effect::RollbackTo(_) => {
                    self.forget();
                    created.clear();
                }
                Effect::Commit { .. } if self.until_commit => {
                    self.forget();
                    created.clear();
                    self.until_commit = false;
                }
                _ => {}
            }
        }
        if unchanged && !may_drop(analysis) {
            // The database may fold the case of other names differently.
            let plain = created.into_iter().filter(|name| name.is_ascii());
            self.created
                .extend(plain.filter_map(|name| self.names.get(&**name).cloned()));
        }
    }

    /// Nothing is left that a later statement may commit.
    pub(super) fn committed(&mut self) {
        if self.dropped.is_empty() {
            return;
        }
        for name in std::mem::take(&mut self.dropped) {
            self.names.remove(&name);
        }
    }

    /// The tables that a text drops, if all of them are temporary and it drops nothing else.
    fn only_drops<'a>(&self, analysis: &'a Analysis) -> Option<&'a [String]> {
        let drops = |effect: &Effect| matches!(effect, Effect::ChangeTables { drops: true, .. });
        let certain = analysis.writes().is_nothing() && effects(analysis).any(drops);
        analysis.changed_tables().filter(|_| certain)
    }

    fn add(&mut self, names: &[String], analysis: &Analysis) {
        if self.names.len() < MAX_NAMES {
            for name in names {
                self.dropped.remove(&**name);
                self.names.insert(Arc::from(&**name));
            }
            self.until_commit |= contains(analysis.text().sql(), "commit");
        }
    }

    fn forget(&mut self) {
        self.names.clear();
        self.created.clear();
        self.dropped.clear();
    }
}

fn effects(analysis: &Analysis) -> impl Iterator<Item = &Effect> {
    analysis.statements.iter().flat_map(|it| &it.effects)
}

/// May a text drop or rename tables?
fn may_drop(analysis: &Analysis) -> bool {
    let is_read = |statement: &Statement| statement.kind == Kind::Select;
    if analysis.parsed && analysis.statements.iter().all(is_read) {
        return false;
    }
    let sql = analysis.text().sql();
    ["drop", "discard", "rename"]
        .iter()
        .any(|word| contains(sql, word))
}

fn contains(sql: &str, word: &str) -> bool {
    let mut windows = sql.as_bytes().windows(word.len());
    windows.any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}
