//! Concurrent cold readers of one query send one statement.
//!
//! The first of them asks the database, the others wait for its rows. A reader shares rows only if
//! it has itself seen the tables calm under the very tokens that the one who asks has seen: then
//! they are to it what an entry under those tokens is, and never older than its own start.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use super::{Cachalot, Dependency, Entry, Known, Lookup, Permit, herd::Turn};
use crate::protocol::Token;

/// How long a reader waits for another. Beyond this, whatever holds the other up may be waiting
/// for a lock that this reader's own session holds.
const PATIENCE: Duration = Duration::from_secs(5);
/// For so long a reader that missed before a flight has landed may come to board after it.
const RECENT: Duration = Duration::from_secs(1);
/// Beyond this many, flights that landed long ago are forgotten.
const MANY: usize = 64;

/// The flights of a cache, by the key of their entry.
#[derive(Debug, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<String, Track>>>);

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
    key: String,
    flight: Arc<Flight>,
    flights: Weak<Mutex<HashMap<String, Track>>>,
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
                    Lookup::Hit(entry)
                }
            },
            Boarded::Late => self.lookup(permit.key().to_owned(), dependencies, known),
            Boarded::Passenger(flight) => match flight.wait() {
                Some(entry) => match Entry::of(entry.to_vec(), self.most_inflated()) {
                    Some(entry) => Lookup::Hit(Arc::new(entry)),
                    None => Lookup::Miss(permit),
                },
                None => Lookup::Miss(permit),
            },
        }
    }
}

impl Flights {
    fn board(&self, permit: &Permit) -> Boarded {
        let mut flights = lock(&self.0);
        match flights.get(permit.key()) {
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
        let key = permit.key().to_owned();
        flights.insert(key.clone(), Track::Flying(Arc::clone(&flight)));
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
        let (landed, _) = self
            .told
            .wait_timeout_while(lock(&self.landed), PATIENCE, |landed| landed.is_none())
            .unwrap_or_else(PoisonError::into_inner);
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
        let mut landed = lock(&self.flight.landed);
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
        let shared = matches!(*lock(&self.flight.landed), Some(Landing::Rows(_)));
        let mut flights = lock(&flights);
        if shared {
            let landed = Track::Landed {
                tokens: self.flight.tokens.clone(),
                at: Instant::now(),
            };
            flights.insert(self.key.clone(), landed);
        } else {
            flights.remove(&self.key);
        }
        if flights.len() > MANY {
            flights.retain(|_, known| match known {
                Track::Flying(_) => true,
                Track::Landed { at, .. } => at.elapsed() < RECENT,
            });
        }
    }
}

/// Nothing that runs under these locks can leave half a state behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
