//! What readers do in broken variants.

use super::super::{Variant, normal::free_tokens, store::sure};
use crate::protocol::{Columns, DependencyTokens, Depends, Record, TimedChanges, Token, Writer};

impl Variant {
    /// The tokens that an entry is stored under.
    pub(super) fn tokens(self, tokens: &DependencyTokens) -> Vec<Token> {
        let mut tokens: Vec<_> = tokens.iter().collect();
        if self == Self::WideIgnored {
            // After that of inserts, for a read that depends on all events.
            tokens.remove(1);
        }
        tokens
    }

    /// For `ColumnsInFlight`: what a reader sees of a record.
    pub(super) fn forget_columns_in_flight(self, present: Option<Record>) -> Option<Record> {
        if self != Self::ColumnsInFlight {
            return present;
        }
        present.map(|record| {
            let named = |writer: &&Writer| writer.changes.updated != Columns::All;
            let named = record.writers().iter().filter(named);
            let named: Vec<_> = named.map(|writer| writer.id).collect();
            named.into_iter().fold(record, Record::withdrawn)
        })
    }

    /// For `NarrowReclaim` and `KeyedReclaim`: what replaces a record with crashed writers.
    pub(super) fn narrow_reclaim(
        self,
        present: Option<&Record>,
        depends: Depends<'_>,
        crashed: &[Token],
    ) -> Option<Record> {
        if !matches!(self, Self::NarrowReclaim | Self::KeyedReclaim) {
            return None;
        }
        let record = present?.clone();
        let writers = record.writers().to_vec();
        let mut crashed = writers.iter().filter(|it| crashed.contains(&it.id));
        let tokens = &mut free_tokens();
        let reclaimed = crashed.try_fold(record, |record, writer| {
            let changes = match self {
                Self::KeyedReclaim => TimedChanges {
                    changes: &writer.changes,
                    buckets: &writer.buckets,
                    at: None,
                },
                _ => depends.changes.into(),
            };
            record.published(writer.id, changes, tokens)
        });
        Some(sure(reclaimed))
    }
}
