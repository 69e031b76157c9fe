//! Names that nothing else has.

use std::hash::{BuildHasher, RandomState};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// `prefix` with a suffix of `[0-9a-f_]` that no other call has given, in this process or another.
///
/// Fit for a namespace, a database, a table or a folder.
#[must_use]
pub fn name(prefix: &str) -> String {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let random = RandomState::new().hash_one(number) & 0xffff_ffff;
    format!("{prefix}_{:x}_{number:x}_{random:08x}", process::id())
}
