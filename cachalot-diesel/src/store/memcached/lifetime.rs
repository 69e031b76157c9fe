//! The time to live of an item, as memcached expects it.

use std::time::Duration;

use crate::clock::now_millis;

/// Memcached takes a larger number of seconds for a Unix timestamp.
const MAX_RELATIVE_SECONDS: u64 = 30 * 24 * 60 * 60;

/// The largest timestamp that memcached supports: a signed 32-bit number.
const MAX_TIMESTAMP: u64 = i32::MAX as u64;

/// Whole seconds, rounded up, at least one; above 30 days a Unix timestamp.
pub(super) fn lifetime(ttl: Duration) -> u64 {
    // If the clock is before 1970, the item expires at once, which is a miss.
    lifetime_from(now_millis() / 1_000, ttl)
}

/// An item with a timestamp above [`MAX_TIMESTAMP`] expires after 30 days instead: memcached would read
/// the timestamp as one in the past.
fn lifetime_from(now: u64, ttl: Duration) -> u64 {
    let seconds = ttl
        .as_secs()
        .saturating_add(u64::from(ttl.subsec_nanos() > 0))
        .max(1);
    let date = now.saturating_add(seconds);
    if seconds > MAX_RELATIVE_SECONDS && date <= MAX_TIMESTAMP {
        date
    } else {
        seconds.min(MAX_RELATIVE_SECONDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn fractions_of_a_second_are_rounded_up() {
        assert_eq!(lifetime_from(NOW, Duration::ZERO), 1);
        assert_eq!(lifetime_from(NOW, Duration::from_nanos(1)), 1);
        assert_eq!(lifetime_from(NOW, Duration::from_millis(1_001)), 2);
        assert_eq!(lifetime_from(NOW, Duration::from_secs(7)), 7);
    }

    #[test]
    fn above_thirty_days_it_is_a_timestamp() {
        let forty = (DAY * 40).as_secs();
        assert_eq!(lifetime_from(NOW, DAY * 30), MAX_RELATIVE_SECONDS);
        assert_eq!(lifetime_from(NOW, DAY * 40), NOW + forty);
    }

    #[test]
    fn an_unsupported_timestamp_becomes_thirty_days() {
        assert_eq!(lifetime_from(NOW, DAY * 365 * 100), MAX_RELATIVE_SECONDS);
        assert_eq!(lifetime_from(NOW, Duration::MAX), MAX_RELATIVE_SECONDS);
    }
}
