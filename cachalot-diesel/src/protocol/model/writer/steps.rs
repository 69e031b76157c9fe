//! The steps of a writer.

use super::{
    super::{
        Bounds, EPOCH, State, Variant,
        normal::free_tokens,
        store::{Lost, sure},
    },
    Move, Phase, Target, UNTIL,
    families::{Recorded, families_in, found_families, without_families},
    id,
};
use crate::protocol::{self, Changes, Columns, Record, TimedChanges, WriteOutcome, Writer};

impl State {
    pub(in super::super) fn write(&mut self, bounds: &Bounds, place: usize, step: Move) {
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
                let writing = &mut self.writers[place];
                for (kind, committed) in self.committed.iter_mut().enumerate() {
                    let matters = bounds.matters(place, kind);
                    for table in tables {
                        committed[*table] += u8::from(matters);
                    }
                    // What no reader sees is no older than anything.
                    let wrote = tables.iter().map(|table| match matters {
                        true => committed[*table],
                        false => 0,
                    });
                    writing.wrote.push(wrote.collect());
                }
                let targets = tables.len() + writing.families.len();
                writing.targets.resize(targets, Target::Unread);
                writing.phase = Phase::Ending(WriteOutcome::Success);
                writing.to_delete = bounds.rows_of(place).to_delete();
                writing.forget_list(bounds);
            }
            Move::Fail => {
                self.writers[place].phase = Phase::Ending(WriteOutcome::Failure);
                self.writers[place].reread();
            }
            Move::FailUnknown => {
                self.writers[place].phase = Phase::Ending(WriteOutcome::Unknown);
                self.writers[place].to_delete = bounds.rows_of(place).to_delete();
                self.writers[place].forget_list(bounds);
            }
            Move::Delete(bucket) => self.delete(bounds, place, bucket, false),
            Move::DeleteLate(bucket) => self.delete(bounds, place, bucket, true),
            Move::LookUp => self.look_up(bounds, place),
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

    /// All known targets have begun. Adds those of the families.
    pub(super) fn begun(&mut self, bounds: &Bounds, place: usize) {
        let tables = bounds.writers[place].len();
        let written = |target: &Target| match target {
            Target::Written(record, _) => Some(families_in(record)),
            _ => None,
        };
        let targets = self.writers[place].targets.iter().take(tables);
        let recorded: Vec<_> = targets.map(written).collect();
        if recorded.iter().any(Option::is_none) || !bounds.family {
            return self.writers[place].finish_begin();
        }
        let (recorded, unrecorded) =
            self.recorded_under_list(bounds, place, recorded.into_iter().flatten());
        let writing = &mut self.writers[place];
        writing.add_target(bounds.variant.table_of_recorded(recorded));
        if unrecorded && writing.found.is_none() && bounds.variant != Variant::FamilyNotLookedUp {
            writing.phase = Phase::LookingUp(None, None);
        } else {
            let found = writing.found.filter(|_| unrecorded);
            writing.add_target(found.and_then(|(_, found)| found.table()));
            writing.finish_begin();
        }
    }

