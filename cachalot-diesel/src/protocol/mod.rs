//! The protocol: what a version record says, which moves on it are allowed, and who makes them when.
//! Pure functions, no I/O: the cache calls them, and so does the model checker.
//!
//! Per table there is one version [`Record`], and one more, the *epoch*, for the whole namespace.
//! A writer puts its id into the records of the tables it is about to change, commits, and then
//! gives the records new tokens and takes its id out. A reader trusts an entry only if the entry
//! carries the very tokens that the records show now and no writer is in flight. Tokens are random
//! and never repeat, so a record that was lost can only cause misses.

mod dependency;
mod lineage;
#[cfg(test)]
mod model;
mod read;
mod record;
mod token;
mod write;
mod writes;

pub(crate) use dependency::{
    Agreed, ByFamily, Dependency, DependencyKind, EPOCH, EPOCHS, Epoch, Records,
};
pub(crate) use lineage::Lineage;
pub(crate) use read::{Look, Member, is_crashed, is_current, is_due, look, member};
pub(crate) use record::{Families, Record, State, Writer};
pub(crate) use token::{Token, WriterId};
pub(crate) use write::{End, begin, end, end_unread};
pub use writes::{Events, Writes};
