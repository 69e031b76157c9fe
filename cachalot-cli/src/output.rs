//! Formats output: lines of JSON, and human-readable times and sizes.

use std::{
    io::Write,
    time::{Duration, SystemTime},
};

use serde::Serialize;

use crate::Failure;

pub(crate) fn json_line(out: &mut impl Write, answer: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, answer)?;
    writeln!(out)?;
    Ok(())
}

pub(crate) fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

/// Seconds from `time` to `now`; negative if another machine's clock is ahead.
pub(crate) fn seconds_between(time: SystemTime, now: SystemTime) -> f64 {
    match now.duration_since(time) {
        Ok(past) => past.as_secs_f64(),
        Err(ahead) => -ahead.duration().as_secs_f64(),
    }
}

/// `3m 20s`: the two largest units.
pub(crate) fn roughly(length: Duration) -> String {
    let whole = humantime::format_duration(Duration::from_secs(length.as_secs())).to_string();
    let units: Vec<_> = whole.split(' ').take(2).collect();
    units.join(" ")
}

/// As in `64.0 MB`. A megabyte is 1024 × 1024 bytes, as in memcached's options.
pub(crate) fn megabytes(bytes: u64) -> String {
    let whole = bytes / (1024 * 1024);
    let tenths = bytes % (1024 * 1024) * 10 / (1024 * 1024);
    format!("{whole}.{tenths} MB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_sizes_are_rounded_down() {
        assert_eq!(roughly(Duration::from_millis(200_900)), "3m 20s");
        assert_eq!(roughly(Duration::from_secs(90_061)), "1day 1h");
        assert_eq!(roughly(Duration::ZERO), "0s");
        assert_eq!(megabytes(64 * 1024 * 1024), "64.0 MB");
        assert_eq!(megabytes(1024 * 1024 * 3 / 2), "1.5 MB");
    }

    #[test]
    fn a_clock_that_is_ahead_gives_negative_seconds() {
        let now = SystemTime::now();
        let second = Duration::from_secs(1);
        assert!((seconds_between(now - second, now) - 1.0).abs() < 1e-6);
        assert!((seconds_between(now + second, now) + 1.0).abs() < 1e-6);
    }
}
