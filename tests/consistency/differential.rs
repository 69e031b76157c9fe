//! No read through the cache differs from a plain one, whatever the database does by itself.

pub(crate) mod client;
mod reads;
mod schedule;
pub(crate) mod schema;
mod typed;
pub(crate) mod writes;

use std::env;

use self::schedule::{Counts, Schedule, Writers};
use super::{
    Conn, DATABASE, connection_type, dialect as fixtures_dialect, differential_dialect as dialect,
    spy_store, world,
};

/// Compared reads.
const STEPS: usize = 6_000;
/// After so many another schema comes.
const STEPS_OF_A_SCHEMA: usize = 1_500;

fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let text = env::var(variable).ok()?;
    let number = text.parse().ok();
    assert!(
        number.is_some(),
        "{variable} is `{text}`; it must be a number"
    );
    number
}

/// `CACHALOT_DIFFERENTIAL_STEPS` and `CACHALOT_DIFFERENTIAL_SEED` make it longer, or the same again.
#[test]
fn no_read_differs_from_a_plain_one() {
    let steps = number("CACHALOT_DIFFERENTIAL_STEPS").unwrap_or(STEPS);
    let first = number("CACHALOT_DIFFERENTIAL_SEED").unwrap_or_else(|| fastrand::u64(..));
    let mut total = Counts::default();
    let mut seed = first;
    // A few schemas may have hardly any triggers or keys.
    let has_few = |total: &Counts| total.behind * 400 < total.reads && total.reads < 3 * steps;
    while total.reads < steps || has_few(&total) {
        let mut schedule = Schedule::new(seed);
        while schedule.counts.reads < STEPS_OF_A_SCHEMA {
            if let Err(difference) = schedule.step(Writers::Watched) {
                panic!("{DATABASE}: {difference}");
            }
        }
        total.add(schedule.counts);
        seed = seed.wrapping_add(1);
    }
    println!("{DATABASE}, from seed {first}: {total:?}");

    // What is compared has to be worth it. A connection whose batch has failed is not cached until its
    // next transaction ends (t06), which keeps the hits down.
    let percent = |part: usize, whole: usize| part * 100 / whole.max(1);
    assert!(percent(total.hits, total.reads) >= 25, "hits: {total:?}");
    let kept = percent(total.lone_hits, total.lone_reads);
    assert!(kept >= 90, "hits of what no write touched: {total:?}");
    let failed = percent(total.failed_writes, total.writes);
    assert!(failed <= 60, "writes that failed: {total:?}");
    assert!(
        total.behind * 400 >= total.reads,
        "changes behind the statement: {total:?}"
    );
    assert!(total.commits > 0 && total.rollbacks > 0, "{total:?}");
}

/// The comparison finds what is not invalidated.
#[test]
fn reads_that_differ_are_found() {
    let found = (0..20).any(|seed| {
        let mut schedule = Schedule::new(seed);
        (0..30).any(|_| schedule.step(Writers::Unwatched).is_err())
    });
    assert!(found, "nobody invalidated anything, and no read was stale");
}
