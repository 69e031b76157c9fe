//! A run for people: Markdown with plots, and all of it as JSON.

mod chart;
mod dots;
mod markdown;
mod plots;
mod scale;
mod style;

use std::{fs, path::Path};

use super::results::Run;

/// Writes `results.json`, `README.md` and the plots into the folder.
pub(crate) fn write(run: &Run, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let json = serde_json::to_string_pretty(run).unwrap();
    fs::write(folder.join("results.json"), json + "\n").unwrap();
    fs::write(folder.join("README.md"), markdown::of(run)).unwrap();
    plots::draw(run, folder);
}
