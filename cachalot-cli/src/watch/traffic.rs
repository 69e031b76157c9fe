use std::{
    io,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::memcached::Connection;

/// The sums of the servers' counters at a moment.
pub(super) struct Counts {
    at: Instant,
    found: u64,
    missing: u64,
    writes: u64,
    evictions: u64,
}

/// The traffic between two moments, of all clients of the servers.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Traffic {
    pub(super) reads_per_second: f64,
    /// The share of the reads that found an item.
    pub(super) hit_rate: Option<f64>,
    pub(super) writes_per_second: f64,
    pub(super) evictions: u64,
}

impl Counts {
    pub(super) fn ask(servers: &[String]) -> io::Result<Self> {
        let mut counts = Self {
            at: Instant::now(),
            found: 0,
            missing: 0,
            writes: 0,
            evictions: 0,
        };
        for server in servers {
            let stats = Connection::open(server)?.statistics("stats")?;
            let number = |name| stats.number(name).unwrap_or_default();
            counts.found += number("get_hits");
            counts.missing += number("get_misses");
            counts.writes += number("cmd_set");
            counts.evictions += number("evictions");
        }
        Ok(counts)
    }

    /// `None` if there was no traffic, or a server was restarted.
    pub(super) fn since(&self, before: &Self) -> Option<Traffic> {
        let found = self.found.checked_sub(before.found)?;
        let missing = self.missing.checked_sub(before.missing)?;
        let writes = self.writes.checked_sub(before.writes)?;
        let evictions = self.evictions.checked_sub(before.evictions)?;
        let reads = found + missing;
        let length = self.at.saturating_duration_since(before.at);
        (reads + writes + evictions > 0).then(|| Traffic {
            reads_per_second: per_second(reads, length),
            hit_rate: (reads > 0).then(|| ratio(found, reads)),
            writes_per_second: per_second(writes, length),
            evictions,
        })
    }
}

fn per_second(count: u64, length: Duration) -> f64 {
    tenths(to_float(count) / length.as_secs_f64().max(0.001))
}

fn ratio(part: u64, whole: u64) -> f64 {
    (to_float(part) / to_float(whole) * 1000.0).round() / 1000.0
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[allow(clippy::cast_precision_loss, reason = "the lost digits are not shown")]
fn to_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(at: Instant, [found, missing, writes, evictions]: [u64; 4]) -> Counts {
        Counts {
            at,
            found,
            missing,
            writes,
            evictions,
        }
    }

    #[test]
    fn rates_are_per_second() {
        let start = Instant::now();
        let before = counts(start, [100, 10, 5, 0]);
        let after = counts(start + Duration::from_secs(2), [190, 20, 6, 3]);
        let expected = Traffic {
            reads_per_second: 50.0,
            hit_rate: Some(0.9),
            writes_per_second: 0.5,
            evictions: 3,
        };
        assert_eq!(after.since(&before), Some(expected));
        assert_eq!(before.since(&before), None, "nothing happened");
    }

    #[test]
    fn there_is_no_rate_after_a_restart() {
        let start = Instant::now();
        let before = counts(start, [100, 10, 5, 0]);
        assert_eq!(counts(start, [3, 0, 0, 0]).since(&before), None);
    }
}
