//! Has memcached rejected connections?

use super::{Finding, Subject};
use crate::memcached::Statistics;

const CHECK: &str = "connections";

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    let servers = subject.answering();
    servers
        .filter_map(|(server, answers)| enough(server, &answers.stats))
        .collect()
}

fn enough(server: &str, stats: &Statistics) -> Option<Finding> {
    let open = stats.number("curr_connections")?;
    let limit = stats.number("max_connections")?;
    let rejected = stats.number("rejected_connections").unwrap_or_default()
        + stats.number("listen_disabled_num").unwrap_or_default();
    let found = format!("{server} has {open} of {limit} connections open");
    let advice = "start memcached with a larger `-c`; a thread that reads keeps a connection";
    Some(if rejected > 0 {
        Finding::warning(CHECK, format!("{found}, and has rejected some"), advice)
    } else if open * 10 > limit * 8 {
        Finding::warning(CHECK, found, advice)
    } else {
        Finding::ok(CHECK, found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    fn level(open: &str, rejected: &str) -> Level {
        let stats = Statistics::of(&[
            ("curr_connections", open),
            ("max_connections", "1024"),
            ("rejected_connections", rejected),
        ]);
        enough("a:1", &stats).unwrap().level
    }

    #[test]
    fn few_left_or_some_rejected_is_a_warning() {
        assert_eq!(level("10", "0"), Level::Ok);
        assert_eq!(level("1000", "0"), Level::Warning);
        assert_eq!(level("10", "1"), Level::Warning);
    }
}
