//! Does memcached evict recently used items?

use std::time::Duration;

use super::{Finding, Subject};
use crate::{doctor::subject::Answers, output::roughly};

const CHECK: &str = "evictions";

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    let lease = subject.cache.write_lease();
    let servers = subject.answering();
    servers
        .map(|(server, answers)| old_enough(server, answers, lease))
        .collect()
}

fn old_enough(server: &str, answers: &Answers, lease: Duration) -> Finding {
    let evictions = answers.stats.number("evictions").unwrap_or_default();
    let evicted = answers
        .items
        .by_class("evicted")
        .filter(|(_, count)| *count > 0);
    // In each slab class with evictions: how long before its eviction the last item was used.
    let unused = evicted.filter_map(|(class, _)| {
        let mut times = answers.items.by_class("evicted_time");
        times.find_map(|(other, time)| (other == class).then_some(time))
    });
    let Some(unused) = unused.min().map(Duration::from_secs) else {
        return Finding::ok(CHECK, format!("{server} has evicted nothing"));
    };
    let found = format!(
        "{server} has evicted {evictions} items, recently one that was used {} before",
        roughly(unused)
    );
    let advice = "give memcached more memory (`-m`), or shorten CACHALOT_TIMEOUT so that old entries expire first";
    // If a version record is evicted while a write is in flight, reads may be stale.
    if unused <= lease {
        return Finding::problem(
            CHECK,
            format!("{found}: even version records with writes in flight may be lost"),
            advice,
        );
    }
    Finding::warning(CHECK, found, advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{doctor::Level, memcached::Statistics};

    fn level(items: &[(&str, &str)]) -> Level {
        let answers = Answers {
            stats: Statistics::of(&[("evictions", "7")]),
            items: Statistics::of(items),
            ..Answers::default()
        };
        old_enough("a:1", &answers, Duration::from_secs(30)).level
    }

    #[test]
    fn evictions_of_recently_used_items_are_a_problem() {
        assert_eq!(level(&[("items:1:evicted", "0")]), Level::Ok);
        let long_ago = [("items:1:evicted", "7"), ("items:1:evicted_time", "3600")];
        assert_eq!(level(&long_ago), Level::Warning);
        let just_now = [("items:2:evicted", "1"), ("items:2:evicted_time", "3")];
        assert_eq!(level(&[long_ago, just_now].concat()), Level::Problem);
    }
}
