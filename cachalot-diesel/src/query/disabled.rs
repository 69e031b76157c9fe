use std::cell::Cell;

use crate::thread_flag::while_set;

thread_local! {
    static DISABLED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with the cache off on this thread: reads go to the database and store nothing,
/// writes still invalidate. Nests; what was before is restored even if `work` panics.
///
/// ```
/// # include!("../doctest_setup.rs");
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = Cachalot::builder().url("memory://").build()?;
/// let mut conn = connection(&cache);
/// let names = |conn: &mut SqliteConnection| -> QueryResult<Vec<String>> {
///     users::table.select(users::name).cached(conn).load()
/// };
/// cachalot_diesel::disabled(|| names(&mut conn))?; // from the database
/// assert_eq!(cache.stats().bypasses["disabled"], 1);
/// # Ok(())
/// # }
/// ```
pub fn disabled<T>(work: impl FnOnce() -> T) -> T {
    while_set(&DISABLED, work)
}

pub(super) fn is_disabled() -> bool {
    DISABLED.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a03_disabled_nests_and_survives_a_panic() {
        assert!(!is_disabled());
        disabled(|| {
            disabled(|| assert!(is_disabled()));
            assert!(is_disabled());
            let elsewhere = std::thread::spawn(is_disabled).join().unwrap();
            assert!(!elsewhere);
        });
        let panicked = std::panic::catch_unwind(|| disabled(|| panic!("on purpose")));
        assert!(panicked.is_err());
        assert!(!is_disabled());
    }
}
