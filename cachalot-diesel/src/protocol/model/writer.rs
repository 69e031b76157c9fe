//! A writer of the model, one command per step, as in `versions/write.rs`.

mod families;
mod steps;

pub(super) use families::without_families;

use std::collections::BTreeSet;

use self::families::{Found, Recorded};
use super::{
    Bounds, EPOCH, Value, Variant,
    normal::in_record,
    store::{Number, Seen},
};
use crate::protocol::{Record, Token, WriteOutcome, WriterId};

/// When the leases of all writers expire.
pub(super) const UNTIL: u64 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Writing {
    pub(super) phase: Phase,
    /// In the order of the writer's tables.
    targets: Vec<Target>,
    /// The tables of the targets behind those: the family's record, or the epoch.
    families: Vec<usize>,
    /// The id of the list in the epoch's record that `begin` or `end` has read; the inner `None`: there
    /// was no record.
    list: Option<Option<Token>>,
    /// The result of looking up the families, and the id of the list.
    found: Option<(Token, Found)>,
    /// `end` knows the families of all its tables.
    settled: bool,
    /// The table may be unknown to every catalog: the target is the epoch, until the end.
    wide: bool,
    /// The buckets of which `end` does not know yet that they are deleted.
    pub(super) to_delete: BTreeSet<usize>,
    /// The contents of its tables after its commit, by kind of read.
    wrote: Vec<Vec<Value>>,
    /// The lease has expired.
    pub(super) expired: bool,
    /// A record that showed it in flight was lost.
    pub(super) unseen: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Phase {
    #[default]
    Idle,
    Beginning,
    /// Looks up the families of its tables; has read the epoch's record, with this token and list.
    LookingUp(Option<(Token, Token)>, Option<WriteOutcome>),
    /// Announced everywhere.
    Begun,
    Ending(WriteOutcome),
    /// Creates the record of a table that has been announced.
    Announcing,
    Done,
    Dead,
}

/// What the writer knows of a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
enum Target {
    #[default]
    Unread,
    Read(Option<Seen>),
    /// As `begin` left it.
    Written(Record, Number),
    /// With the families in the record, until `end` has used them.
    Ended(Option<Recorded>),
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
    /// Reads the epoch's record, or the list of families.
    LookUp,
    /// Reads the id of the list from the epoch's record, in one batch with the other records.
    GetList,
    /// Deletes a bucket.
    Delete(usize),
    /// The same; the store executes the request later, and the writer does not know of it.
    DeleteLate(usize),
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
        let unfinished = |done: fn(&Target) -> bool| -> Vec<_> {
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
        let get_list = || self.needs_list(bounds).then_some(Move::GetList);
        match self.phase {
            // No reader looks up a lease before a record lists its writer.
            Phase::Idle if bounds.variant == Variant::NoBegin => vec![Move::Commit],
            Phase::Idle
                if bounds.variant == Variant::FamilyLookedUpFirst && self.found.is_none() =>
            {
                vec![Move::LookUp]
            }
            Phase::Idle => (0..tables.len()).map(Move::Get).chain(get_list()).collect(),
            Phase::LookingUp(..) => vec![Move::LookUp],
            Phase::Beginning => {
                let mut moves = unfinished(|target| matches!(target, Target::Written(..)));
                // No record is written before all replies of the batch have arrived.
                moves.retain(|it| matches!(it, Move::Get(_)) || !self.needs_list(bounds));
                moves.extend(get_list());
                moves
            }
            Phase::Begun if bounds.failures => vec![Move::Commit, Move::Fail, Move::FailUnknown],
            Phase::Begun => vec![Move::Commit],
            Phase::Ending(_) | Phase::Announcing => {
                let mut moves = unfinished(|target| matches!(target, Target::Ended(_)));
                let record_first = bounds.variant == Variant::RecordFirst;
                let ready = self.to_delete.is_empty() || record_first;
                moves.retain(|it| matches!(it, Move::Get(_)) || ready);
                moves.extend(get_list());
                moves
            }
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
        self.families.clear();
        self.list = None;
        self.found = None;
        self.to_delete.clear();
        self.wrote.clear();
    }

    /// Is the list's id to be read yet?
    fn needs_list(&self, bounds: &Bounds) -> bool {
        let asks = match self.phase {
            Phase::Idle | Phase::Beginning => true,
            Phase::Ending(outcome) => {
                outcome != WriteOutcome::Failure && !self.settled && !self.families.contains(&EPOCH)
            }
            _ => false,
        };
        bounds.family && asks && self.list.is_none()
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
        let targets = self
            .targets
            .iter_mut()
            .zip(tables.iter().chain(&self.families));
        targets.filter_map(move |(target, table)| match target {
            Target::Read(Some((_, number))) | Target::Written(_, number) => {
                Some((if at_epoch { EPOCH } else { *table }, number))
            }
            _ => None,
        })
    }

    pub(super) fn visit(&mut self, see: &mut impl FnMut(&mut Token)) {
        for target in &mut self.targets {
            match target {
                Target::Read(Some((record, _))) | Target::Written(record, _) => {
                    in_record(record, see)
                }
                Target::Ended(Some(recorded)) => see(&mut recorded.list),
                Target::Unread | Target::Read(None) | Target::Ended(None) => {}
            }
        }
        if let Some(Some(list)) = &mut self.list {
            see(list);
        }
        if let Some((list, _)) = &mut self.found {
            see(list);
        }
        if let Phase::LookingUp(Some((epoch, list)), _) = &mut self.phase {
            see(epoch);
            see(list);
        }
    }
}

impl Writing {
    fn outcome(&self) -> Option<WriteOutcome> {
        match self.phase {
            Phase::Ending(outcome) => Some(outcome),
            Phase::Announcing => Some(WriteOutcome::Success),
            _ => None,
        }
    }

    fn table_of(&self, tables: &[usize], target: usize) -> usize {
        match target.checked_sub(tables.len()) {
            Some(family) => self.families[family],
            None if self.is_at_epoch() => EPOCH,
            None => tables[target],
        }
    }

    fn add_target(&mut self, table: Option<usize>) {
        if let Some(table) = table.filter(|table| !self.families.contains(table)) {
            self.families.push(table);
            self.targets.push(Target::Unread);
        }
    }

    fn finish_begin(&mut self) {
        let written = |target: &Target| matches!(target, Target::Written(..));
        if self.targets.iter().all(written) {
            self.phase = Phase::Begun;
        }
    }

    fn forget_list(&mut self, bounds: &Bounds) {
        if bounds.variant != Variant::ListNotReadAgain {
            self.list = None;
        }
    }

    /// A failure replaces only a record that it has just read.
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
