//! Does memcached accept the largest results that the cache would store?

use super::{Finding, Subject};

const CHECK: &str = "item_size";

/// The key, the item's header and the entry's header.
const OVERHEAD_BYTES: u64 = 8 * 1024;

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    let largest = subject.cache.max_value_bytes() as u64;
    let servers = subject.answering();
    servers
        .filter_map(|(server, answers)| {
            let limit = answers.settings.number("item_size_max")?;
            Some(fits(server, limit, largest))
        })
        .collect()
}

fn fits(server: &str, limit: u64, largest: u64) -> Finding {
    if limit >= largest.saturating_add(OVERHEAD_BYTES) {
        return Finding::ok(
            CHECK,
            format!("{server} accepts items of {limit} bytes, results have up to {largest}"),
        );
    }
    Finding::warning(
        CHECK,
        format!(
            "{server} accepts items of {limit} bytes, but results have up to {largest}: larger ones \
             are sent, but never stored"
        ),
        format!(
            "start memcached with `-I {}k`, or set CACHALOT_MAX_VALUE_BYTES={}",
            largest.saturating_add(OVERHEAD_BYTES).div_ceil(1024),
            limit.saturating_sub(OVERHEAD_BYTES)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn the_default_limits_fit() {
        assert_eq!(fits("a:1", 1024 * 1024, 1_000_000).level, Level::Ok);
        assert_eq!(fits("a:1", 512 * 1024, 1_000_000).level, Level::Warning);
    }
}
