//! How long an item lives, as memcached reads it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use memcache::exp::Ttl;

/// Memcached reads a number of seconds above this one as a date.
const LONGEST_RELATIVE: u64 = 30 * 24 * 60 * 60;

/// The last date that memcached can read: it is a signed number of 32 bits.
const LAST_DATE: u64 = i32::MAX as u64;

/// Whole seconds, rounded up, at least one; above 30 days a date.
///
/// An item whose date memcached could not read lives for 30 days: a later date is accepted and
/// then taken for one in the past.
pub(super) fn lifetime(ttl: Duration) -> Ttl {
    let seconds = ttl
        .as_secs()
        .saturating_add(u64::from(ttl.subsec_nanos() > 0))
        .max(1);
    // A clock before 1970 reads as 1970; the server then takes the date for a past one: a miss.
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    // A minute, since the crate looks at the clock again when it sends.
    let fits = now.saturating_add(seconds).saturating_add(60) <= LAST_DATE;
    let seconds = if fits {
        seconds
    } else {
        seconds.min(LONGEST_RELATIVE)
    };
    Ttl::secs(u32::try_from(seconds).unwrap_or(30 * 24 * 60 * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn a_part_of_a_second_counts_as_a_whole_one() {
        assert_eq!(lifetime(Duration::ZERO), Ttl::secs(1));
        assert_eq!(lifetime(Duration::from_nanos(1)), Ttl::secs(1));
        assert_eq!(lifetime(Duration::from_millis(1_001)), Ttl::secs(2));
        assert_eq!(lifetime(Duration::from_secs(7)), Ttl::secs(7));
    }

    #[test]
    fn a_time_that_memcached_cannot_read_is_cut_to_thirty_days() {
        assert_eq!(lifetime(DAY * 40), Ttl::secs(40 * 24 * 60 * 60));
        assert_eq!(lifetime(DAY * 365 * 100), Ttl::secs(30 * 24 * 60 * 60));
        assert_eq!(lifetime(Duration::MAX), Ttl::secs(30 * 24 * 60 * 60));
    }
}
