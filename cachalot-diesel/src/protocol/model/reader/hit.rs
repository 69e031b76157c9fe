//! A read as the properties judge it.

use super::{
    super::{Bounds, Seen, State, Value, writer::Writing},
    Batch, Phase, Reader,
};

/// The state when the read began, until the entry is fetched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(super) struct Began {
    acknowledged: Vec<Value>,
    shown: Vec<Value>,
    excused: bool,
}

impl Reader {
    /// Only this matters of the rows and of the state when the read began.
    pub(super) fn judge(&mut self, batch: &mut Batch) {
        let began = std::mem::take(&mut self.began);
        if let Some(Some(entry)) = &mut batch.entry {
            let rows = std::mem::take(&mut entry.rows);
            let older = |than: &[Value]| rows.iter().zip(than).any(|(row, floor)| row < floor);
            self.hit = Seen {
                hit: true,
                older_than_acknowledged: older(&began.acknowledged),
                older_than_shown: older(&began.shown) && !began.excused,
                excused: older(&began.shown) && began.excused,
                ..Seen::default()
            };
        }
    }

    /// This read cannot be a hit.
    pub(super) fn forget_beginning(&mut self) {
        self.began = Began::default();
        self.hit = Seen::default();
    }

    /// Drops the entry that it has fetched, if it is as good as none.
    pub(in super::super) fn forget_dead_entry(&mut self) {
        let dead = self
            .fetched()
            .and_then(|it| it.take_if(|entry| entry.is_dead()));
        if dead.is_some() {
            self.forget_beginning();
        }
    }
}

impl State {
    pub(super) fn begin_read(&mut self, bounds: &Bounds, place: usize) {
        let kind = self.readers[place].kind;
        let began = Began {
            acknowledged: self.acknowledged[kind].clone(),
            shown: self.committed[kind].clone(),
            excused: self.writers.iter().any(Writing::is_excuse),
        };
        let reader = &mut self.readers[place];
        reader.left -= 1;
        reader.began = began;
        reader.phase = Phase::Fetching(reader.batch(bounds));
    }

    pub(super) fn serve(&mut self, bounds: &Bounds, place: usize) {
        let Reader { hit, kind, .. } = self.readers[place];
        let mut beside = self.writers.iter().enumerate();
        self.seen = Seen {
            hit_beside_writer: beside
                .any(|(writer, it)| it.in_flight() && !bounds.matters(writer, kind)),
            ..hit
        };
    }
}
