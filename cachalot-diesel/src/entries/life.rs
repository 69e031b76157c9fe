use std::time::{Duration, Instant};

/// How long rows may still be given to readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Forever,
    /// More than nothing.
    For(Duration),
    /// Not at all: reading them took longer than they may live.
    Over,
}

impl Life {
    /// What is left to rows for which the database was asked at that moment; their age counts from
    /// there, as they may be of that moment.
    pub(crate) fn since(asked: Instant, ttl: Option<Duration>) -> Self {
        Self::left(ttl, asked.elapsed())
    }

    fn left(ttl: Option<Duration>, age: Duration) -> Self {
        match ttl {
            None => Self::Forever,
            Some(ttl) if ttl > age => Self::For(ttl - age),
            Some(_) => Self::Over,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f04_a_life_counts_from_the_moment_when_the_database_was_asked() {
        let second = Duration::from_secs(1);
        assert_eq!(Life::left(None, second), Life::Forever);
        assert_eq!(Life::left(Some(3 * second), second), Life::For(2 * second));
        assert_eq!(Life::left(Some(second), second), Life::Over);
        assert_eq!(Life::left(Some(second), 2 * second), Life::Over);
    }
}
