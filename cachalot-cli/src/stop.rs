//! When a continuous command ends: after a given time, or on a signal.

use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use crate::Failure;

/// SIGINT, SIGHUP or SIGTERM, or the end of the given time.
pub(crate) struct Stop {
    signals: Receiver<()>,
    end: Option<Instant>,
}

impl Stop {
    pub(crate) fn after(length: Option<Duration>) -> Result<Self, Failure> {
        let (sender, signals) = mpsc::channel();
        let handler = move || {
            // After the first signal the receiver may be gone.
            let _ = sender.send(());
        };
        ctrlc::set_handler(handler)
            .map_err(|error| Failure::failed(format!("cannot handle signals: {error}")))?;
        let end = length.and_then(|length| Instant::now().checked_add(length));
        Ok(Self { signals, end })
    }

    /// Waits for `pause`. Returns `false` if the command has to end.
    pub(crate) fn wait(&self, pause: Duration) -> bool {
        let left = self
            .end
            .map(|end| end.saturating_duration_since(Instant::now()));
        let pause = left.map_or(pause, |left| left.min(pause));
        let signalled = self.signals.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
        !signalled && self.end.is_none_or(|end| Instant::now() < end)
    }
}
