//! Single flight: concurrent misses of one query in this process send one statement.
//!
//! The first reader (the leader) queries the database; the others wait for its rows. A waiter accepts
//! them only if an entry under the leader's tokens is valid for it, with no writes in flight. So the rows
//! are never older than the start of its own read.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::{Entry, EntryStore, FillPermit, Lookup, stampede::Role, validators::Validators};
use crate::protocol::Records;

/// How long a waiter waits for the leader. The leader may be blocked by a lock that the waiter's own
/// session holds.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// How long a waiter waits once the leader has the first row: the program decides how fast it takes the others.
const MAX_WAIT_FOR_ROWS: Duration = Duration::from_millis(100);
/// How long a completed flight is remembered, for readers that missed before it completed and join
/// after it.
const KEEP_COMPLETED: Duration = Duration::from_secs(1);

/// The flights of one cache.
#[derive(Debug, Default)]
pub(super) struct Flights(Arc<Mutex<FlightTable>>);

#[derive(Debug, Default)]
struct FlightTable {
    /// By the key of the entry.
    of: HashMap<Arc<str>, FlightState>,
    /// Completed flights, in the order of completion.
    completed: VecDeque<(Instant, Arc<str>)>,
}

impl FlightTable {
    fn complete(&mut self, key: &Arc<str>, validators: Validators, at: Instant) {
        let completed = FlightState::Completed { validators, at };
        self.of.insert(Arc::clone(key), completed);
        self.completed.push_back((at, Arc::clone(key)));
    }

    /// Forgets the flights that completed long ago. Stops at the first recent one, as there may be
    /// thousands of those and every leader runs this on completion.
    fn forget(&mut self, now: Instant) {
        while let Some((at, key)) = self.completed.front()
            && now.duration_since(*at) >= KEEP_COMPLETED
        {
            // Another flight of the same key may have completed since, or be running.
            if matches!(self.of.get(key), Some(FlightState::Completed { at: last, .. }) if last == at)
            {
                self.of.remove(key);
            }
            self.completed.pop_front();
        }
    }
}

#[derive(Debug)]
enum FlightState {
    Running(Arc<Flight>),
    Completed { validators: Validators, at: Instant },
}

#[derive(Debug)]
struct Flight {
    validators: Validators,
    progress: Mutex<Progress>,
    notifier: Condvar,
}

#[derive(Debug, Default)]
enum Progress {
    #[default]
    Asked,
    /// The first row has come.
    Rows,
    Completed(Completion),
}

/// The result of a flight.
#[derive(Clone)]
enum Completion {
    /// The entry as it would be stored.
    Rows(Arc<[u8]>),
    /// An error, or rows that cannot be stored: every waiter queries the database itself.
    Nothing,
}

impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Completion")
    }
}

/// Held by the reader that queries the database. Completes with the rows, or with nothing on drop.
#[derive(Debug)]
pub(super) struct Leader {
    key: Arc<str>,
    flight: Arc<Flight>,
    flights: Weak<Mutex<FlightTable>>,
}

enum Joined {
    Leader(Leader),
    Waiter(Arc<Flight>),
    /// A flight has just completed: its rows should be in the store.
    Completed,
    /// A flight under other tokens is running: query the database without sharing.
    Unshared,
}

impl EntryStore {
    /// A miss: waits for the rows of another reader if one is querying the database already; otherwise
    /// this reader becomes the leader. Only for connections outside a transaction, which hold no locks.
    pub(crate) fn join_flight(&self, permit: FillPermit, records: Records<'_>) -> Lookup {
        match self.flights.join_flight(&permit) {
            Joined::Unshared => Lookup::Miss(permit),
            Joined::Leader(leader) => match self.try_lead(&permit) {
                Role::Leader(stampede) => Lookup::Miss(permit.led_by(leader, stampede)),
                Role::Follower(entry) => {
                    leader.complete(entry.bytes());
                    Lookup::Hit(entry, permit.into_key())
                }
            },
            Joined::Completed => self.lookup(permit.key().to_owned(), records),
            Joined::Waiter(flight) => match flight.wait() {
                Some(entry) => match Entry::of(entry.to_vec(), self.max_inflated_bytes()) {
                    // They may have expired before this reader woke up.
                    Some(entry) if entry.is_valid(permit.validators()) => {
                        Lookup::Hit(Arc::new(entry), permit.into_key())
                    }
                    _ => Lookup::Miss(permit),
                },
                None => Lookup::Miss(permit),
            },
        }
    }
}

impl Flights {
    fn join_flight(&self, permit: &FillPermit) -> Joined {
        let mut flights = self.0.lock();
        match flights.of.get(permit.key()) {
            Some(FlightState::Running(flight)) if flight.validators.hold(permit.validators()) => {
                return Joined::Waiter(Arc::clone(flight));
            }
            Some(FlightState::Running(_)) => return Joined::Unshared,
            Some(FlightState::Completed { validators, at })
                if validators.hold(permit.validators()) && at.elapsed() < KEEP_COMPLETED =>
            {
                return Joined::Completed;
            }
            _ => {}
        }
        let flight = Arc::new(Flight {
            validators: permit.validators().clone(),
            progress: Mutex::default(),
            notifier: Condvar::new(),
        });
        let key: Arc<str> = permit.key().into();
        flights
            .of
            .insert(Arc::clone(&key), FlightState::Running(Arc::clone(&flight)));
        Joined::Leader(Leader {
            key,
            flight,
            flights: Arc::downgrade(&self.0),
        })
    }
}

