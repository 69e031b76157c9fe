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

use super::{Cachalot, Dependency, Entry, Known, Lookup, Permit, herd::Turn};
use crate::protocol::Token;

/// How long a reader waits for another. Beyond this, whatever holds the other up may be waiting
/// for a lock that this reader's own session holds.
const PATIENCE: Duration = Duration::from_secs(5);
/// For so long a reader that missed before a flight has landed may come to board after it.
const RECENT: Duration = Duration::from_secs(1);

/// The flights of a cache.
#[derive(Debug, Default)]
pub(super) struct Flights(Arc<Mutex<Tracks>>);

#[derive(Debug, Default)]
struct Tracks {
    /// By the key of their entry.
    of: HashMap<Arc<str>, Track>,
    /// Those that have landed, in the order in which they did.
    landed: VecDeque<(Instant, Arc<str>)>,
}

impl Tracks {
    fn land(&mut self, key: &Arc<str>, tokens: Vec<Token>, at: Instant) {
        let landed = Track::Landed { tokens, at };
        self.of.insert(Arc::clone(key), landed);
        self.landed.push_back((at, Arc::clone(key)));
    }

    /// Forgets those that landed long ago, and looks at no more than one that did not: a process may
    /// have thousands of recent ones, and everybody who lands waits for this.
    fn forget(&mut self, now: Instant) {
        while let Some((at, key)) = self.landed.front()
            && now.duration_since(*at) >= RECENT
        {
            // Another under the same key may have landed since, or be in the air.
            if matches!(self.of.get(key), Some(Track::Landed { at: last, .. }) if last == at) {
                self.of.remove(key);
            }
            self.landed.pop_front();
        }
    }
}

#[derive(Debug)]
enum Track {
    Flying(Arc<Flight>),
    Landed { tokens: Vec<Token>, at: Instant },
}

#[derive(Debug)]
struct Flight {
    tokens: Vec<Token>,
    landed: Mutex<Option<Landing>>,
    told: Condvar,
}

/// What came of a flight.
#[derive(Clone)]
enum Landing {
    /// The entry as it would be stored.
    Rows(Arc<[u8]>),
    /// An error, or rows that cannot be kept: everybody asks for himself.
    Nothing,
}

impl fmt::Debug for Landing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Landing")
    }
}

/// The duty of the one who asks: it lands with the rows, or with nothing when it is dropped.
#[derive(Debug)]
pub(super) struct Pilot {
    key: Arc<str>,
    flight: Arc<Flight>,
    flights: Weak<Mutex<Tracks>>,
}

enum Boarded {
    Pilot(Pilot),
    Passenger(Arc<Flight>),
    /// The rows must be in the store by now.
    Late,
    /// Rows under other tokens are being asked for.
    Alone,
}

impl Cachalot {
    /// A miss: waits for the rows of another reader if one is asking already, else lets this one ask
    /// for all. Only for connections outside a transaction, which hold no locks.
    pub(crate) fn board(
        &self,
        permit: Permit,
        dependencies: &[Dependency],
        known: &Known,
    ) -> Lookup {
        match self.inner.flights.board(&permit) {
            Boarded::Alone => Lookup::Miss(permit),
            Boarded::Pilot(pilot) => match self.queue(&permit) {
                Turn::Asks(herd) => Lookup::Miss(permit.piloted_by(pilot, herd)),
                Turn::Gets(entry) => {
                    pilot.land(entry.bytes());
                    Lookup::Hit(entry, permit.into_key())
                }
            },
            Boarded::Late => self.lookup(permit.key().to_owned(), dependencies, known),
            Boarded::Passenger(flight) => match flight.wait() {
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
    fn board(&self, permit: &Permit) -> Boarded {
        let mut flights = self.0.lock();
        match flights.of.get(permit.key()) {
            Some(Track::Flying(flight)) if flight.tokens == permit.tokens() => {
                return Boarded::Passenger(Arc::clone(flight));
            }
            Some(Track::Flying(_)) => return Boarded::Alone,
            Some(Track::Landed { tokens, at })
                if tokens == permit.tokens() && at.elapsed() < RECENT =>
            {
                return Boarded::Late;
            }
            _ => {}
        }
        let flight = Arc::new(Flight {
            tokens: permit.tokens().to_vec(),
            landed: Mutex::default(),
            told: Condvar::new(),
        });
        let key: Arc<str> = permit.key().into();
        flights
            .of
            .insert(Arc::clone(&key), Track::Flying(Arc::clone(&flight)));
        Boarded::Pilot(Pilot {
            key,
            flight,
            flights: Arc::downgrade(&self.0),
        })
    }
}

impl Flight {
    /// The rows, unless there are none to share or the wait is too long.
    fn wait(&self) -> Option<Arc<[u8]>> {
        let mut landed = self.landed.lock();
        self.told
            .wait_while_for(&mut landed, |landed| landed.is_none(), PATIENCE);
        match landed.as_ref()? {
            Landing::Rows(rows) => Some(Arc::clone(rows)),
            Landing::Nothing => None,
        }
    }
}

impl Pilot {
    /// Hands the rows to everybody who waits.
    pub(super) fn land(&self, entry: &[u8]) {
        self.tell(Landing::Rows(entry.into()));
    }

    fn tell(&self, landing: Landing) {
        let mut landed = self.flight.landed.lock();
        if landed.is_none() {
            *landed = Some(landing);
            self.flight.told.notify_all();
        }
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        self.tell(Landing::Nothing);
        let Some(flights) = self.flights.upgrade() else {
            return;
        };
        let shared = matches!(*self.flight.landed.lock(), Some(Landing::Rows(_)));
        let mut flights = flights.lock();
        // Under the lock, so that the order is that of the times.
        let now = Instant::now();
        if shared {
            flights.land(&self.key, self.flight.tokens.clone(), now);
        } else {
            flights.of.remove(&self.key);
        }
        flights.forget(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn landed(of: &[(&str, Instant)]) -> Tracks {
        let mut tracks = Tracks::default();
        for (key, at) in of {
            tracks.land(&Arc::from(*key), Vec::new(), *at);
        }
        tracks
    }

    fn known(tracks: &Tracks) -> Vec<&str> {
        let mut keys: Vec<_> = tracks.of.keys().map(|key| &**key).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn flights_are_forgotten_when_they_landed_long_ago() {
        let start = Instant::now();
        let later = start + RECENT / 2;
        let mut tracks = landed(&[("a", start), ("b", later)]);
        tracks.forget(later);
        assert_eq!(known(&tracks), ["a", "b"]);
        tracks.forget(start + RECENT);
        assert_eq!(known(&tracks), ["b"]);
        tracks.forget(later + RECENT);
        assert!(tracks.of.is_empty() && tracks.landed.is_empty());
    }

    #[test]
    fn a_flight_that_landed_again_is_recent() {
        let start = Instant::now();
        let mut tracks = landed(&[("a", start), ("a", start + RECENT / 2)]);
        tracks.forget(start + RECENT);
        assert_eq!(known(&tracks), ["a"]);
    }

    /// Such an order does not come about; it shows that nothing behind the first is looked at.
    #[test]
    fn forgetting_stops_at_the_first_that_is_recent() {
        let start = Instant::now();
        let now = start + RECENT;
        let mut tracks = landed(&[("recent", now), ("old", start)]);
        for number in 0..100 {
            tracks.land(&Arc::from(number.to_string()), Vec::new(), start);
        }
        tracks.forget(now);
        assert_eq!(tracks.of.len(), 102);
    }
}
