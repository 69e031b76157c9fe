//! How long to measure.

use std::time::Duration;

use cachalot_benches::Rounds;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Of what takes some ten microseconds.
    pub(crate) rounds: usize,
    /// For one comparison.
    pub(crate) limit: Duration,
}

impl Pace {
    pub(crate) fn rounds<'a>(self) -> Rounds<'a> {
        Rounds::new(self.rounds, self.limit)
    }

    /// For what takes so many times as long.
    pub(crate) fn slower(self, times: usize) -> Self {
        Self {
            rounds: self.rounds / times,
            ..self
        }
    }
}
