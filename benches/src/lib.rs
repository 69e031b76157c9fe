//! How the benchmarks measure: subjects take turns within one run, and medians are compared.

mod figure;
mod machine;
mod raw;
mod recorder;
mod samples;
mod turns;

pub use figure::{Figure, Target};
pub use machine::Machine;
pub use raw::RawSocket;
pub use recorder::Recorder;
pub use samples::{Samples, Spread};
pub use turns::{Results, Turns};
