//! Do the clocks agree?
//!
//! Correctness does not depend on it: the lease of a crashed writer has to expire by the clocks of both
//! the reader and the store. But displayed times are those of the machine that wrote.

use std::time::{Duration, SystemTime};

use super::{Finding, Subject};
use crate::output::seconds_between;

const CHECK: &str = "clock";

/// Memcached returns whole seconds, by a clock that it updates once per second.
const TOLERANCE_SECONDS: u64 = 3;

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    let servers = subject.answering();
    let servers = servers.filter_map(|(server, answers)| {
        Some(compare(
            server,
            answers.stats.number("time")?,
            answers.asked_at,
        ))
    });
    let mut findings: Vec<_> = servers.collect();
    findings.extend(writers(subject));
    findings
}

fn compare(server: &str, theirs: u64, ours: u64) -> Finding {
    let apart = theirs.abs_diff(ours);
    if apart <= TOLERANCE_SECONDS {
        return Finding::ok(
            CHECK,
            format!("the clocks of {server} and this machine agree"),
        );
    }
    let which = if theirs > ours { "ahead of" } else { "behind" };
    Finding::warning(
        CHECK,
        format!(
            "the clock of {server} is {apart} s {which} this machine's: after a crash, tables may not \
             be cached for that much longer"
        ),
        "synchronise both clocks with NTP",
    )
}

/// A writer whose clock is ahead leaves times in the future.
fn writers(subject: &Subject) -> Option<Finding> {
    let tables = subject.cache.table_status::<&str>([]).ok()?;
    let last = tables
        .iter()
        .filter_map(|table| table.last_invalidation)
        .max()?;
    let ahead = -seconds_between(last, SystemTime::now());
    let tolerance = Duration::from_secs(TOLERANCE_SECONDS).as_secs_f64();
    (ahead > tolerance).then(|| {
        Finding::warning(
            CHECK,
            format!("the clock of a writing program is {ahead:.0} s ahead of this machine's"),
            "synchronise the clocks of the programs' machines with NTP",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn small_differences_are_ignored() {
        assert_eq!(compare("a:1", 1000, 1002).level, Level::Ok);
        assert_eq!(compare("a:1", 1060, 1000).level, Level::Warning);
        assert_eq!(compare("a:1", 1000, 1060).level, Level::Warning);
    }
}
