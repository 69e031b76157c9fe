//! The names in the writes of statements that could not be parsed.

use std::{collections::BTreeSet, sync::Arc};

use cachalot_sql::{self, Analysis, Dialect, Writes};

/// The names that the token scan found in writes, until the writes are committed. Some are columns or
/// aliases, so it means nothing that a catalog has no relation of such a name.
#[derive(Debug, Default)]
pub(super) struct UnparsedNames {
    relations: BTreeSet<Arc<str>>,
    non_relations: BTreeSet<Arc<str>>,
}

impl UnparsedNames {
    /// A text is about to run.
    pub(super) fn before_statement(&mut self, analysis: &Analysis, dialect: Dialect) {
        let Writes::Tables(tables) = analysis.writes() else {
            return;
        };
        let possible = if analysis.parsed {
            None
        } else {
            cachalot_sql::connection::possible_targets(analysis.text().sql(), dialect)
        };
        for table in tables.keys() {
            if possible
                .as_ref()
                .is_none_or(|possible| possible.contains(table))
            {
                self.relations.insert(Arc::clone(table));
            } else {
                self.non_relations.insert(Arc::clone(table));
            }
        }
        self.non_relations
            .retain(|name| !self.relations.contains(name));
    }

    /// No later statement can commit anything that has run.
    pub(super) fn committed(&mut self) {
        self.relations.clear();
        self.non_relations.clear();
    }

    /// The names of columns and aliases.
    pub(super) fn non_relations(&self) -> &BTreeSet<Arc<str>> {
        &self.non_relations
    }
}
