//! One check per file. A check with nothing to examine returns no findings.

pub(super) mod catalog;
mod clock;
mod connections;
mod database;
mod evictions;
mod item_size;
mod memory;
mod reach;
mod servers;
mod settings;
mod tables;
mod version;

use super::{Finding, Subject};

/// A check. It may query the database.
type Check = fn(&mut Subject) -> Vec<Finding>;

/// In the order of the output.
pub(super) const ALL: &[Check] = &[
    reach::check,
    version::check,
    settings::check,
    item_size::check,
    memory::check,
    evictions::check,
    connections::check,
    clock::check,
    servers::check,
    database::check,
    catalog::check,
    tables::check,
];
