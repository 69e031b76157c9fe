//! How long an item lives, as memcached reads it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Memcached reads a number of seconds above this one as a date.
const LONGEST_RELATIVE: u64 = 30 * 24 * 60 * 60;

/// The last date that memcached can read: it is a signed number of 32 bits.
const LAST_DATE: u64 = i32::MAX as u64;

/// Whole seconds, rounded up, at least one; above 30 days a date.
pub(super) fn lifetime(ttl: Duration) -> u64 {
    // A clock before 1970 reads as 1970; the server then takes the date for a past one: a miss.
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    lifetime_from(now, ttl)
}

/// An item whose date memcached could not read lives for 30 days: a later date is accepted and
/// then taken for one in the past.
fn lifetime_from(now: u64, ttl: Duration) -> u64 {
    let seconds = ttl
        .as_secs()
        .saturating_add(u64::from(ttl.subsec_nanos() > 0))
        .max(1);
    let date = now.saturating_add(seconds);
    if seconds > LONGEST_RELATIVE && date <= LAST_DATE {
        date
    } else {
        seconds.min(LONGEST_RELATIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn a_part_of_a_second_counts_as_a_whole_one() {
        assert_eq!(lifetime_from(NOW, Duration::ZERO), 1);
        assert_eq!(lifetime_from(NOW, Duration::from_nanos(1)), 1);
        assert_eq!(lifetime_from(NOW, Duration::from_millis(1_001)), 2);
        assert_eq!(lifetime_from(NOW, Duration::from_secs(7)), 7);
    }

    #[test]
    fn above_thirty_days_it_is_a_date() {
        let forty = (DAY * 40).as_secs();
        assert_eq!(lifetime_from(NOW, DAY * 30), LONGEST_RELATIVE);
        assert_eq!(lifetime_from(NOW, DAY * 40), NOW + forty);
    }

    #[test]
    fn a_date_that_memcached_cannot_read_is_cut_to_thirty_days() {
        assert_eq!(lifetime_from(NOW, DAY * 365 * 100), LONGEST_RELATIVE);
        assert_eq!(lifetime_from(NOW, Duration::MAX), LONGEST_RELATIVE);
    }
}
