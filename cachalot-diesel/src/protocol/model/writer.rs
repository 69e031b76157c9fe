//! A writer of the model, one command per step, as in `versions/write.rs`.

use super::{
    Bounds, EPOCH, FAMILY, State, Value, Variant,
    normal::{free_tokens, in_record},
    store::{Lost, Number, Seen, sure},
};
use crate::{
    protocol::{self, End, Families, Record, Token, Writer, WriterId},
    statement::Events,
};

/// When the leases of all writers expire.
pub(super) const UNTIL: u64 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Writing {
    phase: Phase,
    /// In the order of the writer's tables.
    targets: Vec<Target>,
    /// The tables of the targets behind those: the family's record, or the epoch.
    more: Vec<usize>,
    /// It has ended a record that tells no families.
    untold: bool,
    /// What was found when the families were looked up.
    found: Option<Found>,
    /// The table may be unknown to every catalog: the target is the epoch, until the end.
    wide: bool,
    /// The contents of its tables after its commit.
    wrote: Vec<Value>,
    /// The lease has expired.
    pub(super) expired: bool,
    /// A record that showed it in flight was lost.
    pub(super) unseen: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Phase {
    #[default]
    Idle,
    Beginning,
    /// Looks up the families of its tables; has got the record of the epoch with this token.
    Looking(Option<Token>, Option<Outcome>),
    /// Announced everywhere.
    Begun,
    Ending(Outcome),
    /// Creates the record of a table that has been announced.
    Announcing,
    Done,
    Dead,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Found {
    NoFamily,
    Family,
    /// Nothing that can be relied on: the write is one to everything.
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Outcome {
    Success,
    Unknown,
    Failure,
}

/// What the writer knows of a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
enum Target {
    #[default]
    Unread,
    Read(Option<Seen>),
    /// As `begin` left it.
    Left(Record, Number),
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Move {
    /// The argument is an index into the writer's tables. The first `Get` also sets the lease.
    Get(usize),
    Put(usize),
    Commit,
    Fail,
    /// The write did not happen, but the writer does not know that.
    FailUnknown,
    /// Gets the epoch's record, or the list of the families.
    Look,
}

pub(super) fn id(place: usize) -> WriterId {
    let number = u8::try_from(place).expect("a few writers");
    Token::from_bytes([0xF0 + number; Token::LEN])
}

pub(super) fn place(id: WriterId) -> usize {
    usize::from(id.as_bytes()[0] - 0xF0)
}

impl Writing {
    pub(super) fn moves(&self, bounds: &Bounds, tables: &[usize]) -> Vec<Move> {
        let unfinished = |done: fn(&Target) -> bool| {
            self.targets
                .iter()
                .enumerate()
                .filter(move |(_, target)| !done(target))
                .map(|(place, target)| match target {
                    Target::Unread => Move::Get(place),
                    _ => Move::Put(place),
                })
                .collect()
        };
        match self.phase {
            // No reader looks up a lease before a record lists its writer.
            Phase::Idle if bounds.variant == Variant::BumpAfterCommit => vec![Move::Commit],
            Phase::Idle
                if bounds.variant == Variant::FamilyLookedUpFirst && self.found.is_none() =>
            {
                vec![Move::Look]
            }
            Phase::Idle => (0..tables.len()).map(Move::Get).collect(),
            Phase::Looking(..) => vec![Move::Look],
            Phase::Beginning => unfinished(|target| matches!(target, Target::Left(..))),
            Phase::Begun if bounds.failures => vec![Move::Commit, Move::Fail, Move::FailUnknown],
            Phase::Begun => vec![Move::Commit],
            Phase::Ending(_) | Phase::Announcing => unfinished(|target| *target == Target::Ended),
            Phase::Done | Phase::Dead => Vec::new(),
        }
    }

    pub(super) fn in_flight(&self) -> bool {
        !matches!(self.phase, Phase::Idle | Phase::Done | Phase::Dead)
    }

    pub(super) fn is_dead(&self) -> bool {
        self.phase == Phase::Dead
    }

    pub(super) fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    pub(super) fn has_lease(&self) -> bool {
        !matches!(self.phase, Phase::Idle | Phase::Done)
    }

    pub(super) fn die(&mut self) {
        self.phase = Phase::Dead;
        self.targets.clear();
        self.more.clear();
        self.found = None;
        self.wrote.clear();
    }

    fn is_at_epoch(&self) -> bool {
        self.wide && self.phase != Phase::Announcing
    }

    /// May a read that begins now see older rows than the database shows?
    pub(super) fn is_excuse(&self) -> bool {
        let frozen = self.expired && self.in_flight();
        frozen || self.unseen && !self.is_done()
    }

    /// The CAS values that it will compare, with their tables.
    pub(super) fn numbers<'a>(
        &'a mut self,
        tables: &'a [usize],
    ) -> impl Iterator<Item = (usize, &'a mut Number)> {
        let at_epoch = self.is_at_epoch();
        let targets = self.targets.iter_mut().zip(tables.iter().chain(&self.more));
        targets.filter_map(move |(target, table)| match target {
            Target::Read(Some((_, number))) | Target::Left(_, number) => {
                Some((if at_epoch { EPOCH } else { *table }, number))
            }
            _ => None,
        })
    }

    pub(super) fn visit(&mut self, see: &mut impl FnMut(&mut Token)) {
        for target in &mut self.targets {
            if let Target::Read(Some((record, _))) | Target::Left(record, _) = target {
                in_record(record, see);
            }
        }
        if let Phase::Looking(Some(epoch), _) = &mut self.phase {
            see(epoch);
        }
    }
}

impl State {
    pub(super) fn write(&mut self, bounds: &Bounds, place: usize, step: Move) {
        let tables = &bounds.writers[place];
        match step {
            Move::Get(target) => {
                let writing = &mut self.writers[place];
                if writing.phase == Phase::Idle {
                    writing.targets = vec![Target::Unread; tables.len()];
                    writing.phase = Phase::Beginning;
                    self.store.set_lease(place);
                }
                let at_epoch = writing.is_at_epoch();
                let table = writing.table_of(tables, target);
                let seen = self.store.records[table].clone();
                // The table was not announced, or its record was lost.
                if bounds.widens()
                    && writing.phase == Phase::Beginning
                    && seen.is_none()
                    && !at_epoch
                {
                    writing.wide = true;
                } else {
                    writing.targets[target] = Target::Read(seen);
                }
            }
            Move::Put(target) => self.put(bounds, place, target),
            Move::Commit => {
                for table in tables {
                    self.committed[*table] += 1;
                }
                let writing = &mut self.writers[place];
                writing.wrote = tables.iter().map(|table| self.committed[*table]).collect();
                let targets = tables.len() + writing.more.len();
                writing.targets.resize(targets, Target::Unread);
                writing.phase = Phase::Ending(Outcome::Success);
            }
            Move::Fail => {
                self.writers[place].phase = Phase::Ending(Outcome::Failure);
                self.writers[place].reread();
            }
            Move::FailUnknown => self.writers[place].phase = Phase::Ending(Outcome::Unknown),
            Move::Look => self.look(bounds, place),
        }
    }

    fn look(&mut self, bounds: &Bounds, place: usize) {
        let writing = &mut self.writers[place];
        let (epoch, outcome) = match writing.phase {
            Phase::Looking(epoch, outcome) => (epoch, outcome),
            _ => (None, None),
        };
        let found = match epoch {
            None => {
                let record = self.store.records[EPOCH].as_ref();
                let noted = record.filter(|(record, _)| record.families().is_some());
                if let Some((record, _)) = noted {
                    writing.phase = Phase::Looking(Some(record.any()), outcome);
                    return;
                }
                Found::NoFamily
            }
            Some(epoch) if self.store.listed == Some(epoch) => Found::Family,
            Some(_) => Found::Nothing,
        };
        writing.found = Some(found);
        if writing.targets.is_empty() {
            writing.phase = Phase::Idle;
            return;
        }
        match outcome {
            None => writing.phase = Phase::Beginning,
            Some(outcome) => writing.phase = Phase::Ending(outcome),
        }
        writing.begins_more(found.table());
        match outcome {
            None => self.begun(bounds, place),
            Some(_) => self.ended(bounds, place),
        }
    }

    /// All that was to be begun has been: is there more?
    fn begun(&mut self, bounds: &Bounds, place: usize) {
        let tables = bounds.writers[place].len();
        let writing = &mut self.writers[place];
        let left = |target: &Target| match target {
            Target::Left(record, _) => Some(record.families().cloned()),
            _ => None,
        };
        let told: Vec<_> = writing.targets.iter().take(tables).map(left).collect();
        if told.iter().any(Option::is_none) || !bounds.family {
            return writing.has_begun();
        }
        if let Some(table) = bounds.variant.table_of_told(told.iter().flatten()) {
            writing.begins_more(Some(table));
        }
        let untold = told.contains(&Some(None));
        if untold && writing.found.is_none() && bounds.variant != Variant::FamilyNotLookedUp {
            writing.phase = Phase::Looking(None, None);
        } else {
            let found = writing.found.filter(|_| untold).and_then(Found::table);
            writing.begins_more(found);
            writing.has_begun();
        }
    }

    fn put(&mut self, bounds: &Bounds, place: usize, target: usize) {
        let tables = &bounds.writers[place];
        let table = self.writers[place].table_of(tables, target);
        let found = self.writers[place].found.and_then(Found::told);
        let member = bounds.family && target < tables.len();
        let known = self.writers[place].targets[target].clone();
        let tokens = &mut free_tokens();
        let writing = &mut self.writers[place];
        let Some(outcome) = writing.outcome() else {
            let Target::Read(seen) = known else { return };
            let (present, over) = seen.unzip();
            let writer = Writer {
                id: id(place),
                until: UNTIL,
            };
            let present = bounds.variant.forget_others(present);
            let record = sure(protocol::begin(present, writer, tokens));
            writing.targets[target] = match self.store.put(table, over, &record) {
                Some(number) => Target::Left(record, number),
                None => Target::Unread,
            };
            self.begun(bounds, place);
            return;
        };
        let end = match outcome {
            Outcome::Success | Outcome::Unknown => End::Published {
                events: Events::ALL,
                at: None,
            },
            Outcome::Failure => End::Withdrawn,
        };
        let (next, over) = match known {
            Target::Left(record, number) => {
                let record = match member {
                    true => record.found(id(place), found.as_ref()),
                    false => record,
                };
                let next = sure(protocol::end_unread(&record, id(place), end, tokens));
                (next, Some(number))
            }
            Target::Read(seen) => {
                let (present, over) = seen.unzip();
                let present = bounds.variant.forget_others(present);
                let present = match member {
                    true => present.map(|record| record.found(id(place), found.as_ref())),
                    false => present,
                };
                (sure(protocol::end(present, id(place), end, tokens)), over)
            }
            Target::Unread | Target::Ended => return,
        };
        let next = match next {
            // The catalogs of an epoch that lives on are as they were.
            Some(record) if table == EPOCH && outcome != Outcome::Failure => {
                Some(record.without_families())
            }
            Some(record) if bounds.variant == Variant::FamilyForgotten => {
                Some(record.without_families().with_families())
            }
            next => next,
        };
        let ended = match &next {
            Some(record) => self.store.put(table, over, record).is_some(),
            None => true,
        };
        writing.targets[target] = if ended { Target::Ended } else { Target::Unread };
        if ended && member && outcome != Outcome::Failure {
            match next.as_ref().and_then(Record::families) {
                Some(told) => {
                    writing.begins_more(bounds.variant.table_of_told([&Some(told.clone())]));
                }
                None => writing.untold = true,
            }
        }
        self.ended(bounds, place);
    }

    fn ended(&mut self, bounds: &Bounds, place: usize) {
        let writing = &mut self.writers[place];
        let Some(outcome) = writing.outcome() else {
            return;
        };
        if !writing.targets.iter().all(|it| *it == Target::Ended) {
            return;
        }
        let wide = writing.more.contains(&EPOCH);
        let looks = bounds.variant != Variant::FamilyNotLookedUp;
        if bounds.family && std::mem::take(&mut writing.untold) && !wide && looks {
            writing.phase = Phase::Looking(None, Some(outcome));
            return;
        }
        let at_epoch = writing.is_at_epoch();
        if at_epoch && bounds.variant.announces(outcome) {
            writing.phase = Phase::Announcing;
            writing.reread();
        } else {
            self.acknowledge(bounds, place);
        }
    }

    /// The write returns to its caller.
    fn acknowledge(&mut self, bounds: &Bounds, place: usize) {
        let writing = &mut self.writers[place];
        writing.phase = Phase::Done;
        writing.targets.clear();
        writing.more.clear();
        writing.found = None;
        writing.untold = false;
        writing.wide = false;
        self.store.lose(Lost::Lease(place));
        for (table, wrote) in bounds.writers[place].iter().zip(writing.wrote.drain(..)) {
            let acknowledged = &mut self.acknowledged[*table];
            *acknowledged = wrote.max(*acknowledged);
        }
    }
}

impl Writing {
    fn outcome(&self) -> Option<Outcome> {
        match self.phase {
            Phase::Ending(outcome) => Some(outcome),
            Phase::Announcing => Some(Outcome::Success),
            _ => None,
        }
    }

    fn table_of(&self, tables: &[usize], target: usize) -> usize {
        match target.checked_sub(tables.len()) {
            Some(more) => self.more[more],
            None if self.is_at_epoch() => EPOCH,
            None => tables[target],
        }
    }

    fn begins_more(&mut self, table: Option<usize>) {
        if let Some(table) = table.filter(|table| !self.more.contains(table)) {
            self.more.push(table);
            self.targets.push(Target::Unread);
        }
    }

    fn has_begun(&mut self) {
        let left = |target: &Target| matches!(target, Target::Left(..));
        if self.targets.iter().all(left) {
            self.phase = Phase::Begun;
        }
    }

    /// A failure puts nothing over a state that it has not read just now.
    fn reread(&mut self) {
        for target in &mut self.targets {
            *target = Target::Unread;
        }
    }
}

impl Bounds {
    fn widens(&self) -> bool {
        self.unknown && self.variant != Variant::NoWidening
    }
}

impl Found {
    fn told(self) -> Option<Families> {
        match self {
            Self::NoFamily => Some(Families::new()),
            Self::Family => Some(family()),
            Self::Nothing => None,
        }
    }

    fn table(self) -> Option<usize> {
        match self {
            Self::NoFamily => None,
            Self::Family => Some(FAMILY),
            Self::Nothing => Some(EPOCH),
        }
    }
}

fn family() -> Families {
    Families::from(["parent".into()])
}

impl Variant {
    /// What a reader tells the members' records.
    pub(super) fn told(self) -> Families {
        if self == Self::FamilyUntold {
            Families::new()
        } else {
            family()
        }
    }

    /// The record that a writer begins, or ends, because of what the members' records tell.
    fn table_of_told<'a>(
        self,
        told: impl IntoIterator<Item = &'a Option<Families>>,
    ) -> Option<usize> {
        let mut told = told.into_iter().flatten();
        let any = self != Self::FamilyIgnored && told.any(|families| !families.is_empty());
        any.then_some(FAMILY)
    }

    /// Does a writer that ends so create the record of a table that may have been unknown?
    fn announces(self, outcome: Outcome) -> bool {
        outcome == Outcome::Success || self == Self::RecordOfFailure
    }

    /// For `OneMark`: the next writer overwrites the mark, and the first to end removes it.
    fn forget_others(self, present: Option<Record>) -> Option<Record> {
        if self != Self::OneMark {
            return present;
        }
        present.map(|record| {
            let others: Vec<_> = record.writers().iter().map(|other| other.id).collect();
            others.into_iter().fold(record, Record::withdrawn)
        })
    }
}
