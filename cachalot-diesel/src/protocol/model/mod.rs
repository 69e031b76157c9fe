//! A model of the protocol for the model checker: explores every interleaving of a few writers and
//! readers, with crashes, lost items, restarts and expired leases. It calls the same functions as the
//! cache.
//!
//! A step of the model is one store command, one database statement or one fault. The model's
//! assumptions and the explored state spaces are in `docs/protocol.md`.

mod keys;
mod lister;
mod normal;
mod reader;
mod store;
mod tests;
mod writer;

use stateright::{Model, Property};

use self::{
    keys::{Kind, Rows},
    lister::Other,
    reader::Reader,
    store::Store,
    writer::Writing,
};
use super::{Changes, Record, Token};

/// The index of the epoch among the tables, if there is one.
const EPOCH: usize = 0;
/// The record of a family.
const FAMILY: usize = 1;

/// The contents of a table: the number of committed writes. Smaller is older.
type Value = u8;

/// The processes, the possible faults, and the variant of the protocol.
#[derive(Debug, Clone)]
struct Bounds {
    /// The number of tables. A read depends on all of them.
    tables: usize,
    /// The tables that each writer writes to, once.
    writers: Vec<Vec<usize>>,
    readers: usize,
    /// How often each reader reads.
    reads: u8,
    faults: Faults,
    /// May a write fail, or end with an unknown outcome?
    failures: bool,
    /// Table 0 is the epoch, and table 1 was created by a program without the library: the catalogs
    /// of the first epoch do not have it.
    unknown: bool,
    /// Table 0 is the epoch, table 1 the record of a family, and the tables from 2 on are its members:
    /// a read looks at the former two, and writers write to the latter.
    family: bool,
    /// A further process loads a catalog, whose only family is another one.
    other: bool,
    /// What each writer does to its tables; any change, if it is not among them.
    changes: Vec<Changes>,
    /// Which rows each writer touches; any, if it is not among them.
    rows: Vec<Rows>,
    /// The kinds of reads, by what they depend on. Their rows change with that alone. The readers take turns.
    kinds: Vec<Kind>,
    variant: Variant,
}

/// How many faults of each kind may happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Faults {
    crashes: u8,
    /// Losses of one record, entry or lease.
    evictions: u8,
    /// Losses of one bucket.
    lost_buckets: u8,
    /// Deletions and additions of a bucket that the store executes late, and whose answer nobody gets.
    delays: u8,
    /// Losses of the list of families.
    lost_lists: u8,
    /// Restarts of the store, which is then empty.
    restarts: u8,
    /// Restarts of the server of one record, which loses that alone.
    restarts_of_one: u8,
    /// After a restart the store starts its CAS values at one again, so that a value that was read before may belong to
    /// another version. No store may do that.
    versions_repeat: bool,
    /// Pauses of a live writer that are longer than its lease.
    freezes: u8,
    /// The clocks of all readers are far ahead of the writers'.
    skewed: bool,
}

