//! Concurrent cold readers of one query send one statement.
//!
//! The first of them asks the database, the others wait for its rows. A reader shares rows only if
//! it has itself seen the tables calm under the very tokens that the one who asks has seen: then
//! they are to it what an entry under those tokens is, and never older than its own start.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::{Entry, EntryStore, FillPermit, Lookup, stampede::Role};
use crate::protocol::{Records, Token};

/// How long a reader waits for another. Beyond this, whatever holds the other up may be waiting
/// for a lock that this reader's own session holds.
const PATIENCE: Duration = Duration::from_secs(5);
/// For so long a reader that missed before a flight has completed may come to board after it.
const RECENT: Duration = Duration::from_secs(1);

/// The flights of a cache.
#[derive(Debug, Default)]
pub(super) struct Flights(Arc<Mutex<FlightTable>>);

#[derive(Debug, Default)]
struct FlightTable {
    /// By the key of their entry.
    of: HashMap<Arc<str>, FlightState>,
    /// Those that have completed, in the order in which they did.
    completed: VecDeque<(Instant, Arc<str>)>,
}

impl FlightTable {
    fn complete(&mut self, key: &Arc<str>, tokens: Vec<Token>, at: Instant) {
        let completed = FlightState::Completed { tokens, at };
        self.of.insert(Arc::clone(key), completed);
        self.completed.push_back((at, Arc::clone(key)));
    }

    /// Forgets those that completed long ago, and looks at no more than one that did not: a process may
    /// have thousands of recent ones, and everybody who completes waits for this.
    fn forget(&mut self, now: Instant) {
        while let Some((at, key)) = self.completed.front()
            && now.duration_since(*at) >= RECENT
        {
            // Another under the same key may have completed since, or be in the air.
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
    Completed { tokens: Vec<Token>, at: Instant },
}

#[derive(Debug)]
struct Flight {
    tokens: Vec<Token>,
    completed: Mutex<Option<Completion>>,
    notify: Condvar,
}

/// What came of a flight.
#[derive(Clone)]
enum Completion {
    /// The entry as it would be stored.
    Rows(Arc<[u8]>),
    /// An error, or rows that cannot be kept: everybody asks for himself.
    Nothing,
}

impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Completion")
    }
}

/// The duty of the one who asks: it completes with the rows, or with nothing when it is dropped.
#[derive(Debug)]
pub(super) struct Leader {
    key: Arc<str>,
    flight: Arc<Flight>,
    flights: Weak<Mutex<FlightTable>>,
}

enum Joined {
    Leader(Leader),
    Waiter(Arc<Flight>),
    /// The rows must be in the store by now.
    Late,
    /// Rows under other tokens are being asked for.
    Alone,
}

impl EntryStore {
    /// A miss: waits for the rows of another reader if one is asking already, else lets this one ask
    /// for all. Only for connections outside a transaction, which hold no locks.
    pub(crate) fn join_flight(&self, permit: FillPermit, records: Records<'_>) -> Lookup {
        match self.flights.join_flight(&permit) {
            Joined::Alone => Lookup::Miss(permit),
            Joined::Leader(leader) => match self.try_lead(&permit) {
                Role::Leader(stampede) => Lookup::Miss(permit.led_by(leader, stampede)),
                Role::Follower(entry) => {
                    leader.complete(entry.bytes());
                    Lookup::Hit(entry, permit.into_key())
                }
            },
            Joined::Late => self.lookup(permit.key().to_owned(), records),
            Joined::Waiter(flight) => match flight.wait() {
                Some(entry) => match Entry::of(entry.to_vec(), self.most_inflated()) {
                    // Whoever asked may have been given them long before this reader woke up.
                    Some(entry) if entry.may_be_given(permit.tokens()) => {
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
            Some(FlightState::Running(flight)) if flight.tokens == permit.tokens() => {
                return Joined::Waiter(Arc::clone(flight));
            }
            Some(FlightState::Running(_)) => return Joined::Alone,
            Some(FlightState::Completed { tokens, at })
                if tokens == permit.tokens() && at.elapsed() < RECENT =>
            {
                return Joined::Late;
            }
            _ => {}
        }
        let flight = Arc::new(Flight {
            tokens: permit.tokens().to_vec(),
            completed: Mutex::default(),
            notify: Condvar::new(),
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
    /// The rows, unless there are none to share or the wait is too long.
    fn wait(&self) -> Option<Arc<[u8]>> {
        let mut completed = self.completed.lock();
        self.notify
            .wait_while_for(&mut completed, |completed| completed.is_none(), PATIENCE);
        match completed.as_ref()? {
            Completion::Rows(rows) => Some(Arc::clone(rows)),
            Completion::Nothing => None,
        }
    }
}

impl Leader {
    /// Hands the rows to everybody who waits.
    pub(super) fn complete(&self, entry: &[u8]) {
        self.tell(Completion::Rows(entry.into()));
    }

    fn tell(&self, landing: Completion) {
        let mut completed = self.flight.completed.lock();
        if completed.is_none() {
            *completed = Some(landing);
            self.flight.notify.notify_all();
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.tell(Completion::Nothing);
        let Some(flights) = self.flights.upgrade() else {
            return;
        };
        let shared = matches!(*self.flight.completed.lock(), Some(Completion::Rows(_)));
        let mut flights = flights.lock();
        // Under the lock, so that the order is that of the times.
        let now = Instant::now();
        if shared {
            flights.complete(&self.key, self.flight.tokens.clone(), now);
        } else {
            flights.of.remove(&self.key);
        }
        flights.forget(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(of: &[(&str, Instant)]) -> FlightTable {
        let mut tracks = FlightTable::default();
        for (key, at) in of {
            tracks.complete(&Arc::from(*key), Vec::new(), *at);
        }
        tracks
    }

    fn known(tracks: &FlightTable) -> Vec<&str> {
        let mut keys: Vec<_> = tracks.of.keys().map(|key| &**key).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn flights_are_forgotten_when_they_landed_long_ago() {
        let start = Instant::now();
        let later = start + RECENT / 2;
        let mut tracks = completed(&[("a", start), ("b", later)]);
        tracks.forget(later);
        assert_eq!(known(&tracks), ["a", "b"]);
        tracks.forget(start + RECENT);
        assert_eq!(known(&tracks), ["b"]);
        tracks.forget(later + RECENT);
        assert!(tracks.of.is_empty() && tracks.completed.is_empty());
    }

    #[test]
    fn a_flight_that_landed_again_is_recent() {
        let start = Instant::now();
        let mut tracks = completed(&[("a", start), ("a", start + RECENT / 2)]);
        tracks.forget(start + RECENT);
        assert_eq!(known(&tracks), ["a"]);
    }

    /// Such an order does not come about; it shows that nothing behind the first is looked at.
    #[test]
    fn forgetting_stops_at_the_first_that_is_recent() {
        let start = Instant::now();
        let now = start + RECENT;
        let mut tracks = completed(&[("recent", now), ("old", start)]);
        for number in 0..100 {
            tracks.complete(&Arc::from(number.to_string()), Vec::new(), start);
        }
        tracks.forget(now);
        assert_eq!(tracks.of.len(), 102);
    }
}
