//! Whether a server is worth asking: after a failure it is left alone for a while.
//!
//! Without it every read would wait for the whole time limit of a frozen server. Whether the server
//! is back is found out by a thread that attends to it, so that no read ever waits for that; only
//! where the system has no thread to spare does a caller do it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// The first pause after a failure; every probe that fails doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause. For so long, and the time of a probe, may a writer take a server for dead that
/// others use again, and so owe it an invalidation: keep it short.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

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
    /// When the next caller may ask the server, if nobody attends to it.
    ends: Instant,
    /// A thread probes the server: callers need not.
    attended: bool,
}

/// Leave to ask the server. Its holder reports what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
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
            attended: false,
        };
        Self {
            open: AtomicBool::new(false),
            pause: Mutex::new(pause),
            probe_time,
        }
    }

    /// Leave to ask the server, or `None` while it is left alone.
    pub(super) fn admit(&self) -> Option<Admission> {
        if !self.open.load(Ordering::Acquire) {
            return Some(Admission::Usual);
        }
        let mut pause = self.pause.lock();
        let now = Instant::now();
        if !self.open.load(Ordering::Acquire) {
            return Some(Admission::Usual);
        }
        if pause.attended || now < pause.ends {
            return None;
        }
        pause.ends = now + self.probe_time.max(pause.length);
        Some(Admission::Probe)
    }

    /// The server answered. Returns whether this is news.
    pub(super) fn succeeded(&self) -> bool {
        // Under the lock, so that it does not cross a failure that is being noted.
        self.open.load(Ordering::Acquire) && {
            let _pause = self.pause.lock();
            self.open.swap(false, Ordering::AcqRel)
        }
    }

    /// The server did not answer. Returns whether this is news.
    pub(super) fn failed(&self, pass: Admission) -> bool {
        let mut pause = self.pause.lock();
        let was_open = self.open.load(Ordering::Acquire);
        match pass {
            Admission::Probe => pause.length = (pause.length * 2).min(LONGEST_PAUSE),
            // Others were waiting for the same failure: they do not make the pause longer.
            Admission::Usual if was_open => return false,
            Admission::Usual => pause.length = FIRST_PAUSE,
        }
        pause.ends = Instant::now() + pause.length;
        self.open.store(true, Ordering::Release);
        !was_open
    }

    /// Whether the caller has to find somebody to spawn_prober to the server. Says so once.
    pub(super) fn is_to_be_attended(&self) -> bool {
        let mut pause = self.pause.lock();
        self.open.load(Ordering::Acquire) && !std::mem::replace(&mut pause.attended, true)
    }

    /// Nobody attends to the server after all.
    pub(super) fn left_unattended(&self) {
        self.pause.lock().attended = false;
    }

    /// How long who attends to the server waits before the next probe; `None` once the server
    /// answers, and then nobody attends to it any more.
    pub(super) fn next_probe(&self) -> Option<Duration> {
        let mut pause = self.pause.lock();
        if self.open.load(Ordering::Acquire) {
            return Some(pause.length);
        }
        pause.attended = false;
        None
    }

    /// Makes a probe by the next caller due now, as if nobody attended to the server.
    #[cfg(test)]
    pub(super) fn end_pause(&self) {
        let mut pause = self.pause.lock();
        pause.ends = Instant::now();
        pause.attended = false;
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
        assert_eq!(breaker.admit(), Some(Admission::Usual));
        assert_eq!(breaker.admit(), Some(Admission::Usual));
    }

    #[test]
    fn after_a_failure_one_caller_probes_and_the_others_are_turned_away() {
        let breaker = breaker();
        breaker.failed(Admission::Usual);
        assert_eq!(breaker.admit(), None);
        breaker.end_pause();
        assert_eq!(breaker.admit(), Some(Admission::Probe));
        assert_eq!(breaker.admit(), None);
    }

    #[test]
    fn a_probe_that_succeeds_lets_everybody_in() {
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
        assert_eq!(breaker.pause.lock().length, FIRST_PAUSE);
        breaker.failed(Admission::Probe);
        assert_eq!(breaker.pause.lock().length, FIRST_PAUSE * 2);
        for _ in 0..100 {
            breaker.failed(Admission::Probe);
        }
        assert_eq!(breaker.pause.lock().length, LONGEST_PAUSE);
    }

    #[test]
    fn while_somebody_attends_to_the_server_no_caller_probes() {
        let breaker = breaker();
        assert!(!breaker.is_to_be_attended(), "it is well");
        breaker.failed(Admission::Usual);
        breaker.end_pause();
        assert!(breaker.is_to_be_attended());
        assert!(!breaker.is_to_be_attended(), "somebody does");
        assert_eq!(breaker.admit(), None);
        assert_eq!(breaker.next_probe(), Some(FIRST_PAUSE));
        breaker.left_unattended();
        assert_eq!(breaker.admit(), Some(Admission::Probe));
    }

    #[test]
    fn a_server_that_is_back_is_left_by_who_attends_to_it() {
        let breaker = breaker();
        breaker.failed(Admission::Usual);
        assert!(breaker.is_to_be_attended());
        breaker.succeeded();
        assert_eq!(breaker.next_probe(), None);
        breaker.failed(Admission::Usual);
        assert!(
            breaker.is_to_be_attended(),
            "the next failure is attended to"
        );
    }

    #[test]
    fn callers_that_fail_together_count_once() {
        let breaker = breaker();
        assert!(breaker.failed(Admission::Usual));
        let ends = breaker.pause.lock().ends;
        assert!(!breaker.failed(Admission::Usual));
        assert_eq!(breaker.pause.lock().length, FIRST_PAUSE);
        assert_eq!(breaker.pause.lock().ends, ends);
    }
}
