//! Flags of the current thread that are set while a closure runs.

use std::{cell::Cell, thread::LocalKey};

thread_local! {
    static UNTRACKED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with the flag set. Afterwards, also after a panic, the flag is as it was.
pub(crate) fn while_set<T>(flag: &'static LocalKey<Cell<bool>>, work: impl FnOnce() -> T) -> T {
    struct Restore(&'static LocalKey<Cell<bool>>, bool);

    impl Drop for Restore {
        fn drop(&mut self) {
            self.0.set(self.1);
        }
    }

    let _restore = Restore(flag, flag.replace(true));
    work()
}

/// Is the library opening a connection for itself on this thread?
pub(crate) fn is_untracked() -> bool {
    UNTRACKED.get()
}

/// Opens a connection for the library's own use, which is neither tracked nor instrumented.
pub(crate) fn untracked<T>(open: impl FnOnce() -> T) -> T {
    while_set(&UNTRACKED, open)
}
