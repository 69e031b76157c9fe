//! Waiting for something that another thread, process or server does.

use std::thread;
use std::time::{Duration, Instant};

/// Returns as soon as `condition` holds, which it asks every few milliseconds.
///
/// # Panics
///
/// If it does not hold within `deadline`, with a message that says `what` was awaited.
pub fn wait_until(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(
            start.elapsed() < deadline,
            "waited {deadline:?} in vain until {what}"
        );
        thread::sleep(Duration::from_millis(5));
    }
}
