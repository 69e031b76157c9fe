//! What a reader does about buckets that are missing.

use super::{
    super::{
        Bounds, State, Variant,
        normal::free_tokens,
        store::{Late, sure},
    },
    Fetched, Phase,
};

impl State {
    /// Adds the first bucket that is missing. `late`: the store executes the request later, and the reader gets no
    /// answer.
    pub(super) fn add_bucket(
        &mut self,
        bounds: &Bounds,
        kind: usize,
        mut it: Fetched,
        late: bool,
    ) -> Phase {
        let at = it.missing_bucket();
        let bucket = bounds.kinds[kind].buckets()[at];
        let token = match self.store.late {
            Some(Late::Add(_, token)) if bounds.variant == Variant::TokenSentTwice => token,
            _ => sure(free_tokens()()),
        };
        if late {
            self.faults.delays -= 1;
            self.store.late = Some(Late::Add(bucket, token));
        }
        let added = match late {
            true => bounds.variant == Variant::AdditionUnconfirmed,
            false => self.store.add_bucket(bucket, token),
        };
        if added {
            it.buckets[at] = Some(token);
            miss(bounds, it)
        } else {
            Phase::BucketAgain(it)
        }
    }

    /// Reads the bucket that was not added, or perhaps not.
    pub(super) fn fetch_bucket_again(
        &self,
        bounds: &Bounds,
        kind: usize,
        mut it: Fetched,
    ) -> Phase {
        let at = it.missing_bucket();
        it.buckets[at] = self.store.buckets[bounds.kinds[kind].buckets()[at]];
        miss(bounds, it)
    }

    /// For `BucketPutBack`.
    pub(super) fn put_back(&mut self, bounds: &Bounds, kind: usize, it: &Fetched) -> Phase {
        let buckets = bounds.kinds[kind].buckets();
        for (bucket, token) in buckets.into_iter().zip(&it.buckets) {
            token.map(|token| self.store.add_bucket(bucket, token));
        }
        it.query(bounds)
    }
}

/// Goes on with the buckets that are missing, if there are any.
pub(super) fn miss(bounds: &Bounds, mut it: Fetched) -> Phase {
    // Only their tokens matter from here on.
    it.records.clear();
    match bounds.variant {
        Variant::BucketNotAdded => it.query(bounds),
        _ if it.buckets.contains(&None) => Phase::AddingBucket(it),
        Variant::BucketPutBack => Phase::PuttingBack(it),
        _ => it.query(bounds),
    }
}
