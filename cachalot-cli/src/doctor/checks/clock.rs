//! Do the clocks agree?
//!
//! No row depends on it: the lease of a writer that crashed has to have ended by the clocks of both
//! the reader and the store. But times that are shown are those of the machine that wrote.

use std::time::{Duration, SystemTime};

use super::{Finding, Subject};
use crate::output::seconds_between;

const CHECK: &str = "clock";

/// Memcached tells whole seconds, by a clock that it looks at once in a second.
const TOLERANCE: u64 = 3;

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    let servers = subject.answering();
    let servers = servers.filter_map(|(server, answers)| {
        Some(agrees(
            server,
            answers.stats.number("time")?,
            answers.asked_at,
        ))
    });
    let mut findings: Vec<_> = servers.collect();
    findings.extend(writers(subject));
    findings
}

fn agrees(server: &str, theirs: u64, ours: u64) -> Finding {
    let apart = theirs.abs_diff(ours);
    if apart <= TOLERANCE {
        return Finding::ok(CHECK, format!("{server} and this machine agree"));
    }
    let which = if theirs > ours { "ahead of" } else { "behind" };
    Finding::warning(
        CHECK,
        format!(
            "{server} is {apart} s {which} this machine: the tables of a process that crashes may \
             stay uncached for so much longer"
        ),
        "let NTP set the clocks of both",
    )
}

/// A writer whose clock is ahead has left times that are yet to come.
fn writers(subject: &Subject) -> Option<Finding> {
    let tables = subject.cache.table_status::<&str>([]).ok()?;
    let last = tables
        .iter()
        .filter_map(|table| table.last_invalidation)
        .max()?;
    let ahead = -seconds_between(last, SystemTime::now());
    let tolerance = Duration::from_secs(TOLERANCE).as_secs_f64();
    (ahead > tolerance).then(|| {
        Finding::warning(
            CHECK,
            format!("a program that writes has a clock {ahead:.0} s ahead of this machine's"),
            "let NTP set the clocks of the programs' machines",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn seconds_that_memcached_rounds_away_do_not_count() {
        assert_eq!(agrees("a:1", 1000, 1002).level, Level::Ok);
        assert_eq!(agrees("a:1", 1060, 1000).level, Level::Warning);
        assert_eq!(agrees("a:1", 1000, 1060).level, Level::Warning);
    }
}
