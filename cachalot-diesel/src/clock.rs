//! The machine's clock, in milliseconds since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time now. A clock before 1970 counts as 1970.
pub(crate) fn now_millis() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| {
            u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
        })
}

/// `None` if the system cannot represent that time.
pub(crate) fn system_time(millis: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}
