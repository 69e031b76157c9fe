//! Is the memory that memcached may take enough for its own way to divide it?

use super::{Finding, Subject};
use crate::output::megabytes;

const CHECK: &str = "memory";

/// Memcached's own default. Each class of item sizes takes its memory by the megabyte, and there are
/// some forty of them: with less, some get none.
const ENOUGH: u64 = 64 * 1024 * 1024;

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    let servers = subject.answering();
    servers
        .filter_map(|(server, answers)| {
            let used = answers.stats.number("bytes").unwrap_or_default();
            Some(enough(
                server,
                answers.stats.number("limit_maxbytes")?,
                used,
            ))
        })
        .collect()
}

fn enough(server: &str, limit: u64, used: u64) -> Finding {
    let found = format!(
        "{server} may take {}, and has {} in it",
        megabytes(limit),
        megabytes(used)
    );
    if limit < ENOUGH {
        return Finding::warning(
            CHECK,
            format!("{found}: too little to give each size of item its share"),
            "start memcached with `-m 64` or more",
        );
    }
    Finding::ok(CHECK, found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn memcacheds_own_default_is_enough() {
        assert_eq!(enough("a:1", ENOUGH, 0).level, Level::Ok);
        assert_eq!(enough("a:1", ENOUGH / 2, 0).level, Level::Warning);
    }
}
