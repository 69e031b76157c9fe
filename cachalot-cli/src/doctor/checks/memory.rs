//! Does memcached have enough memory for its slab classes?

use super::{Finding, Subject};
use crate::output::megabytes;

const CHECK: &str = "memory";

/// Memcached's default. It assigns memory to about forty slab classes in pages of a megabyte, so with
/// less some classes get none.
const MIN_LIMIT_BYTES: u64 = 64 * 1024 * 1024;

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
        "{server} has a limit of {}, and uses {}",
        megabytes(limit),
        megabytes(used)
    );
    if limit < MIN_LIMIT_BYTES {
        return Finding::warning(
            CHECK,
            format!("{found}: too little for all of its slab classes"),
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
    fn the_default_limit_is_enough() {
        assert_eq!(enough("a:1", MIN_LIMIT_BYTES, 0).level, Level::Ok);
        assert_eq!(enough("a:1", MIN_LIMIT_BYTES / 2, 0).level, Level::Warning);
    }
}
