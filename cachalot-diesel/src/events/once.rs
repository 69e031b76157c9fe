//! Which warnings this process has given already.

use std::{collections::HashSet, sync::LazyLock};

use parking_lot::Mutex;

/// So many are remembered; then all are forgotten, rather than none told any more.
const MOST: usize = 64;

static TOLD: LazyLock<Mutex<HashSet<(&'static str, String)>>> = LazyLock::new(Mutex::default);

/// Is it the first time that this event has this cause?
pub(super) fn is_first(event: &'static str, cause: &str) -> bool {
    let mut told = TOLD.lock();
    if told.len() >= MOST {
        told.clear();
    }
    told.insert((event, cause.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_told_once() {
        let event = "cachalot.test";
        assert!(is_first(event, "a") && is_first(event, "b"));
        assert!(!is_first(event, "a") && !is_first(event, "b"));
        assert!(is_first("cachalot.another_test", "a"));
    }
}
