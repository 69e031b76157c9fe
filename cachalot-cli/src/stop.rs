//! When a command that goes on by itself ends: at its time, or when it is told to.

use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use crate::Failure;

/// Ctrl-C, a hang-up or a termination, or the end of the given time.
pub(crate) struct Stop {
    told: Receiver<()>,
    end: Option<Instant>,
}

impl Stop {
    pub(crate) fn after(length: Option<Duration>) -> Result<Self, Failure> {
        let (tell, told) = mpsc::channel();
        // Whoever tells it twice is not heard the second time.
        let handler = move || {
            let _ = tell.send(());
        };
        ctrlc::set_handler(handler)
            .map_err(|error| Failure::could(format!("signals cannot be received: {error}")))?;
        let end = length.and_then(|length| Instant::now().checked_add(length));
        Ok(Self { told, end })
    }

    /// Waits; whether there is time left.
    pub(crate) fn wait(&self, pause: Duration) -> bool {
        let left = self
            .end
            .map(|end| end.saturating_duration_since(Instant::now()));
        let pause = left.map_or(pause, |left| left.min(pause));
        let told = self.told.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
        !told && self.end.is_none_or(|end| Instant::now() < end)
    }
}
