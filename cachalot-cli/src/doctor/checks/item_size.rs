//! Does memcached take the largest results that the cache would store?

use super::{Finding, Subject};

const CHECK: &str = "item_size";

/// The key, the item's header and the entry's own, beside the rows.
const AROUND: u64 = 8 * 1024;

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
    if limit >= largest.saturating_add(AROUND) {
        return Finding::ok(
            CHECK,
            format!("{server} takes {limit} bytes, results have up to {largest}"),
        );
    }
    Finding::warning(
        CHECK,
        format!(
            "{server} takes items of {limit} bytes and results may have {largest}: the largest are \
             sent there in vain each time"
        ),
        format!(
            "start memcached with `-I {}k`, or set CACHALOT_MAX_VALUE_BYTES={}",
            largest.saturating_add(AROUND).div_ceil(1024),
            limit.saturating_sub(AROUND)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn the_defaults_of_both_fit() {
        assert_eq!(fits("a:1", 1024 * 1024, 1_000_000).level, Level::Ok);
        assert_eq!(fits("a:1", 512 * 1024, 1_000_000).level, Level::Warning);
    }
}
