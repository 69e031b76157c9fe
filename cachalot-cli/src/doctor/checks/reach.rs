//! Can the store be reached, and is it fast enough?

use std::time::Duration;

use super::{Finding, Subject};

const CHECK: &str = "reach";

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    if subject.servers.is_empty() {
        return vec![Finding::warning(
            CHECK,
            format!(
                "{} is a store within each process",
                subject.cache.store_name()
            ),
            "set CACHALOT_URL=memcache://host:port, unless only one process writes to the database",
        )];
    }
    let timeout = subject.cache.store_timeout();
    let servers = subject.servers.iter();
    servers
        .map(|server| match &server.answers {
            Ok(answers) => in_time(&server.name, answers.round_trip, timeout),
            Err(error) => Finding::problem(
                CHECK,
                format!("{} does not answer: {error}", server.name),
                "start memcached there, or correct CACHALOT_URL; until then reads of entries on this \
                 server go to the database",
            ),
        })
        .collect()
}

fn in_time(server: &str, round_trip: Duration, timeout: Duration) -> Finding {
    let found = format!("{server} answers in {round_trip:.1?}");
    if round_trip * 2 > timeout {
        return Finding::warning(
            CHECK,
            format!("{found}, with a timeout of {timeout:?}"),
            "move memcached closer, or increase CACHALOT_STORE_TIMEOUT",
        );
    }
    Finding::ok(CHECK, found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn half_of_the_timeout_is_too_slow() {
        let limit = Duration::from_millis(100);
        let level = |millis| in_time("a:1", Duration::from_millis(millis), limit).level;
        assert_eq!(level(1), Level::Ok);
        assert_eq!(level(51), Level::Warning);
    }
}
