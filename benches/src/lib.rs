//! How the benchmarks measure: subjects take turns within one run, and medians are compared.

mod raw;
mod turns;

pub use raw::RawSocket;
pub use turns::{Figure, Turns};
