use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// What reads and writes cost on real servers, with the cache and without.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// Measures only what has a target, in half a minute, and writes nothing
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measures only these parts; the report has the others empty
    #[arg(
        long,
        value_name = "PART",
        value_delimiter = ',',
        conflicts_with = "quick"
    )]
    pub(crate) only: Vec<Section>,
    /// Measures nothing, and writes the report of a folder's results.json again
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["quick", "only"])]
    pub(crate) redraw: Option<PathBuf>,
    /// Cargo says so to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Section {
    /// The figures that have a target
    Targets,
    /// Other ways of not asking the database
    Rivals,
    /// More and more rows from more and more tables, on three databases
    Sizes,
    /// Many readers of one new question
    Cold,
    /// One namespace over several memcached processes
    Servers,
    /// Readers beside a writer
    Rates,
}

impl Options {
    pub(crate) fn read() -> Self {
        Self::parse()
    }
}
