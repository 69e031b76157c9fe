//! What a reader fetches in one batch.

use super::{
    super::{
        Bounds, Variant,
        normal::{in_entry, in_seen},
        store::{Entry, Seen},
    },
    Move, Phase, Reader,
};
use crate::protocol::{DependencyTokens, Proofs, Token};

/// Several servers answer in any order, but the buckets are on the record's server. Replies received are `Some`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Batch {
    pub(super) entry: Option<Option<Entry>>,
    pub(super) records: Vec<Option<Option<Seen>>>,
    pub(super) buckets: Vec<Option<Option<Token>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Fetched {
    pub(super) entry: Option<Entry>,
    pub(super) records: Vec<Option<Seen>>,
    /// Those of the kind of read.
    pub(super) buckets: Vec<Option<Token>>,
    /// What a keyed reader depends on.
    pub(super) keyed: Option<DependencyTokens>,
    /// Of the tables decided so far. The next table is that after them.
    pub(super) tokens: Vec<Token>,
}

impl Reader {
    /// The batch before any reply.
    pub(super) fn batch(&self, bounds: &Bounds) -> Batch {
        Batch {
            entry: None,
            records: vec![None; bounds.looked_at()],
            buckets: vec![None; bounds.kinds[self.kind].buckets().len()],
        }
    }
}

impl Batch {
    /// What has not come yet.
    pub(super) fn moves(&self, bounds: &Bounds) -> Vec<Move> {
        let records = self.records.iter().enumerate();
        let records = records.filter(|(_, it)| it.is_none());
        let records = records.map(|(table, _)| Move::FetchRecord(table));
        let buckets = self.buckets.iter().enumerate();
        let buckets = buckets.filter(|(_, it)| it.is_none() && self.may_fetch_buckets(bounds));
        let buckets = buckets.map(|(at, _)| Move::FetchBucket(at));
        let entry = self.entry.is_none().then_some(Move::FetchEntry);
        records.chain(buckets).chain(entry).collect()
    }

    /// The server executes the commands in their order.
    fn may_fetch_buckets(&self, bounds: &Bounds) -> bool {
        self.records.iter().all(Option::is_some) || bounds.variant == Variant::BucketsFirst
    }
}

impl Fetched {
    /// The same batch, of which the buckets have to be read after the record.
    pub(super) fn with_buckets_again(self) -> Batch {
        Batch {
            entry: Some(self.entry),
            records: self.records.into_iter().map(Some).collect(),
            buckets: vec![None; self.buckets.len()],
        }
    }

    /// The index of the first bucket that is missing.
    pub(super) fn missing_bucket(&self) -> usize {
        let missing = self.buckets.iter().position(Option::is_none);
        missing.expect("a bucket is missing")
    }

    /// Depends on these tokens of the next record.
    pub(super) fn depend(&mut self, bounds: &Bounds, tokens: DependencyTokens) {
        self.tokens.extend(bounds.variant.tokens(&tokens));
        self.keyed = (!self.buckets.is_empty()).then_some(tokens);
    }

    pub(super) fn proofs(&self, bounds: &Bounds) -> Proofs<Vec<Token>> {
        let keyed = self.keyed.as_ref();
        Proofs {
            table: self.tokens.clone(),
            key: keyed.and_then(|tokens| bounds.variant.keyed(tokens, &self.buckets)),
        }
    }

    pub(super) fn query(&self, bounds: &Bounds) -> Phase {
        Phase::Querying(Entry::under(self.proofs(bounds)))
    }

    pub(super) fn visit(&mut self, see: &mut impl FnMut(&mut Token)) {
        if let Some(entry) = &mut self.entry {
            in_entry(entry, see);
        }
        for seen in self.records.iter_mut().flatten() {
            in_seen(seen, see);
        }
        self.buckets.iter_mut().flatten().for_each(&mut *see);
        if let Some(keyed) = &mut self.keyed {
            keyed.tokens_mut().for_each(&mut *see);
        }
        self.tokens.iter_mut().for_each(see);
    }
}