/// The protocol, or a variant that is known to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variant {
    Correct,
    /// No `begin`: the tokens change after COMMIT.
    NoBegin,
    /// A record holds a single writer instead of a list.
    SingleWriter,
    /// A write to a table that no catalog may have does not invalidate everything.
    NoWidening,
    /// A failed write to such a table creates the table's record, but does not change the epoch, so no
    /// process reloads the catalog.
    RecordOfFailure,
    /// A writer does not begin the family that a member's record has.
    FamilyIgnored,
    /// A reader does not add the family to the members' records.
    FamilyNotAdded,
    /// A reader ignores writers in flight on a member.
    MembersInFlight,
    /// A writer does not look up the families if the record has none.
    FamilyNotLookedUp,
    /// A writer looks up the families before it has added itself to the member's record.
    FamilyLookedUpFirst,
    /// `end` removes the families from the member's record.
    FamilyForgotten,
    /// A writer uses the families in a record whatever the list's id.
    AnyListTrusted,
    /// `end` does not read the list's id again.
    ListNotReadAgain,
    /// A list that grows keeps its id.
    SameListId,
    /// A reader relies on a family that another process has listed, before the new id is in the epoch.
    ListReliedOnEarly,
    /// A process that creates the list does not check whether families are already in use.
    FamiliesMarkNotChecked,
    /// A process that writes a new id to the epoch does not read the list again.
    ListNotVerified,
    /// A writer takes a list without an id for complete.
    ListWithoutIdTrusted,
    /// `end` gives the columns that were updated, or `wide`, no new token.
    ColumnsNotRenewed,
    /// The mark of a writer in flight has none of the columns that it updates.
    MarkWithoutColumns,
    /// A reader ignores writers in flight that name their columns.
    ColumnsInFlight,
    /// A reader does not depend on `wide`.
    WideIgnored,
    /// `end` removes the other columns from the record, and `wide` stays.
    ColumnsForgotten,
    /// A reader that removes a crashed writer renews only what it depends on itself.
    NarrowReclaim,
    /// `end` takes the writer out of the record before it deletes the buckets.
    RecordFirst,
    /// A reader looks at the buckets before it looks at the record.
    BucketsFirst,
    /// A reader that reads the record again, after a conflict, does not read the buckets again.
    BucketsNotReadAgain,
    /// A keyed reader depends on its buckets alone.
    WideOfKeyIgnored,
    /// `end` keeps the columns of the record of which the write did not know the values.
    KeysKept,
    /// `end` takes the writer out of the record without knowing whether the buckets are deleted.
    DeletionUnconfirmed,
    /// A reader that removes a crashed writer leaves `wide` of the columns that the writer's mark has.
    KeyedReclaim,
    /// A reader does not add a bucket that is missing. To be missing is as good as a token.
    BucketNotAdded,
    /// A reader stores rows under the token of a bucket without knowing whether it was added.
    AdditionUnconfirmed,
    /// A reader that adds a bucket again sends the same token again.
    TokenSentTwice,
    /// A reader adds the token of a bucket that it has seen.
    BucketPutBack,
}

impl Faults {
    /// Will CAS values be reused that are not reused yet?
    fn may_repeat(self) -> bool {
        self.versions_repeat && self.restarts + self.restarts_of_one > 0
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    store: Store,
    /// What is committed, by kind of read and table.
    committed: Vec<Vec<Value>>,
    /// What was acknowledged to the writer's caller, by kind of read and table.
    acknowledged: Vec<Vec<Value>>,
    writers: Vec<Writing>,
    readers: Vec<Reader>,
    other: Other,
    /// The token of the first epoch, under which no catalog has the unknown table.
    first_epoch: Option<Token>,
    faults: Faults,
    /// What happened in the last step.
    seen: Seen,
}

/// What the properties check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Seen {
    hit: bool,
    reclaimed: bool,
    /// A read returned rows older than those acknowledged before it began.
    older_than_acknowledged: bool,
    /// A read returned rows older than those of the database when it began, and no documented
    /// exception applied.
    older_than_shown: bool,
    /// The same, under a documented exception.
    excused: bool,
    /// A read was a hit while a write was in flight that it does not depend on.
    hit_beside_writer: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Write(usize, writer::Move),
    Read(usize, reader::Move),
    /// A writer's process crashes.
    Crash(usize),
    /// A lease expires, by all clocks.
    Expire(usize),
    Evict(store::Lost),
    LoseBucket(store::Lost),
    /// The store executes the request that is late.
    Deliver,
    LoseList,
    /// A step of the further process.
    LoadOther,
    Restart,
    /// The server of this record restarts.
    RestartOne(usize),
    /// A read of this member creates its record.
    Create(usize),
}

