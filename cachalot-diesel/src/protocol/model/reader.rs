//! A reader of the model, one command per step, as in `entries/lookup.rs`.

use std::convert::Infallible;

use super::{
    Bounds, FAMILY, State, Value, Variant,
    lister::{Lister, Loaded},
    normal::{free_tokens, in_entry, in_record, in_seen},
    store::{Entry, Number, Seen, sure},
    writer::{self, UNTIL},
};
use crate::protocol::{self, DependencyTokens, MemberDecision, ReadDecision, Record, Token};

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Reader {
    left: u8,
    /// With a family: the epoch of its catalog, under which the family is listed.
    known: Option<Token>,
    phase: Phase,
    began: Began,
}

/// The state when the read began.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
struct Began {
    acknowledged: Vec<Value>,
    shown: Vec<Value>,
    excused: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Phase {
    Idle,
    /// Lists the family of the catalog that it has loaded.
    Listing(Lister),
    /// Waits for the one batch, which several servers answer in any order. Replies received are `Some`.
    Fetching(Option<Option<Entry>>, Vec<Option<Option<Seen>>>),
    /// Reads the leases of the next record's writers.
    Checking(Fetched),
    /// Replaces the next record by this one.
    Putting(Fetched, Record),
    /// Reads the next record again, after a conflict.
    Again(Fetched),
    /// Queries the database, with a permit to store under these tokens.
    Querying(Vec<Token>),
    Storing(Entry),
    /// Reads the record of this member, to store rows under these tokens if all members are ready.
    Member(Vec<Token>, usize),
    /// Replaces the member's record by this one.
    AddingFamilies(Vec<Token>, usize, Seen),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Fetched {
    entry: Option<Entry>,
    records: Vec<Option<Seen>>,
    /// Of the tables decided so far. The next table is that after them.
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Move {
    FetchEntry,
    FetchRecord(usize),
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
    pub(super) fn new(left: u8) -> Self {
        Self {
            left,
            known: None,
            phase: Phase::Idle,
            began: Began::default(),
        }
    }

    pub(super) fn moves(&self, bounds: &Bounds) -> Vec<Move> {
        let fetches = |entry: bool, records: Vec<usize>| {
            let records = records.into_iter().map(Move::FetchRecord);
            records.chain(entry.then_some(Move::FetchEntry)).collect()
        };
        match &self.phase {
            Phase::Idle if self.left == 0 => Vec::new(),
            // A read begins with its first command, so nothing is required of it before.
            Phase::Idle if bounds.family && self.known.is_none() => vec![Move::Load],
            Phase::Idle => fetches(true, (0..bounds.looked_at()).collect()),
            Phase::Listing(..) => vec![Move::List],
            Phase::Member(..) => vec![Move::FetchMember],
            Phase::AddingFamilies(..) => vec![Move::AddFamilies],
            Phase::Fetching(entry, records) => {
                let to_come = records.iter().enumerate().filter(|(_, it)| it.is_none());
                fetches(entry.is_none(), to_come.map(|(table, _)| table).collect())
            }
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
            Phase::Fetching(_, records) => {
                let records = records.iter_mut().enumerate();
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
            Phase::Fetching(entry, records) => {
                if let Some(Some(entry)) = entry {
                    in_entry(entry, see);
                }
                for seen in records.iter_mut().flatten().flatten() {
                    in_seen(seen, see);
                }
            }
            Phase::Checking(it) | Phase::Again(it) => it.visit(see),
            Phase::Putting(it, record) => {
                it.visit(see);
                in_record(record, see);
            }
            Phase::Querying(tokens) | Phase::Member(tokens, _) => {
                tokens.iter_mut().for_each(see);
            }
            Phase::Storing(entry) => in_entry(entry, see),
        }
    }
}

impl Fetched {
    fn visit(&mut self, see: &mut impl FnMut(&mut Token)) {
        if let Some(entry) = &mut self.entry {
            in_entry(entry, see);
        }
        for seen in self.records.iter_mut().flatten() {
            in_seen(seen, see);
        }
        self.tokens.iter_mut().for_each(see);
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
        let phase = std::mem::replace(&mut self.readers[place].phase, Phase::Idle);
        let phase = match (phase, step) {
            (Phase::Fetching(_, records), Move::FetchEntry) => {
                let entry = self.store.entry.clone();
                self.fetched(bounds, place, Some(entry), records, &mut free)
            }
            (Phase::Fetching(entry, mut records), Move::FetchRecord(table)) => {
                records[table] = Some(self.store.records[table].clone());
                self.fetched(bounds, place, entry, records, &mut free)
            }
            (Phase::Checking(it), Move::Check) => {
                let seen = it.records[it.tokens.len()].clone();
                let present = seen.map(|(record, _)| record);
                let crashed = self.crashed(bounds, present.as_ref());
                match sure(protocol::check_record(
                    present,
                    &bounds.depends,
                    &crashed,
                    &mut free,
                )) {
                    ReadDecision::Replace(record) => Phase::Putting(it, record),
                    ReadDecision::Valid(_) | ReadDecision::Bypass => Phase::Idle,
                }
            }
            (Phase::Putting(mut it, record), Move::Put) => {
                let table = it.tokens.len();
                let over = it.records[table].as_ref().map(|(_, number)| *number);
                if self.store.put(table, over, &record).is_some() {
                    self.seen.reclaimed |= over.is_some();
                    it.tokens
                        .extend(DependencyTokens::of(&record, &bounds.depends).iter());
                    self.decide(bounds, place, it, &mut free)
                } else {
                    Phase::Again(it)
                }
            }
            (Phase::Again(mut it), Move::FetchAgain) => {
                let table = it.tokens.len();
                it.records[table].clone_from(&self.store.records[table]);
                self.decide(bounds, place, it, &mut free)
            }
            (Phase::Querying(tokens), Move::Query) => Phase::Storing(Entry {
                tokens,
                rows: self.committed.clone(),
            }),
            (Phase::Storing(entry), Move::Store) => {
                self.store.entry = Some(entry);
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
                | Phase::Querying(_)
                | Phase::Storing(_)
                | Phase::Member(..)
                | Phase::AddingFamilies(..)
        ) {
            reader.began = Began::default();
        }
        reader.phase = phase;
    }

    fn begin_read(&mut self, bounds: &Bounds, place: usize) {
        let began = Began {
            acknowledged: self.acknowledged.clone(),
            shown: self.committed.clone(),
            excused: self.writers.iter().any(writer::Writing::is_excuse),
        };
        let reader = &mut self.readers[place];
        reader.left -= 1;
        reader.began = began;
        reader.phase = Phase::Fetching(None, vec![None; bounds.looked_at()]);
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
        let crashed = self.crashed(bounds, present.as_ref());
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
        entry: Option<Option<Entry>>,
        records: Vec<Option<Option<Seen>>>,
        free: &mut impl FnMut() -> Result<Token, Infallible>,
    ) -> Phase {
        if entry.is_none() || records.iter().any(Option::is_none) {
            return Phase::Fetching(entry, records);
        }
        let it = Fetched {
            entry: entry.flatten(),
            records: records.into_iter().map(Option::flatten).collect(),
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
            let due = |writer| protocol::is_due(writer, self.now(bounds, writer.id));
            if present
                .as_ref()
                .is_some_and(|it| it.writers_of(&bounds.depends).any(due))
            {
                return Phase::Checking(it);
            }
            match sure(protocol::check_record(present, &bounds.depends, &[], free)) {
                ReadDecision::Valid(state) => it.tokens.extend(state.iter()),
                ReadDecision::Bypass => return Phase::Idle,
                ReadDecision::Replace(record) => return Phase::Putting(it, record),
            }
        }
        let current = it.entry.filter(|entry| {
            protocol::is_current(entry.tokens.iter().copied(), it.tokens.iter().copied())
        });
        match current {
            Some(entry) => {
                self.serve(bounds, place, &entry.rows);
                Phase::Idle
            }
            None => members_from(bounds, it.tokens, FAMILY + 1),
        }
    }

    fn crashed(&self, bounds: &Bounds, record: Option<&Record>) -> Vec<Token> {
        let writers = record
            .into_iter()
            .flat_map(|it| it.writers_of(&bounds.depends));
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

    fn serve(&mut self, bounds: &Bounds, place: usize, rows: &[Value]) {
        let began = &self.readers[place].began;
        let older = |than: &[Value]| rows.iter().zip(than).any(|(row, floor)| row < floor);
        self.seen.hit = true;
        let mut beside = self.writers.iter().enumerate();
        self.seen.hit_beside_writer |=
            beside.any(|(writer, it)| it.in_flight() && !bounds.matters(writer));
        self.seen.older_than_acknowledged |= older(&began.acknowledged);
        self.seen.older_than_shown |= older(&began.shown) && !began.excused;
        self.seen.excused |= older(&began.shown) && began.excused;
    }
}

/// Goes on with the members of the family from that table on, if there are any.
fn members_from(bounds: &Bounds, tokens: Vec<Token>, member: usize) -> Phase {
    if bounds.family && member < bounds.tables {
        Phase::Member(tokens, member)
    } else {
        Phase::Querying(tokens)
    }
}
