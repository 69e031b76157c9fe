//! Whether a server is worth asking: after a failure it is left alone for a while.
//!
//! Without it every read would wait for the whole time limit of a frozen server.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// The first pause after a failure; every probe that fails doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause: a server that came back is used again no later than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The switch of one server: closed while it answers, open after it failed.
#[derive(Debug)]
pub(super) struct Breaker {
    /// The only thing that is looked at while the server is well.
    open: AtomicBool,
    pause: Mutex<Pause>,
    /// How long a probe may take; nobody else probes meanwhile.
    probe_time: Duration,
}

#[derive(Debug)]
struct Pause {
    length: Duration,
    /// When the next caller may ask the server.
    ends: Instant,
}

/// Leave to ask the server. Its holder reports what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// The server was well when last seen.
    Usual,
    /// The server failed; this caller finds out whether it is back.
    Probe,
}

impl Breaker {
    pub(super) fn new(probe_time: Duration) -> Self {
        let pause = Pause {
            length: FIRST_PAUSE,
            ends: Instant::now(),
        };
        Self {
            open: AtomicBool::new(false),
            pause: Mutex::new(pause),
            probe_time,
        }
    }

    /// Leave to ask the server, or `None` while it is left alone.
    pub(super) fn admit(&self) -> Option<Pass> {
        if !self.open.load(Ordering::Acquire) {
            return Some(Pass::Usual);
        }
        let mut pause = self.pause();
        let now = Instant::now();
        if !self.open.load(Ordering::Acquire) {
            return Some(Pass::Usual);
        }
        if now < pause.ends {
            return None;
        }
        pause.ends = now + self.probe_time.max(pause.length);
        Some(Pass::Probe)
    }

    /// The server answered. Returns whether this is news.
    pub(super) fn succeeded(&self) -> bool {
        // Under the lock, so that it does not cross a failure that is being noted.
        self.open.load(Ordering::Acquire) && {
            let _pause = self.pause();
            self.open.swap(false, Ordering::AcqRel)
        }
    }

    /// The server did not answer. Returns whether this is news.
    pub(super) fn failed(&self, pass: Pass) -> bool {
        let mut pause = self.pause();
        let was_open = self.open.load(Ordering::Acquire);
        match pass {
            Pass::Probe => pause.length = (pause.length * 2).min(LONGEST_PAUSE),
            // Others were waiting for the same failure: they do not make the pause longer.
            Pass::Usual if was_open => return false,
            Pass::Usual => pause.length = FIRST_PAUSE,
        }
        pause.ends = Instant::now() + pause.length;
        self.open.store(true, Ordering::Release);
        !was_open
    }

    /// A thread that panicked with the lock in hand left a whole `Pause` behind.
    fn pause(&self) -> MutexGuard<'_, Pause> {
        self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the next probe due now, so that a test need not wait for it.
    #[cfg(test)]
    pub(super) fn end_pause(&self) {
        self.pause().ends = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(Duration::from_secs(60))
    }

    #[test]
    fn a_server_that_answers_is_always_asked() {
        let breaker = breaker();
        assert!(!breaker.succeeded());
        assert_eq!(breaker.admit(), Some(Pass::Usual));
        assert_eq!(breaker.admit(), Some(Pass::Usual));
    }

    #[test]
    fn after_a_failure_one_caller_probes_and_the_others_are_turned_away() {
        let breaker = breaker();
        breaker.failed(Pass::Usual);
        assert_eq!(breaker.admit(), None);
        breaker.end_pause();
        assert_eq!(breaker.admit(), Some(Pass::Probe));
        assert_eq!(breaker.admit(), None);
    }

    #[test]
    fn a_probe_that_succeeds_lets_everybody_in() {
        let breaker = breaker();
        breaker.failed(Pass::Usual);
        breaker.end_pause();
        assert_eq!(breaker.admit(), Some(Pass::Probe));
        assert!(breaker.succeeded());
        assert_eq!(breaker.admit(), Some(Pass::Usual));
    }

    #[test]
    fn each_failed_probe_doubles_the_pause_up_to_its_limit() {
        let breaker = breaker();
        breaker.failed(Pass::Usual);
        assert_eq!(breaker.pause().length, FIRST_PAUSE);
        breaker.failed(Pass::Probe);
        assert_eq!(breaker.pause().length, FIRST_PAUSE * 2);
        for _ in 0..100 {
            breaker.failed(Pass::Probe);
        }
        assert_eq!(breaker.pause().length, LONGEST_PAUSE);
    }

    #[test]
    fn callers_that_fail_together_count_once() {
        let breaker = breaker();
        assert!(breaker.failed(Pass::Usual));
        let ends = breaker.pause().ends;
        assert!(!breaker.failed(Pass::Usual));
        assert_eq!(breaker.pause().length, FIRST_PAUSE);
        assert_eq!(breaker.pause().ends, ends);
    }
}
