use std::{fs, process::Command, thread};

use serde::{Deserialize, Serialize};

/// What the measurements ran on. What the system does not tell is empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// How many processors this process may use: one if it was pinned to one.
    pub processors: usize,
    /// Memory in GiB.
    pub memory: u64,
    /// The kernel.
    pub kernel: String,
    /// The compiler.
    pub compiler: String,
    /// Processes that wanted to run in the minute before: above 0, others were at work too.
    pub load: String,
}

impl Machine {
    /// This machine, now.
    #[must_use]
    pub fn describe() -> Self {
        Self {
            processor: after("/proc/cpuinfo", "model name"),
            processors: thread::available_parallelism().map_or(0, Into::into),
            memory: after("/proc/meminfo", "MemTotal")
                .trim_end_matches(" kB")
                .parse::<u64>()
                .map_or(0, |kilobytes| kilobytes >> 20),
            kernel: first_line("/proc/sys/kernel/ostype")
                + " "
                + &first_line("/proc/sys/kernel/osrelease"),
            compiler: Command::new("rustc")
                .arg("--version")
                .output()
                .ok()
                .and_then(|output| String::from_utf8(output.stdout).ok())
                .map(|text| text.trim().to_owned())
                .unwrap_or_default(),
            load: Self::load(),
        }
    }

    /// Processes that wanted to run in the last minute.
    #[must_use]
    pub fn load() -> String {
        let loads = first_line("/proc/loadavg");
        loads.split(' ').next().unwrap_or_default().to_owned()
    }
}

fn first_line(file: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

/// What follows `name` and a colon in a file of such lines.
fn after(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))
        .unwrap_or_default()
        .trim()
        .to_owned()
}
