//! A reader of the model, one command per step, as in `entries/lookup.rs`.

mod batch;
mod buckets;
mod hit;
mod variants;

use std::convert::Infallible;

use self::{
    batch::{Batch, Fetched},
    buckets::miss,
    hit::Began,
};
use super::{
    Bounds, FAMILY, State, Variant,
    lister::{Lister, Loaded},
    normal::{free_tokens, in_entry, in_record, in_seen},
    store::{Entry, Number, Seen, sure},
    writer::{self, UNTIL},
};
use crate::protocol::{
    self, Changes, DependencyTokens, Depends, MemberDecision, Proofs, ReadDecision, Record, Token,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Reader {
    /// The kind of its reads.
    kind: usize,
    left: u8,
    /// With a family: the epoch of its catalog, under which the family is listed.
    known: Option<Token>,
    phase: Phase,
    began: Began,
    /// What a hit on the entry that it has fetched will be.
    hit: super::Seen,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Phase {
    Idle,
    /// Lists the family of the catalog that it has loaded.
    Listing(Lister),
    /// Waits for the one batch.
    Fetching(Batch),
    /// Reads the leases of the next record's writers.
    Checking(Fetched),
    /// Replaces the next record by this one.
    Putting(Fetched, Record),
    /// Reads the next record again, after a conflict.
    Again(Fetched),
    /// Adds the first bucket that is missing.
    AddingBucket(Fetched),
    /// Reads the first bucket that is missing again, after a conflict, or if the answer did not come.
    BucketAgain(Fetched),
    /// For `BucketPutBack`.
    PuttingBack(Fetched),
    /// Queries the database, with a permit to store under these tokens. There are no rows yet.
    Querying(Entry),
    Storing(Entry),
    /// Reads the record of this member, to store rows under these tokens if all members are ready.
    Member(Vec<Token>, usize),
    /// Replaces the member's record by this one.
    AddingFamilies(Vec<Token>, usize, Seen),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Move {
    FetchEntry,
    FetchRecord(usize),
    /// The argument is an index into the buckets of the kind of read.
    FetchBucket(usize),
    AddBucket,
    /// The store executes the request later, and the reader gets no answer.
    AddBucketLate,
    FetchBucketAgain,
    /// Takes the bucket for missing, and queries the database.
    GiveUpBucket,
    PutBack,
    Check,
    Put,
    FetchAgain,
    Query,
    Store,
    Load,
    List,
    FetchMember,
    AddFamilies,
}

impl Reader {
    pub(super) fn new(kind: usize, left: u8) -> Self {
        Self {
            kind,
            left,
            known: None,
            phase: Phase::Idle,
            began: Began::default(),
            hit: super::Seen::default(),
        }
    }

    /// `delays`: may a request be late?
    pub(super) fn moves(&self, bounds: &Bounds, delays: bool) -> Vec<Move> {
        match &self.phase {
            Phase::Idle if self.left == 0 => Vec::new(),
            // A read begins with its first command, so nothing is required of it before.
            Phase::Idle if bounds.family && self.known.is_none() => vec![Move::Load],
            Phase::Idle => self.batch(bounds).moves(bounds),
            Phase::Listing(..) => vec![Move::List],
            Phase::Member(..) => vec![Move::FetchMember],
            Phase::AddingFamilies(..) => vec![Move::AddFamilies],
            Phase::Fetching(batch) => batch.moves(bounds),
            Phase::AddingBucket(_) if delays => vec![Move::AddBucket, Move::AddBucketLate],
            Phase::AddingBucket(_) => vec![Move::AddBucket],
            Phase::BucketAgain(_) => vec![Move::FetchBucketAgain, Move::GiveUpBucket],
            Phase::PuttingBack(_) => vec![Move::PutBack],
            Phase::Checking(_) => vec![Move::Check],
            Phase::Putting(..) => vec![Move::Put],
            Phase::Again(_) => vec![Move::FetchAgain],
            Phase::Querying(_) => vec![Move::Query],
            Phase::Storing(_) => vec![Move::Store],
        }
    }

    /// The CAS values that it will compare, with their tables.
    pub(super) fn numbers(&mut self) -> Vec<(usize, &mut Number)> {
        match &mut self.phase {
            Phase::Fetching(batch) => {
                let records = batch.records.iter_mut().enumerate();
                records
                    .filter_map(|(table, seen)| Some((table, &mut seen.as_mut()?.as_mut()?.1)))
                    .collect()
            }
            Phase::Checking(it) | Phase::Putting(it, _) | Phase::Again(it) => {
                let records = it.records.iter_mut().enumerate();
                records
                    .filter_map(|(table, seen)| Some((table, &mut seen.as_mut()?.1)))
                    .collect()
            }
            Phase::AddingFamilies(_, member, seen) => vec![(*member, &mut seen.1)],
            _ => Vec::new(),
        }
    }

    pub(super) fn visit(&mut self, see: &mut impl FnMut(&mut Token)) {
        self.known.iter_mut().for_each(&mut *see);
        match &mut self.phase {
            Phase::Idle => {}
            Phase::Listing(lister) => lister.visit(see),
            Phase::AddingFamilies(tokens, _, seen) => {
                tokens.iter_mut().for_each(&mut *see);
                in_seen(seen, see);
            }
            Phase::Fetching(batch) => {
                if let Some(Some(entry)) = &mut batch.entry {
                    in_entry(entry, see);
                }
                for seen in batch.records.iter_mut().flatten().flatten() {
                    in_seen(seen, see);
                }
                let buckets = batch.buckets.iter_mut().flatten().flatten();
                buckets.for_each(see);
            }
            Phase::Checking(it)
            | Phase::Again(it)
            | Phase::AddingBucket(it)
            | Phase::BucketAgain(it)
            | Phase::PuttingBack(it) => it.visit(see),
            Phase::Putting(it, record) => {
                it.visit(see);
                in_record(record, see);
            }
            Phase::Member(tokens, _) => tokens.iter_mut().for_each(see),
            Phase::Querying(entry) | Phase::Storing(entry) => in_entry(entry, see),
        }
    }

    /// The entry that it has fetched.
    pub(super) fn fetched(&mut self) -> Option<&mut Option<Entry>> {
        match &mut self.phase {
            Phase::Fetching(batch) => batch.entry.as_mut(),
            Phase::Checking(it) | Phase::Again(it) | Phase::Putting(it, _) => Some(&mut it.entry),
            _ => None,
        }
    }

    /// The entry that it will store.
    pub(super) fn entry_to_store(&mut self) -> Option<&mut Entry> {
        match &mut self.phase {
            Phase::Querying(entry) | Phase::Storing(entry) => Some(entry),
            _ => None,
        }
    }
}

impl State {
    pub(super) fn read(&mut self, bounds: &Bounds, place: usize, step: Move) {
        let mut free = free_tokens();
        if step == Move::Load {
            match self.load_catalog() {
                Some(lister) => self.readers[place].phase = Phase::Listing(lister),
                // The database answers.
                None => self.readers[place].left -= 1,
            }
            return;
        }
        if self.readers[place].phase == Phase::Idle {
            self.begin_read(bounds, place);
        }
        let kind = self.readers[place].kind;
        let depends = bounds.kinds[kind].depends();
        let phase = std::mem::replace(&mut self.readers[place].phase, Phase::Idle);
        let phase = match (phase, step) {
            (Phase::Fetching(mut batch), Move::FetchEntry) => {
                batch.entry = Some(self.store.entries[kind].clone());
                self.readers[place].judge(&mut batch);
                self.fetched(bounds, place, batch, &mut free)
            }
            (Phase::Fetching(mut batch), Move::FetchRecord(table)) => {
                batch.records[table] = Some(self.store.records[table].clone());
                self.fetched(bounds, place, batch, &mut free)
            }
            (Phase::Fetching(mut batch), Move::FetchBucket(at)) => {
                let bucket = bounds.kinds[kind].buckets()[at];
                batch.buckets[at] = Some(self.store.buckets[bucket]);
                self.fetched(bounds, place, batch, &mut free)
            }
            (Phase::AddingBucket(it), Move::AddBucket) => self.add_bucket(bounds, kind, it, false),
            (Phase::AddingBucket(it), Move::AddBucketLate) => {
                self.add_bucket(bounds, kind, it, true)
            }
            (Phase::BucketAgain(it), Move::FetchBucketAgain) => {
                self.fetch_bucket_again(bounds, kind, it)
            }
            (Phase::BucketAgain(it), Move::GiveUpBucket) => it.query(bounds),
            (Phase::PuttingBack(it), Move::PutBack) => self.put_back(bounds, kind, &it),
            (Phase::Checking(it), Move::Check) => {
                let seen = it.records[it.tokens.len()].clone();
                let present = seen.map(|(record, _)| record);
                let crashed = self.crashed(bounds, present.as_ref(), depends);
                let narrow = bounds
                    .variant
                    .narrow_reclaim(present.as_ref(), depends, &crashed);
                match sure(protocol::check_record(
                    present, depends, &crashed, &mut free,
                )) {
                    ReadDecision::Replace(record) => Phase::Putting(it, narrow.unwrap_or(record)),
                    ReadDecision::Valid(_) | ReadDecision::Bypass => Phase::Idle,
                }
            }
            (Phase::Putting(mut it, record), Move::Put) => {
                let table = it.tokens.len();
                let over = it.records[table].as_ref().map(|(_, number)| *number);
                if self.store.put(table, over, &record).is_some() {
                    self.seen.reclaimed = over.is_some();
                    it.depend(bounds, DependencyTokens::of(&record, depends));
                    self.decide(bounds, place, it, &mut free)
                } else {
                    Phase::Again(it)
                }
            }
            (Phase::Again(mut it), Move::FetchAgain) => {
                let table = it.tokens.len();
                it.records[table].clone_from(&self.store.records[table]);
                if it.buckets.is_empty() || bounds.variant == Variant::BucketsNotReadAgain {
                    self.decide(bounds, place, it, &mut free)
                } else {
                    Phase::Fetching(it.with_buckets_again())
                }
            }
            (Phase::Querying(mut entry), Move::Query) => {
                if !entry.is_dead() {
                    entry.rows.clone_from(&self.committed[kind]);
                }
                Phase::Storing(entry)
            }
            (Phase::Storing(entry), Move::Store) => {
                self.store.entries[kind] = Some(entry).filter(|it| !it.is_dead());
                Phase::Idle
            }
            (Phase::Listing(lister), Move::List) => match self.list(bounds, lister, true) {
                Ok(lister) => Phase::Listing(lister),
                Err(Loaded::Usable(epoch)) => {
                    self.readers[place].known = Some(epoch);
                    Phase::Idle
                }
                Err(Loaded::Unusable) => Phase::Idle,
            },
            (Phase::Member(tokens, member), Move::FetchMember) => {
                self.admit(bounds, tokens, member, &mut free)
            }
            (Phase::AddingFamilies(tokens, member, (record, over)), Move::AddFamilies) => {
                let recorded = self.store.put(member, Some(over), &record).is_some();
                let next = if recorded { member + 1 } else { member };
                members_from(bounds, tokens, next)
            }
            (phase, _) => phase,
        };
        let reader = &mut self.readers[place];
        // What the database answers is never older than what it showed before: only hits are
        // judged, and what the read knew at its beginning matters no more.
        if matches!(
            phase,
            Phase::Idle
                | Phase::AddingBucket(_)
                | Phase::BucketAgain(_)
                | Phase::PuttingBack(_)
                | Phase::Querying(_)
                | Phase::Storing(_)
                | Phase::Member(..)
                | Phase::AddingFamilies(..)
        ) {
            reader.forget_beginning();
        }
        reader.phase = phase;
    }

    /// Sees to it that who writes to the member from here on begins the family too.
    fn admit(
        &mut self,
        bounds: &Bounds,
        tokens: Vec<Token>,
        member: usize,
        free: &mut impl FnMut() -> Result<Token, Infallible>,
    ) -> Phase {
        let (present, over) = self.store.records[member].clone().unzip();
        let crashed = self.crashed(bounds, present.as_ref(), (&Changes::ALL).into());
        let families = bounds.variant.families_to_add();
        let verdict = sure(protocol::check_member(present, &families, &crashed, free));
        match (verdict, over) {
            (MemberDecision::Bypass, _) if bounds.variant != Variant::MembersInFlight => {
                Phase::Idle
            }
            (MemberDecision::Replace(record), Some(over)) => {
                Phase::AddingFamilies(tokens, member, (*record, over))
            }
            _ => members_from(bounds, tokens, member + 1),
        }
    }

    /// A part of the batch has arrived. The reader continues when all of it has.
    fn fetched(
        &mut self,
        bounds: &Bounds,
        place: usize,
        batch: Batch,
        free: &mut impl FnMut() -> Result<Token, Infallible>,
    ) -> Phase {
        if !batch.moves(bounds).is_empty() {
            return Phase::Fetching(batch);
        }
        let it = Fetched {
            entry: batch.entry.flatten(),
            records: batch.records.into_iter().map(Option::flatten).collect(),
            buckets: batch.buckets.into_iter().map(Option::flatten).collect(),
            keyed: None,
            tokens: Vec::new(),
        };
        self.decide(bounds, place, it, free)
    }

    /// Decides table after table, until the store or the database has to be queried.
    fn decide(
        &mut self,
        bounds: &Bounds,
        place: usize,
        mut it: Fetched,
        free: &mut impl FnMut() -> Result<Token, Infallible>,
    ) -> Phase {
        let depends = bounds.kinds[self.readers[place].kind].depends();
        while let Some(seen) = it.records.get(it.tokens.len()) {
            // The catalog of the first epoch does not have the other tables.
            if !it.tokens.is_empty() && it.tokens.first() == self.first_epoch.as_ref() {
                break;
            }
            let known = &mut self.readers[place].known;
            if bounds.family && !it.tokens.is_empty() && it.tokens.first() != known.as_ref() {
                *known = None;
                return Phase::Idle;
            }
            let present = seen.as_ref().map(|(record, _)| record.clone());
            let present = bounds.variant.forget_columns_in_flight(present);
            let due = |writer| protocol::is_due(writer, self.now(bounds, writer.id));
            if present
                .as_ref()
                .is_some_and(|it| it.writers_of(depends).any(due))
            {
                return Phase::Checking(it);
            }
            match sure(protocol::check_record(present, depends, &[], free)) {
                ReadDecision::Valid(tokens) => it.depend(bounds, tokens),
                ReadDecision::Bypass => return Phase::Idle,
                ReadDecision::Replace(record) => return Phase::Putting(it, record),
            }
        }
        let now = it.proofs(bounds);
        let current = it.entry.take().filter(|entry| {
            let (then, tokens) = (entry.proofs.table.iter(), now.table.iter());
            match it.keyed {
                Some(_) => entry.proofs.hold(&now),
                None => protocol::is_current(then.copied(), tokens.copied()),
            }
        });
        match current {
            Some(_) => {
                self.serve(bounds, place);
                Phase::Idle
            }
            None if it.keyed.is_some() => miss(bounds, it),
            None => members_from(bounds, it.tokens, FAMILY + 1),
        }
    }

    fn crashed(
        &self,
        bounds: &Bounds,
        record: Option<&Record>,
        depends: Depends<'_>,
    ) -> Vec<Token> {
        let writers = record.into_iter().flat_map(|it| it.writers_of(depends));
        let crashed = writers.filter(|writer| {
            let has_lease = self.store.has_lease(writer::place(writer.id));
            protocol::is_crashed(writer, self.now(bounds, writer.id), has_lease)
        });
        crashed.map(|writer| writer.id).collect()
    }

    /// The reader's clock, relative to that writer's lease.
    fn now(&self, bounds: &Bounds, id: Token) -> u64 {
        let over = bounds.faults.skewed || self.writers[writer::place(id)].expired;
        if over { UNTIL } else { UNTIL - 1 }
    }
}

/// Goes on with the members of the family from that table on, if there are any.
fn members_from(bounds: &Bounds, tokens: Vec<Token>, member: usize) -> Phase {
    if bounds.family && member < bounds.tables {
        Phase::Member(tokens, member)
    } else {
        Phase::Querying(Entry::under(Proofs {
            table: tokens,
            key: None,
        }))
    }
}
