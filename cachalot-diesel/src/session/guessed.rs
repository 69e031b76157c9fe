use std::{collections::BTreeSet, sync::Arc};

use crate::statement::{self, Analysis, Dialect, Writes};

/// The names among the writes of statements that were only guessed at, until those are committed:
/// columns and aliases are not relations that nobody knows.
#[derive(Debug, Default)]
pub(super) struct Guessed {
    relations: BTreeSet<Arc<str>>,
    others: BTreeSet<Arc<str>>,
}

impl Guessed {
    /// Takes note of a text that is about to run.
    pub(super) fn starts(&mut self, analysis: &Analysis, dialect: Dialect) {
        let Writes::Tables(tables) = analysis.writes() else {
            return;
        };
        let aims = if analysis.parsed {
            None
        } else {
            statement::aims(analysis.text().sql(), dialect)
        };
        for table in tables.keys() {
            if aims.as_ref().is_none_or(|aims| aims.contains(table)) {
                self.relations.insert(Arc::clone(table));
            } else {
                self.others.insert(Arc::clone(table));
            }
        }
        self.others.retain(|name| !self.relations.contains(name));
    }

    /// Nothing is left that a later statement may commit.
    pub(super) fn committed(&mut self) {
        self.relations.clear();
        self.others.clear();
    }

    /// Names that are those of columns and aliases.
    pub(super) fn others(&self) -> &BTreeSet<Arc<str>> {
        &self.others
    }
}
