use std::time::{Duration, Instant};

/// How long rows may still be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RemainingTtl {
    Forever,
    /// Never zero.
    For(Duration),
    /// Already expired: the query took longer than the time to live.
    Expired,
}

impl RemainingTtl {
    /// The remaining time to live of rows whose query was sent at `asked`. Their age counts
    /// from then, as the database may have read them at that moment.
    pub(crate) fn since(asked: Instant, ttl: Option<Duration>) -> Self {
        Self::left(ttl, asked.elapsed())
    }

    fn left(ttl: Option<Duration>, age: Duration) -> Self {
        match ttl {
            None => Self::Forever,
            Some(ttl) if ttl > age => Self::For(ttl - age),
            Some(_) => Self::Expired,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f04_the_time_to_live_counts_from_the_start_of_the_query() {
        let second = Duration::from_secs(1);
        assert_eq!(RemainingTtl::left(None, second), RemainingTtl::Forever);
        assert_eq!(
            RemainingTtl::left(Some(3 * second), second),
            RemainingTtl::For(2 * second)
        );
        assert_eq!(
            RemainingTtl::left(Some(second), second),
            RemainingTtl::Expired
        );
        assert_eq!(
            RemainingTtl::left(Some(second), 2 * second),
            RemainingTtl::Expired
        );
    }
}
