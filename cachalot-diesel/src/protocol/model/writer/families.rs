//! The families of the tables that a writer writes to, as in `versions/write/families.rs`.

use super::{
    super::{Bounds, EPOCH, FAMILY, State, Variant, normal::free_tokens, store::sure},
    Phase, UNTIL, id,
};
use crate::protocol::{Buckets, Changes, Families, FoundFamilies, Record, Token, Writer};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Found {
    NoFamily,
    Family,
    /// The list was lost: the write is to everything.
    Unknown,
}

/// The families in a member's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Recorded {
    /// The id of the list that was read.
    pub(super) list: Token,
    pub(super) family: bool,
}

impl State {
    pub(super) fn look_up(&mut self, bounds: &Bounds, place: usize) {
        let writing = &mut self.writers[place];
        let (epoch, outcome) = match writing.phase {
            Phase::LookingUp(epoch, outcome) => (epoch, outcome),
            _ => (None, None),
        };
        let (list, found) = match epoch {
            None => {
                // A missing record is created; the other parts of the epoch get the same list.
                let fresh = sure(Record::fresh(&mut free_tokens()));
                if self.store.records[EPOCH].is_none() {
                    self.store.put(EPOCH, None, &fresh);
                }
                let present = self.store.records[EPOCH].as_ref();
                let record = present.map_or(&fresh, |(record, _)| record);
                let list = record.list();
                if record.has_families() {
                    writing.phase = Phase::LookingUp(Some((record.any(), list)), outcome);
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
                        Found::Unknown
                    }
                    Some(listed) if listed.ours => Found::Family,
                    Some(_) => Found::NoFamily,
                    None => Found::Unknown,
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
        writing.add_target(found.table());
        match outcome {
            None => self.begun(bounds, place),
            Some(_) => self.ended(bounds, place),
        }
    }

    /// Does a writer use these families?
    fn trusts(&self, bounds: &Bounds, place: usize, recorded: &Recorded) -> bool {
        let any = bounds.variant == Variant::AnyListTrusted;
        any || self.writers[place].list == Some(Some(recorded.list))
    }

    /// Does a record that can be used have the family, and is there a record that cannot be used?
    pub(super) fn recorded_under_list(
        &self,
        bounds: &Bounds,
        place: usize,
        records: impl Iterator<Item = Option<Recorded>>,
    ) -> (bool, bool) {
        let (mut family, mut unrecorded) = (false, false);
        for recorded in records {
            match recorded.filter(|recorded| self.trusts(bounds, place, recorded)) {
                Some(recorded) => family |= recorded.family,
                None => unrecorded = true,
            }
        }
        (family, unrecorded)
    }
}

/// The families in the record of a member.
pub(super) fn families_in(record: &Record) -> Option<Recorded> {
    let list = record.list();
    let families = record.families(list)?;
    Some(Recorded {
        list,
        family: !families.is_empty(),
    })
}

/// The record after a writer has looked up the families in the list with this id and found none.
pub(in super::super) fn without_families(record: Record, list: Token) -> Record {
    let writer = Writer {
        id: id(0xF),
        until: UNTIL,
        changes: Changes::ALL,
        buckets: Buckets::default(),
    };
    let id = writer.id;
    let record = record.without_list().begun(writer);
    let none = found_families((list, Found::NoFamily));
    record.with_found_families(id, none.as_ref()).withdrawn(id)
}

/// What a writer adds to the record of a member.
pub(super) fn found_families((list, found): (Token, Found)) -> Option<FoundFamilies> {
    let families = match found {
        Found::NoFamily => Families::new(),
        Found::Family => family(),
        Found::Unknown => return None,
    };
    Some(FoundFamilies { families, list })
}

impl Found {
    pub(super) fn table(self) -> Option<usize> {
        match self {
            Self::NoFamily => None,
            Self::Family => Some(FAMILY),
            Self::Unknown => Some(EPOCH),
        }
    }
}

fn family() -> Families {
    Families::from(["parent".into()])
}

impl Variant {
    /// The families that a reader adds to the members' records.
    pub(in super::super) fn families_to_add(self) -> Families {
        if self == Self::FamilyNotAdded {
            Families::new()
        } else {
            family()
        }
    }

    /// The record that a writer begins or ends because of the families in the members' records.
    pub(super) fn table_of_recorded(self, family: bool) -> Option<usize> {
        (family && self != Self::FamilyIgnored).then_some(FAMILY)
    }
}
