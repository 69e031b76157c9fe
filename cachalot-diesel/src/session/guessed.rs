//! The names in the writes of statements that could not be parsed.

use std::{collections::BTreeSet, sync::Arc};

use cachalot_sql::{self, Analysis, Dialect, Writes};

/// The names in writes that the token scan found, until the writes are committed. Some are columns and
/// aliases: that no catalog has a relation of such a name means nothing.
#[derive(Debug, Default)]
pub(super) struct Guessed {
    relations: BTreeSet<Arc<str>>,
    others: BTreeSet<Arc<str>>,
}

impl Guessed {
    /// A text is about to run.
    pub(super) fn starts(&mut self, analysis: &Analysis, dialect: Dialect) {
        let Writes::Tables(tables) = analysis.writes() else {
            return;
        };
        let aims = if analysis.parsed {
            None
        } else {
            cachalot_sql::possible_targets(analysis.text().sql(), dialect)
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

    /// No later statement can commit anything that has run.
    pub(super) fn committed(&mut self) {
        self.relations.clear();
        self.others.clear();
    }

    /// The names of columns and aliases.
    pub(super) fn others(&self) -> &BTreeSet<Arc<str>> {
        &self.others
    }
}