impl Flight {
    /// The rows. `None` if there are none to share, or after [`MAX_WAIT`].
    fn wait(&self) -> Option<Arc<[u8]>> {
        let mut progress = self.progress.lock();
        let has_asked = |progress: &mut Progress| matches!(progress, Progress::Asked);
        self.notifier
            .wait_while_for(&mut progress, has_asked, MAX_WAIT);
        let has_rows = |progress: &mut Progress| matches!(progress, Progress::Rows);
        self.notifier
            .wait_while_for(&mut progress, has_rows, MAX_WAIT_FOR_ROWS);
        match &*progress {
            Progress::Completed(Completion::Rows(rows)) => Some(Arc::clone(rows)),
            _ => None,
        }
    }
}

impl Leader {
    /// Gives the rows to all waiters.
    pub(super) fn complete(&self, entry: &[u8]) {
        self.finish(Completion::Rows(entry.into()));
    }

    /// The first row has come.
    pub(super) fn has_rows(&self) {
        self.proceed(Progress::Rows);
    }

    fn finish(&self, completion: Completion) {
        self.proceed(Progress::Completed(completion));
    }

    fn proceed(&self, to: Progress) {
        let mut progress = self.flight.progress.lock();
        if !matches!(*progress, Progress::Completed(_)) {
            *progress = to;
            self.flight.notifier.notify_all();
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.finish(Completion::Nothing);
        let Some(flights) = self.flights.upgrade() else {
            return;
        };
        let progress = self.flight.progress.lock();
        let shared = matches!(*progress, Progress::Completed(Completion::Rows(_)));
        drop(progress);
        let mut flights = flights.lock();
        // Taken under the lock, so that `completed` is ordered by time.
        let now = Instant::now();
        if shared {
            flights.complete(&self.key, self.flight.validators.clone(), now);
        } else {
            flights.of.remove(&self.key);
        }
        flights.forget(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Validators {
        Validators {
            tokens: Vec::new(),
            proofs: Vec::new(),
        }
    }

    fn completed(of: &[(&str, Instant)]) -> FlightTable {
        let mut flights = FlightTable::default();
        for (key, at) in of {
            flights.complete(&Arc::from(*key), nothing(), *at);
        }
        flights
    }

    fn remembered(flights: &FlightTable) -> Vec<&str> {
        let mut keys: Vec<_> = flights.of.keys().map(|key| &**key).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn completed_flights_are_forgotten_after_a_while() {
        let start = Instant::now();
        let later = start + KEEP_COMPLETED / 2;
        let mut flights = completed(&[("a", start), ("b", later)]);
        flights.forget(later);
        assert_eq!(remembered(&flights), ["a", "b"]);
        flights.forget(start + KEEP_COMPLETED);
        assert_eq!(remembered(&flights), ["b"]);
        flights.forget(later + KEEP_COMPLETED);
        assert!(flights.of.is_empty() && flights.completed.is_empty());
    }

    #[test]
    fn a_flight_that_completed_again_is_recent() {
        let start = Instant::now();
        let mut flights = completed(&[("a", start), ("a", start + KEEP_COMPLETED / 2)]);
        flights.forget(start + KEEP_COMPLETED);
        assert_eq!(remembered(&flights), ["a"]);
    }

    fn flight() -> (Arc<Flight>, Leader) {
        let flight = Arc::new(Flight {
            validators: nothing(),
            progress: Mutex::default(),
            notifier: Condvar::new(),
        });
        let leader = Leader {
            key: "key".into(),
            flight: Arc::clone(&flight),
            flights: Weak::new(),
        };
        (flight, leader)
    }

    #[test]
    fn a_waiter_gives_up_on_a_leader_that_keeps_its_rows_to_itself() {
        let (flight, leader) = flight();
        leader.has_rows();
        assert!(flight.wait().is_none());
        // The next one still gets them, once they have all come.
        leader.complete(b"rows");
        assert_eq!(flight.wait().as_deref(), Some(b"rows".as_slice()));
    }

    #[test]
    fn waiters_ask_for_themselves_if_the_leader_has_nothing_to_share() {
        let (flight, leader) = flight();
        drop(leader);
        assert!(flight.wait().is_none());
    }

    /// This order cannot occur. It shows that nothing after the first recent flight is checked.
    #[test]
    fn forgetting_stops_at_the_first_recent_flight() {
        let start = Instant::now();
        let now = start + KEEP_COMPLETED;
        let mut flights = completed(&[("recent", now), ("old", start)]);
        for number in 0..100 {
            flights.complete(&Arc::from(number.to_string()), nothing(), start);
        }
        flights.forget(now);
        assert_eq!(flights.of.len(), 102);
    }
}
