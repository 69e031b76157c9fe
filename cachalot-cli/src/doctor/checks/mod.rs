//! One check a file. A check that has nothing to look at finds nothing.

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

/// A check, which may ask the database.
type Check = fn(&mut Subject) -> Vec<Finding>;

/// In the order in which they are told.
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
