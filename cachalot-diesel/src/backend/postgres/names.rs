//! Names of extension settings that any connection of this process has used. Other connections are asked
//! for these too, as such a setting may have been made before the connection was watched.

use std::collections::BTreeSet;

use parking_lot::Mutex;

/// More names than this are not remembered.
const MAX_NAMES: usize = 256;

static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Remembers the names of extension settings (those with a dot) among these.
pub(super) fn remember<'a>(names: impl IntoIterator<Item = &'a str>) {
    let mut seen = SEEN.lock();
    for name in names {
        if name.contains('.') && seen.len() < MAX_NAMES && !seen.contains(name) {
            seen.insert(name.to_owned());
        }
    }
}

/// All remembered names.
pub(super) fn remembered() -> Vec<String> {
    let seen = SEEN.lock();
    seen.iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_dot_are_remembered_and_not_too_many() {
        let names: Vec<String> = (0..=MAX_NAMES).map(|n| format!("many.n{n}")).collect();
        remember(names.iter().map(String::as_str));
        remember(["work_mem"]);
        let seen = SEEN.lock();
        assert!(seen.len() <= MAX_NAMES && !seen.contains("work_mem"));
    }
}
