//! A writer of the model, one command per step, as in `versions/write.rs`.

use super::{
    Bounds, EPOCH, FAMILY, State, Value, Variant,
    normal::{free_tokens, in_record},
    store::{Lost, Number, Seen, sure},
};
use crate::protocol::{
    self, Change, Families, FoundFamilies, Record, Token, WriteOutcome, Writer, WriterId,
};
use cachalot_sql::Events;

/// When the leases of all writers expire.
pub(super) const UNTIL: u64 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Writing {
    phase: Phase,
    /// In the order of the writer's tables.
    targets: Vec<Target>,
    /// The tables of the targets behind those: the family's record, or the epoch.
    more: Vec<usize>,
    /// The id of the list, as the epoch's record told it when `begin` or `end` read that; `None` inside:
    /// there was no record.
    list: Option<Option<Token>>,
    /// What was found when the families were looked up, in the list with this id.
    found: Option<(Token, Found)>,
    /// `end` knows the families of all its tables.
    settled: bool,
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
    /// Looks up the families of its tables; has got the record of the epoch with this token and this
    /// list.
    Looking(Option<(Token, Token)>, Option<WriteOutcome>),
    /// Announced everywhere.
    Begun,
    Ending(WriteOutcome),
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

/// What the writer knows of a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
enum Target {
    #[default]
    Unread,
    Read(Option<Seen>),
    /// As `begin` left it.
    Left(Record, Number),
    /// With what the record tells, until `end` has used that.
    Ended(Option<Told>),
}

/// What a member's record tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Told {
    /// The id of the list that was read.
    list: Token,
    family: bool,
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
    /// Gets the id of the list from the epoch's record, in the batch with the other records.
    GetList,
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
            Phase::Idle if bounds.variant == Variant::BumpAfterCommit => vec![Move::Commit],
            Phase::Idle
                if bounds.variant == Variant::FamilyLookedUpFirst && self.found.is_none() =>
            {
                vec![Move::Look]
            }
            Phase::Idle => (0..tables.len()).map(Move::Get).chain(get_list()).collect(),
            Phase::Looking(..) => vec![Move::Look],
            Phase::Beginning => {
                let mut moves = unfinished(|target| matches!(target, Target::Left(..)));
                // No record is put before all of the batch has come.
                moves.retain(|it| matches!(it, Move::Get(_)) || !self.needs_list(bounds));
                moves.extend(get_list());
                moves
            }
            Phase::Begun if bounds.failures => vec![Move::Commit, Move::Fail, Move::FailUnknown],
            Phase::Begun => vec![Move::Commit],
            Phase::Ending(_) | Phase::Announcing => {
                let mut moves = unfinished(|target| matches!(target, Target::Ended(_)));
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
        self.more.clear();
        self.list = None;
        self.found = None;
        self.wrote.clear();
    }

    /// Is the list's id to be read yet?
    fn needs_list(&self, bounds: &Bounds) -> bool {
        let asks = match self.phase {
            Phase::Idle | Phase::Beginning => true,
            Phase::Ending(outcome) => {
                outcome != WriteOutcome::Failure && !self.settled && !self.more.contains(&EPOCH)
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
            match target {
                Target::Read(Some((record, _))) | Target::Left(record, _) => in_record(record, see),
                Target::Ended(Some(told)) => see(&mut told.list),
                Target::Unread | Target::Read(None) | Target::Ended(None) => {}
            }
        }
        if let Some(Some(list)) = &mut self.list {
            see(list);
        }
        if let Some((list, _)) = &mut self.found {
            see(list);
        }
        if let Phase::Looking(Some((epoch, list)), _) = &mut self.phase {
            see(epoch);
            see(list);
        }
    }
}

impl State {
    pub(super) fn write(&mut self, bounds: &Bounds, place: usize, step: Move) {
        let tables = &bounds.writers[place];
        match step {
            Move::Get(target) => {
                self.start(bounds, place);
                let writing = &mut self.writers[place];
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
                writing.phase = Phase::Ending(WriteOutcome::Success);
                writing.forget_list(bounds);
            }
            Move::Fail => {
                self.writers[place].phase = Phase::Ending(WriteOutcome::Failure);
                self.writers[place].reread();
            }
            Move::FailUnknown => {
                self.writers[place].phase = Phase::Ending(WriteOutcome::Unknown);
                self.writers[place].forget_list(bounds);
            }
            Move::Look => self.look(bounds, place),
            Move::GetList => {
                self.start(bounds, place);
                let record = self.store.records[EPOCH].as_ref();
                self.writers[place].list = Some(record.map(|(record, _)| record.list()));
                self.ended(bounds, place);
            }
        }
    }

    /// The first command of a batch also sets the lease.
    fn start(&mut self, bounds: &Bounds, place: usize) {
        let writing = &mut self.writers[place];
        if writing.phase == Phase::Idle {
            writing.targets = vec![Target::Unread; bounds.writers[place].len()];
            writing.phase = Phase::Beginning;
            self.store.set_lease(place);
        }
    }

    fn look(&mut self, bounds: &Bounds, place: usize) {
        let writing = &mut self.writers[place];
        let (epoch, outcome) = match writing.phase {
            Phase::Looking(epoch, outcome) => (epoch, outcome),
            _ => (None, None),
        };
        let (list, found) = match epoch {
            None => {
                // One that is missing is created; the other parts of the epoch get the same list.
                let fresh = sure(Record::fresh(&mut free_tokens()));
                if self.store.records[EPOCH].is_none() {
                    self.store.put(EPOCH, None, &fresh);
                }
                let present = self.store.records[EPOCH].as_ref();
                let record = present.map_or(&fresh, |(record, _)| record);
                let list = record.list();
                if record.has_families() {
                    writing.phase = Phase::Looking(Some((record.any(), list)), outcome);
                    return;
                }
                (list, Found::NoFamily)
            }
            Some((epoch, list)) => {
                let listed = self.store.listed.filter(|it| it.epoch == epoch);
                let found = match listed {
                    Some(listed)
                        if listed.list.is_none()
                            && bounds.variant != Variant::ListWithoutIdTrusted =>
                    {
                        Found::Nothing
                    }
                    Some(listed) if listed.ours => Found::Family,
                    Some(_) => Found::NoFamily,
                    None => Found::Nothing,
                };
                (list, found)
            }
        };
        writing.found = Some((list, found));
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

    /// Does a writer trust what a record tells?
    fn trusts(&self, bounds: &Bounds, place: usize, told: &Told) -> bool {
        let any = bounds.variant == Variant::AnyListTrusted;
        any || self.writers[place].list == Some(Some(told.list))
    }

    /// All that was to be begun has been: is there more?
    fn begun(&mut self, bounds: &Bounds, place: usize) {
        let tables = bounds.writers[place].len();
        let left = |target: &Target| match target {
            Target::Left(record, _) => Some(told_by(record)),
            _ => None,
        };
        let targets = self.writers[place].targets.iter().take(tables);
        let told: Vec<_> = targets.map(left).collect();
        if told.iter().any(Option::is_none) || !bounds.family {
            return self.writers[place].has_begun();
        }
        let (told, untold) = self.trusted(bounds, place, told.into_iter().flatten());
        let writing = &mut self.writers[place];
        writing.begins_more(bounds.variant.table_of_told(told));
        if untold && writing.found.is_none() && bounds.variant != Variant::FamilyNotLookedUp {
            writing.phase = Phase::Looking(None, None);
        } else {
            let found = writing.found.filter(|_| untold);
            writing.begins_more(found.and_then(|(_, found)| found.table()));
            writing.has_begun();
        }
    }

    /// Do the records that are trusted tell the family, and is there another?
    fn trusted(
        &self,
        bounds: &Bounds,
        place: usize,
        records: impl Iterator<Item = Option<Told>>,
    ) -> (bool, bool) {
        let (mut family, mut untold) = (false, false);
        for told in records {
            match told.filter(|told| self.trusts(bounds, place, told)) {
                Some(told) => family |= told.family,
                None => untold = true,
            }
        }
        (family, untold)
    }

    fn put(&mut self, bounds: &Bounds, place: usize, target: usize) {
        let tables = &bounds.writers[place];
        let table = self.writers[place].table_of(tables, target);
        let found = self.writers[place].found.and_then(told);
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
        let change = Change {
            events: Events::ALL,
            at: None,
        };
        let (next, over) = match known {
            Target::Left(record, number) => {
                let record = match member {
                    true => record.with_found_families(id(place), found.as_ref()),
                    false => record,
                };
                let next = sure(protocol::end_without_read(
                    &record,
                    id(place),
                    outcome,
                    change,
                    tokens,
                ));
                (next, Some(number))
            }
            Target::Read(seen) => {
                let (present, over) = seen.unzip();
                let present = bounds.variant.forget_others(present);
                let present = match member {
                    true => {
                        present.map(|record| record.with_found_families(id(place), found.as_ref()))
                    }
                    false => present,
                };
                let next = protocol::end(present, id(place), outcome, change, tokens);
                (sure(next), over)
            }
            Target::Unread | Target::Ended(_) => return,
        };
        let next = match next {
            // The catalogs of an epoch that lives on are as they were.
            Some(record) if table == EPOCH && outcome != WriteOutcome::Failure => {
                Some(record.without_list())
            }
            Some(record) if bounds.variant == Variant::FamilyForgotten => {
                let list = record.list();
                Some(told_none(record, list))
            }
            next => next,
        };
        let ended = match &next {
            Some(record) => self.store.put(table, over, record).is_some(),
            None => true,
        };
        let told = next.as_ref().filter(|_| member).and_then(told_by);
        writing.targets[target] = match ended {
            true => Target::Ended(told.filter(|_| !writing.settled)),
            false => Target::Unread,
        };
        self.ended(bounds, place);
    }

    fn ended(&mut self, bounds: &Bounds, place: usize) {
        let writing = &mut self.writers[place];
        let Some(outcome) = writing.outcome() else {
            return;
        };
        let ended = |target: &Target| matches!(target, Target::Ended(_));
        if !writing.targets.iter().all(ended) || writing.needs_list(bounds) {
            return;
        }
        let wide = writing.more.contains(&EPOCH);
        if bounds.family && outcome != WriteOutcome::Failure && !writing.settled && !wide {
            writing.settled = true;
            let tables = bounds.writers[place].len();
            let members = writing.targets.iter_mut().take(tables);
            let told: Vec<_> = members.map(Target::take_told).collect();
            let (family, untold) = self.trusted(bounds, place, told.into_iter());
            let writing = &mut self.writers[place];
            writing.list = None;
            writing.begins_more(bounds.variant.table_of_told(family));
            if untold && bounds.variant != Variant::FamilyNotLookedUp {
                writing.phase = Phase::Looking(None, Some(outcome));
                return;
            }
            if !writing.targets.iter().all(ended) {
                return;
            }
        }
        let writing = &mut self.writers[place];
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
        writing.list = None;
        writing.found = None;
        writing.settled = false;
        writing.wide = false;
        self.store.lose(Lost::Lease(place));
        for (table, wrote) in bounds.writers[place].iter().zip(writing.wrote.drain(..)) {
            let acknowledged = &mut self.acknowledged[*table];
            *acknowledged = wrote.max(*acknowledged);
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

    fn forget_list(&mut self, bounds: &Bounds) {
        if bounds.variant != Variant::ListNotReadAgain {
            self.list = None;
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

impl Target {
    fn take_told(&mut self) -> Option<Told> {
        match self {
            Self::Ended(told) => told.take(),
            _ => None,
        }
    }
}

/// What the record of a member tells.
fn told_by(record: &Record) -> Option<Told> {
    let list = record.list();
    let families = record.families(list)?;
    Some(Told {
        list,
        family: !families.is_empty(),
    })
}

/// The record, where it tells of no families in the list with this id.
pub(super) fn told_none(record: Record, list: Token) -> Record {
    let writer = Writer {
        id: id(0xF),
        until: UNTIL,
    };
    let record = record.without_list().begun(writer);
    let none = told((list, Found::NoFamily));
    record
        .with_found_families(writer.id, none.as_ref())
        .withdrawn(writer.id)
}

/// What a writer puts into the record of a member.
fn told((list, found): (Token, Found)) -> Option<FoundFamilies> {
    let families = match found {
        Found::NoFamily => Families::new(),
        Found::Family => family(),
        Found::Nothing => return None,
    };
    Some(FoundFamilies { families, list })
}

impl Found {
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
    fn table_of_told(self, family: bool) -> Option<usize> {
        (family && self != Self::FamilyIgnored).then_some(FAMILY)
    }

    /// Does a writer that ends so create the record of a table that may have been unknown?
    fn announces(self, outcome: WriteOutcome) -> bool {
        outcome == WriteOutcome::Success || self == Self::RecordOfFailure
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