impl Model for Bounds {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let mut store = Store::new(self.tables, self.kinds.len());
        let mut first_epoch = None;
        let tokens = &mut normal::free_tokens();
        let epoch = store::sure(Record::fresh(tokens));
        if self.unknown || self.family {
            first_epoch = self.unknown.then(|| epoch.any());
            store.put(EPOCH, None, &epoch);
        }
        let mut state = State {
            store,
            committed: vec![vec![0; self.tables]; self.kinds.len()],
            acknowledged: vec![vec![0; self.tables]; self.kinds.len()],
            writers: self.writers.iter().map(|_| Writing::default()).collect(),
            readers: (0..self.readers)
                .map(|reader| Reader::new(reader % self.kinds.len(), self.reads))
                .collect(),
            other: match self.other {
                true => Other::Idle,
                false => Other::Done,
            },
            first_epoch,
            faults: self.faults,
            seen: Seen::default(),
        };
        state.normalise(self);
        let mut states = vec![state.clone()];
        if self.family {
            // An earlier writer has looked up the families and found none.
            let first = state.store.clone();
            for member in FAMILY + 1..self.tables {
                let record = store::sure(Record::fresh(tokens));
                let record = writer::without_families(record, epoch.list());
                state.store.put(member, None, &record);
            }
            state.normalise(self);
            states.push(state.clone());
            // The same, with another family in the list.
            state.store = first;
            let list = store::sure(tokens());
            let epoch = epoch.with_list(list, true);
            state.store.records[EPOCH] = Some((epoch.clone(), 1));
            state.store.listed = Some(store::Listed {
                epoch: epoch.any(),
                list: Some(list),
                ours: false,
                others: true,
            });
            for member in FAMILY + 1..self.tables {
                let record = store::sure(Record::fresh(tokens));
                let record = writer::without_families(record, list);
                state.store.put(member, None, &record);
            }
            let mut dead = state.clone();
            state.normalise(self);
            states.push(state);
            if self.faults.restarts_of_one > 0 {
                // The same, and a process that has crashed since has listed our family too.
                dead.store.listed = Some(store::Listed {
                    epoch: epoch.any(),
                    list: Some(store::sure(tokens())),
                    ours: true,
                    others: true,
                });
                dead.normalise(self);
                states.push(dead);
            }
        }
        states
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for (place, writing) in state.writers.iter().enumerate() {
            let moves = writing.moves(self, &self.writers[place]);
            let moves = moves.into_iter().chain(state.deletions(place));
            steps.extend(moves.map(|it| Step::Write(place, it)));
            if writing.in_flight() && state.faults.crashes > 0 {
                steps.push(Step::Crash(place));
            }
            let frozen = writing.in_flight() && state.faults.freezes > 0;
            if !writing.expired && writing.has_lease() && (writing.is_dead() || frozen) {
                steps.push(Step::Expire(place));
            }
        }
        for (place, reader) in state.readers.iter().enumerate() {
            let moves = reader.moves(self, state.faults.delays > 0);
            steps.extend(moves.into_iter().map(|it| Step::Read(place, it)));
        }
        if state.faults.evictions > 0 {
            steps.extend(state.store.items().map(Step::Evict));
        }
        if state.faults.lost_buckets > 0 {
            let items = state.store.items();
            let buckets = items.filter(|it| matches!(it, store::Lost::Bucket(_)));
            steps.extend(buckets.map(Step::LoseBucket));
        }
        if state.store.late.is_some() {
            steps.push(Step::Deliver);
        }
        if state.faults.lost_lists > 0 && state.store.listed.is_some() {
            steps.push(Step::LoseList);
        }
        if state.other != Other::Done {
            steps.push(Step::LoadOther);
        }
        if state.faults.restarts > 0 && state.store.items().next().is_some() {
            steps.push(Step::Restart);
        }
        let records = (0..self.tables).filter(|table| state.store.records[*table].is_some());
        if state.faults.restarts_of_one > 0 {
            steps.extend(records.map(Step::RestartOne));
        }
        // Without a restart this only leads to an initial state.
        if self.family && self.faults.may_repeat() && !state.faults.may_repeat() {
            let members = FAMILY + 1..self.tables;
            let missing = members.filter(|member| state.store.records[*member].is_none());
            steps.extend(missing.map(Step::Create));
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        state.seen = Seen::default();
        match step {
            Step::Write(place, it) => state.write(self, place, it),
            Step::Read(place, it) => state.read(self, place, it),
            Step::Crash(place) => {
                state.faults.crashes -= 1;
                state.writers[place].die();
            }
            Step::Expire(place) => {
                if !state.writers[place].is_dead() {
                    state.faults.freezes -= 1;
                }
                state.writers[place].expired = true;
                state.store.lose(store::Lost::Lease(place));
            }
            Step::Evict(lost) => {
                state.faults.evictions -= 1;
                state.lose(lost);
            }
            Step::LoseBucket(lost) => {
                state.faults.lost_buckets -= 1;
                state.lose(lost);
            }
            Step::Deliver => {
                state.store.deliver();
            }
            Step::LoseList => {
                state.faults.lost_lists -= 1;
                state.lose(store::Lost::List);
            }
            Step::LoadOther => state.load_other(self),
            Step::Restart => {
                state.faults.restarts -= 1;
                for lost in last.store.items() {
                    state.lose(lost);
                }
                if self.faults.versions_repeat {
                    state.store.restart_cas_values();
                }
            }
            Step::RestartOne(table) => {
                state.faults.restarts_of_one -= 1;
                state.lose(store::Lost::Record(table));
                if self.faults.versions_repeat {
                    state.store.last[table] = 0;
                }
            }
            Step::Create(member) => {
                let record = store::sure(Record::fresh(&mut normal::free_tokens()));
                state.store.put(member, None, &record);
            }
        }
        state.normalise(self);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        use properties::*;
        vec![
            Property::always(P1, |_, state: &State| !state.seen.older_than_acknowledged),
            Property::always(P2, |_, state: &State| !state.seen.older_than_shown),
            Property::sometimes(HIT, |_, state: &State| state.seen.hit),
            Property::sometimes(RECLAIMED, |_, state: &State| state.seen.reclaimed),
            Property::sometimes(BESIDE, |_, state: &State| state.seen.hit_beside_writer),
            Property::sometimes(EXCUSED, |_, state: &State| state.seen.excused),
            Property::sometimes(ENDED, |_, state: &State| {
                state.writers.iter().all(Writing::is_done)
            }),
        ]
    }
}

