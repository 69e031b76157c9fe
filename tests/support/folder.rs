//! A folder for files.

use std::path::Path;
use std::sync::OnceLock;

use crate::watchdog::{Service, Watched};

static SHARED: OnceLock<Watched> = OnceLock::new();

/// The folder of this test process, removed when the process ends. The servers may read what is in
/// it; take a name from [`unique::name`](crate::unique::name).
#[must_use]
pub fn shared() -> &'static Path {
    let nothing = Service {
        name: "files",
        prepare: String::new(),
        serve: "true".to_owned(),
        signal: "KILL",
    };
    SHARED.get_or_init(|| Watched::start(&nothing)).folder()
}
