//! A writer of the model, one command per step, as in `versions/write.rs`.

use super::{
    Bounds, EPOCH, State, Value, Variant,
    normal::{free_tokens, in_record},
    store::{Lost, Number, Seen, sure},
};
use crate::{
    protocol::{self, End, Record, Token, Writer, WriterId},
    statement::Events,
};

/// When the leases of all writers expire.
pub(super) const UNTIL: u64 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Writing {
    phase: Phase,
    /// In the order of the writer's tables.
    targets: Vec<Target>,
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
    /// All records list the writer.
    Begun,
    Ending(Outcome),
    /// Creates the record of a table that has been announced.
    Announcing,
    Done,
    Dead,
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
            Phase::Idle => (0..tables.len()).map(Move::Get).collect(),
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
        let targets = self.targets.iter_mut().zip(tables);
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
                let table = if at_epoch { EPOCH } else { tables[target] };
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
                writing.targets.resize(tables.len(), Target::Unread);
                writing.phase = Phase::Ending(Outcome::Success);
            }
            Move::Fail => {
                self.writers[place].phase = Phase::Ending(Outcome::Failure);
                self.writers[place].reread();
            }
            Move::FailUnknown => self.writers[place].phase = Phase::Ending(Outcome::Unknown),
        }
    }

    fn put(&mut self, bounds: &Bounds, place: usize, target: usize) {
        let at_epoch = self.writers[place].is_at_epoch();
        let table = if at_epoch {
            EPOCH
        } else {
            bounds.writers[place][target]
        };
        let known = self.writers[place].targets[target].clone();
        let tokens = &mut free_tokens();
        let writing = &mut self.writers[place];
        let outcome = match writing.phase {
            Phase::Ending(outcome) => Some(outcome),
            Phase::Announcing => Some(Outcome::Success),
            _ => None,
        };
        let Some(outcome) = outcome else {
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
            if writing
                .targets
                .iter()
                .all(|it| matches!(it, Target::Left(..)))
            {
                writing.phase = Phase::Begun;
            }
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
            Target::Left(record, number) => (
                sure(protocol::end_unread(&record, id(place), end, tokens)),
                Some(number),
            ),
            Target::Read(seen) => {
                let (present, over) = seen.unzip();
                let present = bounds.variant.forget_others(present);
                (sure(protocol::end(present, id(place), end, tokens)), over)
            }
            Target::Unread | Target::Ended => return,
        };
        let ended = match next {
            Some(record) => self.store.put(table, over, &record).is_some(),
            None => true,
        };
        writing.targets[target] = if ended { Target::Ended } else { Target::Unread };
        if !writing.targets.iter().all(|it| *it == Target::Ended) {
            return;
        }
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
        writing.wide = false;
        self.store.lose(Lost::Lease(place));
        for (table, wrote) in bounds.writers[place].iter().zip(writing.wrote.drain(..)) {
            let acknowledged = &mut self.acknowledged[*table];
            *acknowledged = wrote.max(*acknowledged);
        }
    }
}

impl Writing {
    /// A failure has to read the record again before it replaces it.
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

impl Variant {
    /// Does a writer with this outcome create the record of a table that may have been unknown?
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