    fn put(&mut self, bounds: &Bounds, place: usize, target: usize) {
        let tables = &bounds.writers[place];
        let table = self.writers[place].table_of(tables, target);
        let found = self.writers[place].found.and_then(found_families);
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
                changes: bounds.variant.mark(bounds.changes_of(place)),
                buckets: bounds.rows_of(place).marked.clone(),
            };
            let present = bounds.variant.forget_others(present);
            let record = sure(protocol::begin(present, writer, tokens));
            writing.targets[target] = match self.store.put(table, over, &record) {
                Some(number) => Target::Written(record, number),
                None => Target::Unread,
            };
            self.begun(bounds, place);
            return;
        };
        let change = TimedChanges {
            changes: &bounds.variant.renewed(bounds.changes_of(place)),
            buckets: &bounds.rows_of(place).known,
            at: None,
        };
        let before = match &known {
            Target::Written(record, _) | Target::Read(Some((record, _))) => Some(record.clone()),
            _ => None,
        };
        let (next, over) = match known {
            Target::Written(record, number) => {
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
            Some(record) if bounds.variant == Variant::ColumnsForgotten => {
                Some(record.only_columns(&change.changes.updated))
            }
            Some(record) if bounds.variant == Variant::KeysKept => Some(match &before {
                Some(before) => record.with_keys_of(before),
                None => record,
            }),
            // After a failure the epoch and its catalogs are unchanged.
            Some(record) if table == EPOCH && outcome != WriteOutcome::Failure => {
                Some(record.without_list())
            }
            Some(record) if bounds.variant == Variant::FamilyForgotten => {
                let list = record.list();
                Some(without_families(record, list))
            }
            next => next,
        };
        let ended = match &next {
            Some(record) => self.store.put(table, over, record).is_some(),
            None => true,
        };
        let recorded = next.as_ref().filter(|_| member).and_then(families_in);
        writing.targets[target] = match ended {
            true => Target::Ended(recorded.filter(|_| !writing.settled)),
            false => Target::Unread,
        };
        self.ended(bounds, place);
    }

    pub(in super::super) fn ended(&mut self, bounds: &Bounds, place: usize) {
        let writing = &mut self.writers[place];
        let Some(outcome) = writing.outcome() else {
            return;
        };
        let ended = |target: &Target| matches!(target, Target::Ended(_));
        if !writing.targets.iter().all(ended)
            || writing.needs_list(bounds)
            || !writing.to_delete.is_empty()
        {
            return;
        }
        let wide = writing.families.contains(&EPOCH);
        if bounds.family && outcome != WriteOutcome::Failure && !writing.settled && !wide {
            writing.settled = true;
            let tables = bounds.writers[place].len();
            let members = writing.targets.iter_mut().take(tables);
            let recorded: Vec<_> = members.map(Target::take_recorded).collect();
            let (family, unrecorded) =
                self.recorded_under_list(bounds, place, recorded.into_iter());
            let writing = &mut self.writers[place];
            writing.list = None;
            writing.add_target(bounds.variant.table_of_recorded(family));
            if unrecorded && bounds.variant != Variant::FamilyNotLookedUp {
                writing.phase = Phase::LookingUp(None, Some(outcome));
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
        writing.families.clear();
        writing.list = None;
        writing.found = None;
        writing.settled = false;
        writing.wide = false;
        self.store.lose(Lost::Lease(place));
        for (acknowledged, wrote) in self.acknowledged.iter_mut().zip(writing.wrote.drain(..)) {
            for (table, wrote) in bounds.writers[place].iter().zip(wrote) {
                acknowledged[*table] = wrote.max(acknowledged[*table]);
            }
        }
    }
}

impl Target {
    fn take_recorded(&mut self) -> Option<Recorded> {
        match self {
            Self::Ended(recorded) => recorded.take(),
            _ => None,
        }
    }
}

impl Variant {
    /// Does a writer with this outcome create the record of a table that may have been unknown?
    fn announces(self, outcome: WriteOutcome) -> bool {
        outcome == WriteOutcome::Success || self == Self::RecordOfFailure
    }

    /// What the mark of a writer says that it does.
    fn mark(self, changes: &Changes) -> Changes {
        match self {
            Self::MarkWithoutColumns => without_columns(changes),
            _ => changes.clone(),
        }
    }

    /// What `end` gives new tokens to.
    fn renewed(self, changes: &Changes) -> Changes {
        match self {
            Self::ColumnsNotRenewed => without_columns(changes),
            _ => changes.clone(),
        }
    }

    /// For `SingleWriter`: the next writer overwrites the mark, and the first to end removes it.
    fn forget_others(self, present: Option<Record>) -> Option<Record> {
        if self != Self::SingleWriter {
            return present;
        }
        present.map(|record| {
            let others: Vec<_> = record.writers().iter().map(|other| other.id).collect();
            others.into_iter().fold(record, Record::withdrawn)
        })
    }
}

fn without_columns(changes: &Changes) -> Changes {
    Changes {
        updated: Columns::NONE,
        ..changes.clone()
    }
}
