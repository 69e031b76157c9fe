//! What a run found out, as it is kept in `results.json`.

use cachalot_benches::{Figure, Machine, Spread};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    /// `2026-01-31`, UTC.
    pub(crate) date: String,
    pub(crate) machine: Machine,
    /// The load of the machine's last minute when the run ended.
    pub(crate) load_after: String,
    /// Servers and libraries with their versions.
    pub(crate) software: Vec<String>,
    pub(crate) figures: Vec<Figure>,
    pub(crate) sizes: Vec<Size>,
    pub(crate) baseline_rows: Vec<i32>,
    pub(crate) baselines: Vec<Baseline>,
    pub(crate) rates: Vec<Rate>,
    pub(crate) cold: Vec<Cold>,
    pub(crate) servers: Vec<Servers>,
}

/// One read of some rows from some tables. Times are in microseconds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Size {
    pub(crate) database: String,
    pub(crate) tables: usize,
    pub(crate) rows: i32,
    pub(crate) plain: Spread,
    pub(crate) hit: Spread,
    pub(crate) miss: Spread,
}

/// One way of not asking the database.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Baseline {
    pub(crate) name: String,
    /// Microseconds a read, for each of [`Run::baseline_rows`].
    pub(crate) times: Vec<Spread>,
}

/// Readers beside a writer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Rate {
    pub(crate) work: String,
    pub(crate) readers: usize,
    pub(crate) writes_a_minute: u32,
    /// The share of the cached reads that were hits.
    pub(crate) hit_rate: f64,
    /// Reads a second of all readers together.
    pub(crate) cached: f64,
    pub(crate) plain: f64,
}

/// Readers that send the same query at the same time, for which there is no entry yet.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cold {
    /// Caches that know of each other only through memcached.
    pub(crate) processes: usize,
    /// Of all of them together.
    pub(crate) readers: usize,
    /// With `CACHALOT_STAMPEDE_WAIT`.
    #[serde(alias = "herd")]
    pub(crate) stampede_protection: bool,
    /// Microseconds until the last of them has its rows.
    pub(crate) cached: Spread,
    pub(crate) plain: Spread,
    /// Statements that reached the database for one question of all of them, on average.
    pub(crate) statements: f64,
}

/// One namespace over several memcached processes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Servers {
    pub(crate) servers: usize,
    /// Microseconds that one reader waits for a hit.
    pub(crate) hit: Spread,
    /// Hits a second of several readers together.
    pub(crate) throughput: f64,
}
