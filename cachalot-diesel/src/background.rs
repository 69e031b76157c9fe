//! Background threads, and the pauses between their attempts.

use std::{sync::Arc, thread, time::Duration};

/// Runs `step` after each pause on a thread of its own. The thread ends when `step` returns no further
/// pause, or once nothing but the thread refers to `owner`.
///
/// Returns whether the thread could be started.
pub(crate) fn repeat<T: Send + Sync + 'static>(
    name: &str,
    owner: &Arc<T>,
    first_pause: Duration,
    mut step: impl FnMut(&Arc<T>) -> Option<Duration> + Send + 'static,
) -> bool {
    let owner = Arc::downgrade(owner);
    let run = move || {
        let mut pause = first_pause;
        loop {
            thread::sleep(pause);
            let next = owner.upgrade().and_then(|owner| step(&owner));
            match next {
                Some(next) => pause = next,
                None => return,
            }
        }
    };
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .is_ok()
}

/// A pause that doubles with each failure, up to a maximum.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    pause: Duration,
}

impl Backoff {
    pub(crate) const fn new(min: Duration, max: Duration) -> Self {
        Self {
            min,
            max,
            pause: min,
        }
    }

    pub(crate) fn pause(&self) -> Duration {
        self.pause
    }

    pub(crate) fn lengthen(&mut self) {
        self.pause = (self.pause * 2).min(self.max);
    }

    pub(crate) fn reset(&mut self) {
        self.pause = self.min;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const SHORT: Duration = Duration::from_millis(1);

    #[test]
    fn a_thread_ends_when_there_is_no_further_pause() {
        let (steps, seen) = mpsc::channel();
        let mut left = 3;
        let owner = Arc::new(());
        assert!(repeat("cachalot-test", &owner, SHORT, move |_| {
            left -= 1;
            steps.send(left).ok()?;
            (left > 0).then_some(SHORT)
        }));
        assert_eq!(seen.iter().collect::<Vec<_>>(), [2, 1, 0]);
    }

    #[test]
    fn a_thread_ends_with_its_owner() {
        let (steps, seen) = mpsc::channel();
        let owner = Arc::new(());
        assert!(repeat("cachalot-test", &owner, SHORT, move |_| {
            steps.send(()).ok()?;
            Some(SHORT)
        }));
        seen.recv().unwrap();
        drop(owner);
        // Ends only if the thread drops its sender.
        seen.iter().for_each(drop);
    }

    #[test]
    fn the_pause_doubles_up_to_its_maximum() {
        let mut backoff = Backoff::new(SHORT, SHORT * 3);
        assert_eq!(backoff.pause(), SHORT);
        backoff.lengthen();
        assert_eq!(backoff.pause(), SHORT * 2);
        backoff.lengthen();
        assert_eq!(backoff.pause(), SHORT * 3);
        backoff.reset();
        assert_eq!(backoff.pause(), SHORT);
    }
}
