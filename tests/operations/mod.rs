//! The handle, its settings, and what an operator sees.

mod handle;
mod keys_in_the_store;
mod observability;
mod secrets;
mod settings;
mod support_selftest;

use super::*;
