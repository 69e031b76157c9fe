//! A process of the model that loads a catalog and lists its families, one command per step, as in
//! `versions/relations.rs` and `versions/lists.rs`.

use super::{
    Bounds, EPOCH, State, Variant,
    normal::free_tokens,
    store::{Listed, sure},
    writer,
};
use crate::protocol::{Record, Token};
use cachalot_sql::Changes;

/// A catalog was loaded under the epoch that stands first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Lister {
    /// Reads and changes the list. The epoch had this list of families before.
    Listing(Token, Option<Token>),
    /// Has created the item of the list: looks for families in the epoch's record.
    Checking(Token),
    /// Puts the new id of the list into the epoch's record.
    Announcing(Token, Token),
    /// Reads the list again.
    Verifying(Token),
}

/// The other process, which has another family only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Other {
    Idle,
    Loading(Lister),
    Done,
}

/// How the loading of a catalog ended.
pub(super) enum Loaded {
    /// Its families may be used under this epoch.
    Usable(Token),
    Unusable,
}

impl Lister {
    pub(super) fn visit(&mut self, see: &mut impl FnMut(&mut Token)) {
        match self {
            Self::Listing(epoch, list) => {
                see(epoch);
                list.iter_mut().for_each(see);
            }
            Self::Announcing(epoch, list) => {
                see(epoch);
                see(list);
            }
            Self::Checking(epoch) | Self::Verifying(epoch) => see(epoch),
        }
    }
}

impl Listed {
    fn has(&self, ours: bool) -> bool {
        if ours { self.ours } else { self.others }
    }
}

impl State {
    /// Reads the epoch's record, creating it where it is missing, and then the catalog. `None` while a
    /// write to everything is in flight.
    pub(super) fn load_catalog(&mut self) -> Option<Lister> {
        if self.store.records[EPOCH].is_none() {
            let record = sure(Record::fresh(&mut free_tokens()));
            self.store.put(EPOCH, None, &record);
        }
        let (record, _) = self.store.records[EPOCH].as_ref()?;
        let list = record.has_families().then(|| record.list());
        let idle = record.writers().is_empty();
        idle.then(|| Lister::Listing(record.any(), list))
    }

    /// A step of a process whose catalog has our family, or only the other one.
    pub(super) fn list(
        &mut self,
        bounds: &Bounds,
        lister: Lister,
        ours: bool,
    ) -> Result<Lister, Loaded> {
        match lister {
            Lister::Listing(epoch, seen) => self.change_list(bounds, epoch, seen, ours),
            Lister::Checking(epoch) => {
                let record = self.store.records[EPOCH].as_ref();
                let marked = record.is_some_and(|(record, _)| record.has_families());
                if marked && bounds.variant != Variant::FamiliesMarkNotChecked {
                    self.renew_epoch();
                    return Err(Loaded::Unusable);
                }
                Ok(Lister::Listing(epoch, None))
            }
            Lister::Announcing(epoch, list) => {
                let seen = self.store.records[EPOCH].clone();
                let (record, number) = seen
                    .filter(|(record, _)| record.any() == epoch)
                    .ok_or(Loaded::Unusable)?;
                let list = match bounds.variant {
                    Variant::SameListId => record.list(),
                    _ => list,
                };
                let announced = record.with_list(list, true);
                self.store.put(EPOCH, Some(number), &announced);
                Ok(Lister::Verifying(epoch))
            }
            Lister::Verifying(epoch) => {
                let listed = self.store.listed.filter(|it| it.epoch == epoch);
                let verified = listed.is_some_and(|it| it.list.is_some() && it.has(ours));
                Err(
                    match verified || bounds.variant == Variant::ListNotVerified {
                        true => Loaded::Usable(epoch),
                        false => Loaded::Unusable,
                    },
                )
            }
        }
    }

    /// Lists the family, if it is not yet listed with an id that is in the epoch's record.
    fn change_list(
        &mut self,
        bounds: &Bounds,
        epoch: Token,
        seen: Option<Token>,
        ours: bool,
    ) -> Result<Lister, Loaded> {
        let Some(listed) = self.store.listed.filter(|it| it.epoch == epoch) else {
            if seen.is_some() {
                self.renew_epoch();
                return Err(Loaded::Unusable);
            }
            self.store.listed = Some(Listed {
                epoch,
                list: None,
                ours: false,
                others: false,
            });
            return Ok(Lister::Checking(epoch));
        };
        let early = bounds.variant == Variant::ListReliedOnEarly && seen.is_some();
        let announced = seen.is_some() && listed.list == seen;
        if listed.has(ours) && (announced || early) {
            return Err(Loaded::Usable(epoch));
        }
        let list = sure(free_tokens()());
        self.store.listed = Some(Listed {
            epoch,
            list: Some(list),
            ours: listed.ours || ours,
            others: listed.others || !ours,
        });
        Ok(Lister::Announcing(epoch, list))
    }

    /// An invalidation of everything.
    fn renew_epoch(&mut self) {
        let Some((record, number)) = self.store.records[EPOCH].clone() else {
            return;
        };
        let no_writer = writer::id(0xE);
        let renewed = record.published(no_writer, &Changes::ALL, &mut free_tokens());
        let renewed = sure(renewed).without_list();
        self.store.put(EPOCH, Some(number), &renewed);
    }

    pub(super) fn load_other(&mut self, bounds: &Bounds) {
        let next = match std::mem::replace(&mut self.other, Other::Done) {
            Other::Idle => self.load_catalog().ok_or(Loaded::Unusable),
            Other::Loading(lister) => self.list(bounds, lister, false),
            Other::Done => return,
        };
        if let Ok(lister) = next {
            self.other = Other::Loading(lister);
        }
    }
}
