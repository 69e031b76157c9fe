//! The circuit breaker of a server.
//!
//! Without it every read would wait for the timeout of a frozen server. A background thread (the
//! prober) finds out whether the server is back, so that reads never wait for that. Only if the
//! thread cannot be started, a caller probes.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::background::Backoff;

const MIN_PROBE_PAUSE: Duration = Duration::from_millis(100);

/// It should be short: for that long, plus the time of a probe, a writer may keep invalidations pending
/// for a server that others already use again.
const MAX_PROBE_PAUSE: Duration = Duration::from_millis(500);

/// Closed while the server answers, open after it failed.
#[derive(Debug)]
pub(super) struct Breaker {
    /// All that is read while the server works.
    open: AtomicBool,
    pause: Mutex<Pause>,
    /// How long a probe may take. There is no other probe during that time.
    probe_time: Duration,
}

#[derive(Debug)]
struct Pause {
    backoff: Backoff,
    /// When the next caller may probe, if there is no prober.
    ends: Instant,
    has_prober: bool,
}

/// Permission to use the server. Its holder reports the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// The breaker is closed.
    Usual,
    /// The breaker is open; this caller probes the server.
    Probe,
}

impl Breaker {
    pub(super) fn new(probe_time: Duration) -> Self {
        let pause = Pause {
            backoff: Backoff::new(MIN_PROBE_PAUSE, MAX_PROBE_PAUSE),
            ends: Instant::now(),
            has_prober: false,
        };
        Self {
            open: AtomicBool::new(false),
            pause: Mutex::new(pause),
            probe_time,
        }
    }

    /// Permission to use the server, or `None` while the breaker is open.
    pub(super) fn admit(&self) -> Option<Admission> {
        if !self.open.load(Ordering::Acquire) {
            return Some(Admission::Usual);
        }
        let mut pause = self.pause.lock();
        let now = Instant::now();
        if !self.open.load(Ordering::Acquire) {
            return Some(Admission::Usual);
        }
        if pause.has_prober || now < pause.ends {
            return None;
        }
        pause.ends = now + self.probe_time.max(pause.backoff.pause());
        Some(Admission::Probe)
    }

    /// The server answered. Returns whether this closed the breaker.
    pub(super) fn succeeded(&self) -> bool {
        // Under the lock, so that it does not interleave with a failure.
        self.open.load(Ordering::Acquire) && {
            let _pause = self.pause.lock();
            self.open.swap(false, Ordering::AcqRel)
        }
    }

    /// The server did not answer. Returns whether this opened the breaker.
    pub(super) fn failed(&self, admission: Admission) -> bool {
        let mut pause = self.pause.lock();
        let was_open = self.open.load(Ordering::Acquire);
        match admission {
            Admission::Probe => pause.backoff.lengthen(),
            // Concurrent calls run into the same failure: they do not prolong the pause.
            Admission::Usual if was_open => return false,
            Admission::Usual => pause.backoff.reset(),
        }
        pause.ends = Instant::now() + pause.backoff.pause();
        self.open.store(true, Ordering::Release);
        !was_open
    }

    /// Whether the caller has to start the prober. Returns `true` to one caller only.
    pub(super) fn needs_prober(&self) -> bool {
        let mut pause = self.pause.lock();
        self.open.load(Ordering::Acquire) && !std::mem::replace(&mut pause.has_prober, true)
    }

    /// The prober could not be started.
    pub(super) fn prober_failed(&self) {
        self.pause.lock().has_prober = false;
    }

    /// How long the prober waits before the next probe. `None` once the server answers; the prober
    /// must then end.
    pub(super) fn next_probe(&self) -> Option<Duration> {
        let mut pause = self.pause.lock();
        if self.open.load(Ordering::Acquire) {
            return Some(pause.backoff.pause());
        }
        pause.has_prober = false;
        None
    }

    /// Lets the next caller probe now, as if there were no prober.
    #[cfg(test)]
    pub(super) fn end_pause(&self) {
        let mut pause = self.pause.lock();
        pause.ends = Instant::now();
        pause.has_prober = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(Duration::from_secs(60))
    }

    #[test]
    fn a_closed_breaker_admits_everybody() {
        let breaker = breaker();
        assert!(!breaker.succeeded());
        assert_eq!(breaker.admit(), Some(Admission::Usual));
        assert_eq!(breaker.admit(), Some(Admission::Usual));
    }

    #[test]
    fn an_open_breaker_admits_one_probe_after_the_pause() {
        let breaker = breaker();
        breaker.failed(Admission::Usual);
        assert_eq!(breaker.admit(), None);
        breaker.end_pause();
        assert_eq!(breaker.admit(), Some(Admission::Probe));
        assert_eq!(breaker.admit(), None);
    }

    #[test]
    fn a_successful_probe_closes_the_breaker() {
        let breaker = breaker();
        breaker.failed(Admission::Usual);
        breaker.end_pause();
        assert_eq!(breaker.admit(), Some(Admission::Probe));
        assert!(breaker.succeeded());
        assert_eq!(breaker.admit(), Some(Admission::Usual));
    }

    #[test]
    fn each_failed_probe_doubles_the_pause_up_to_its_limit() {
        let breaker = breaker();
        breaker.failed(Admission::Usual);
        assert_eq!(breaker.pause.lock().backoff.pause(), MIN_PROBE_PAUSE);
        breaker.failed(Admission::Probe);
        assert_eq!(breaker.pause.lock().backoff.pause(), MIN_PROBE_PAUSE * 2);
        for _ in 0..100 {
            breaker.failed(Admission::Probe);
        }
        assert_eq!(breaker.pause.lock().backoff.pause(), MAX_PROBE_PAUSE);
    }

    #[test]
    fn no_caller_probes_while_there_is_a_prober() {
        let breaker = breaker();
        assert!(!breaker.needs_prober(), "it is closed");
        breaker.failed(Admission::Usual);
        breaker.end_pause();
        assert!(breaker.needs_prober());
        assert!(!breaker.needs_prober(), "there is one");
        assert_eq!(breaker.admit(), None);
        assert_eq!(breaker.next_probe(), Some(MIN_PROBE_PAUSE));
        breaker.prober_failed();
        assert_eq!(breaker.admit(), Some(Admission::Probe));
    }

    #[test]
    fn the_prober_ends_when_the_server_is_back() {
        let breaker = breaker();
        breaker.failed(Admission::Usual);
        assert!(breaker.needs_prober());
        breaker.succeeded();
        assert_eq!(breaker.next_probe(), None);
        breaker.failed(Admission::Usual);
        assert!(breaker.needs_prober(), "the next failure needs another");
    }

    #[test]
    fn concurrent_failures_count_once() {
        let breaker = breaker();
        assert!(breaker.failed(Admission::Usual));
        let ends = breaker.pause.lock().ends;
        assert!(!breaker.failed(Admission::Usual));
        assert_eq!(breaker.pause.lock().backoff.pause(), MIN_PROBE_PAUSE);
        assert_eq!(breaker.pause.lock().ends, ends);
    }
}
