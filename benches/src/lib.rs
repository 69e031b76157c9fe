//! How the benchmarks measure: subjects take turns within one run, and medians are compared.

mod figure;
mod machine;
mod raw;
mod recorder;
mod rounds;
mod samples;

pub use figure::{Figure, Target};
pub use machine::Machine;
pub use raw::RawSocket;
pub use recorder::Recorder;
pub use rounds::{Results, Rounds};
pub use samples::{Samples, Spread};
