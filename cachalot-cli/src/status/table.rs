use std::time::{Duration, SystemTime};

use cachalot_diesel::TableStatus;
use serde::Serialize;

use crate::output::{rfc3339, roughly, seconds_between};

pub(super) const HEADER: [&str; 4] = ["table", "version", "last invalidation", "writers in flight"];

/// The status of a table.
#[derive(Serialize)]
pub(super) struct Row {
    table: String,
    version: Option<String>,
    last_invalidation: Option<String>,
    /// Negative if the clock of the machine that invalidated it is ahead of this machine's.
    seconds_since: Option<f64>,
    writers_in_flight: usize,
}

impl Row {
    pub(super) fn of(status: TableStatus, now: SystemTime) -> Self {
        let last = status.last_invalidation;
        Self {
            table: status.table,
            version: status.version,
            last_invalidation: last.map(rfc3339),
            seconds_since: last.map(|time| seconds_between(time, now)),
            writers_in_flight: status.writers_in_flight,
        }
    }

    pub(super) fn cells(&self) -> [String; 4] {
        let name = if self.table == "*" {
            "(everything)"
        } else {
            &self.table
        };
        let version = match &self.version {
            Some(version) => version.get(..8).unwrap_or(version),
            None => "no record",
        };
        let last = match (&self.last_invalidation, self.seconds_since) {
            (Some(time), Some(seconds)) => format!("{time} ({})", ago(seconds)),
            _ => "unknown".to_owned(),
        };
        [
            name.to_owned(),
            version.to_owned(),
            last,
            self.writers_in_flight.to_string(),
        ]
    }
}

fn ago(seconds: f64) -> String {
    let length = roughly(Duration::try_from_secs_f64(seconds.abs()).unwrap_or(Duration::MAX));
    if seconds < 0.0 {
        format!("{length} ahead of this clock")
    } else {
        format!("{length} ago")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_the_future_is_shown_as_such() {
        assert_eq!(ago(200.9), "3m 20s ago");
        assert_eq!(ago(-5.5), "5s ahead of this clock");
    }
}
