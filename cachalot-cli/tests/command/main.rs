//! The command as its users run it.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of tests fails by panicking, like a test"
)]

mod analyze;
mod codes;
mod doctor;
mod invalidate;
mod runner;
mod status;
mod watch;
