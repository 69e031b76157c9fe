//! Reads and writes of certain rows, told apart by two buckets of one column.

use std::collections::BTreeSet;

use super::{
    Bounds, State, Variant,
    store::Late,
    writer::{Move, Phase},
};
use crate::protocol::{
    Bucket, Buckets, Changes, DependencyTokens, Depends, Key, Token, WriteOutcome,
};

/// How many buckets the column has.
pub(super) const BUCKETS: usize = 2;

/// The column of the readers' keys.
pub(super) const COLUMN: &str = "k";

/// What a kind of read depends on.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    pub(super) changes: Changes,
    pub(super) key: Option<Key>,
}

impl Kind {
    pub(super) fn depends(&self) -> Depends<'_> {
        Depends {
            changes: &self.changes,
            key: self.key.as_ref(),
        }
    }

    /// The buckets that it looks at.
    pub(super) fn buckets(&self) -> Vec<usize> {
        let buckets = self.key.iter().flat_map(|key| &key.buckets);
        buckets.map(|bucket| usize::from(*bucket)).collect()
    }
}

/// On all rows.
impl From<Changes> for Kind {
    fn from(changes: Changes) -> Self {
        Self { changes, key: None }
    }
}

/// The rows that a write touches.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    /// Their buckets.
    pub(super) touched: BTreeSet<Bucket>,
    /// What the write knows of them at `begin`.
    pub(super) marked: Buckets,
    /// The same at `end`.
    pub(super) known: Buckets,
}

/// Any rows.
pub(super) static ANY: std::sync::LazyLock<Rows> = std::sync::LazyLock::new(|| Rows {
    touched: (0..BUCKETS).filter_map(|it| it.try_into().ok()).collect(),
    marked: Buckets::default(),
    known: Buckets::default(),
});

impl Rows {
    pub(super) fn meet(&self, kind: &Kind) -> bool {
        let key = kind.key.as_ref();
        key.is_none_or(|key| !key.buckets.is_disjoint(&self.touched))
    }

    /// The buckets that `end` deletes.
    pub(super) fn to_delete(&self) -> BTreeSet<usize> {
        let known = self.known.get(COLUMN).into_iter().flatten();
        known.map(|bucket| usize::from(*bucket)).collect()
    }
}

impl State {
    /// `end` deletes a bucket. `late`: the store executes the request later, and the writer does not know of it.
    pub(super) fn delete(&mut self, bounds: &Bounds, place: usize, bucket: usize, late: bool) {
        if late {
            self.faults.delays -= 1;
            self.store.late = Some(Late::Delete(bucket));
        } else {
            self.store.buckets[bucket] = None;
        }
        // What is not known to be deleted is deleted again.
        if !late || bounds.variant == Variant::DeletionUnconfirmed {
            self.writers[place].to_delete.remove(&bucket);
        }
        self.ended(bounds, place);
    }

    /// The deletions that a writer may do next.
    pub(super) fn deletions(&self, place: usize) -> Vec<Move> {
        let writing = &self.writers[place];
        let ending = matches!(writing.phase, Phase::Ending(it) if it != WriteOutcome::Failure);
        let to_delete = writing.to_delete.iter().filter(|_| ending);
        let delays = self.faults.delays > 0;
        to_delete
            .flat_map(|bucket| {
                let late = delays.then_some(Move::DeleteLate(*bucket));
                std::iter::once(Move::Delete(*bucket)).chain(late)
            })
            .collect()
    }
}

impl Variant {
    /// What a keyed reader depends on beside the table.
    pub(super) fn keyed(
        self,
        tokens: &DependencyTokens,
        buckets: &[Option<Token>],
    ) -> Option<Vec<Token>> {
        let present: Vec<_> = buckets.iter().copied().filter(Option::is_some).collect();
        let mut tokens = match self {
            Self::BucketNotAdded => tokens.keyed(&present)?,
            _ => tokens.keyed(buckets)?,
        };
        if self == Self::WideOfKeyIgnored {
            tokens.remove(0);
        }
        Some(tokens)
    }
}
