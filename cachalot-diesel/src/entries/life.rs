use std::time::{Duration, Instant};

/// How long rows may still be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Forever,
    /// Never zero.
    For(Duration),
    /// Already expired: the query took longer than the time to live.
    Over,
}

impl Life {
    /// The remaining time to live of rows whose query was sent at `asked`. Their age counts
    /// from then, as the database may have read them at that moment.
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
    fn f04_the_time_to_live_counts_from_the_start_of_the_query() {
        let second = Duration::from_secs(1);
        assert_eq!(Life::left(None, second), Life::Forever);
        assert_eq!(Life::left(Some(3 * second), second), Life::For(2 * second));
        assert_eq!(Life::left(Some(second), second), Life::Over);
        assert_eq!(Life::left(Some(second), 2 * second), Life::Over);
    }
}
