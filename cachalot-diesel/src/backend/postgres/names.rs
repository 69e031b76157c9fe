//! Names of extensions' settings that were met on any connection of this process: another connection
//! may have been given such a setting where nobody saw it.

use std::collections::BTreeSet;

use parking_lot::Mutex;

/// How many names are remembered.
const NAMES: usize = 256;

static MET: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Remembers the names of extensions' settings among these.
pub(super) fn remember<'a>(names: impl IntoIterator<Item = &'a str>) {
    let mut met = MET.lock();
    for name in names {
        if name.contains('.') && met.len() < NAMES && !met.contains(name) {
            met.insert(name.to_owned());
        }
    }
}

/// The names that were met.
pub(super) fn met() -> Vec<String> {
    let met = MET.lock();
    met.iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_dot_are_remembered_and_not_too_many() {
        let names: Vec<String> = (0..=NAMES).map(|n| format!("many.n{n}")).collect();
        remember(names.iter().map(String::as_str));
        remember(["work_mem"]);
        let met = MET.lock();
        assert!(met.len() <= NAMES && !met.contains("work_mem"));
    }
}
