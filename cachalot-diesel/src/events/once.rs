//! Which warnings this process has already logged.

use std::{collections::HashSet, sync::LazyLock};

use parking_lot::Mutex;

/// How many warnings are remembered. Beyond that all are forgotten, so that warnings may repeat but
/// none is suppressed for ever.
const MAX_REMEMBERED: usize = 64;

static LOGGED: LazyLock<Mutex<HashSet<(&'static str, String)>>> = LazyLock::new(Mutex::default);

/// Is this the first event with this cause?
pub(super) fn is_first(event: &'static str, cause: &str) -> bool {
    let mut logged = LOGGED.lock();
    if logged.len() >= MAX_REMEMBERED {
        logged.clear();
    }
    logged.insert((event, cause.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_first_once() {
        let event = "cachalot.test";
        assert!(is_first(event, "a") && is_first(event, "b"));
        assert!(!is_first(event, "a") && !is_first(event, "b"));
        assert!(is_first("cachalot.another_test", "a"));
    }
}