/// The names of the properties that must always hold, and of events that show that the exploration
/// is not vacuous.
mod properties {
    /// No read returns rows older than those acknowledged before it began.
    pub(super) const P1: &str = "P1";
    /// No read returns rows older than those of the database when it began, except for the documented
    /// exceptions.
    pub(super) const P2: &str = "P2";
    pub(super) const HIT: &str = "a read is a hit";
    pub(super) const RECLAIMED: &str = "a reader removes a crashed writer";
    pub(super) const EXCUSED: &str = "a read is stale under a documented exception";
    pub(super) const BESIDE: &str = "a read is a hit beside a write of other columns or rows";
    pub(super) const ENDED: &str = "all writes end";
}

impl Bounds {
    /// What a writer does to its tables.
    fn changes_of(&self, writer: usize) -> &Changes {
        self.changes.get(writer).unwrap_or(&Changes::ALL)
    }

    /// Which rows a writer touches.
    fn rows_of(&self, writer: usize) -> &Rows {
        self.rows.get(writer).unwrap_or(&keys::ANY)
    }

    /// Does what a writer does change the rows of a read of this kind?
    fn matters(&self, writer: usize, kind: usize) -> bool {
        let kind = &self.kinds[kind];
        self.changes_of(writer).meets(&kind.changes) && self.rows_of(writer).meet(kind)
    }

    /// How many records a read looks at, from the first on.
    fn looked_at(&self) -> usize {
        if self.family { FAMILY + 1 } else { self.tables }
    }
}

impl State {
    fn lose(&mut self, lost: store::Lost) {
        if let store::Lost::Record(table) = lost {
            let record = self.store.records[table].as_ref();
            for (place, writing) in self.writers.iter_mut().enumerate() {
                // The documented exception: no record shows that this write is in flight any more.
                writing.unseen |= record.is_some_and(|(it, _)| it.has(writer::id(place)));
            }
        }
        self.store.lose(lost);
    }
}
