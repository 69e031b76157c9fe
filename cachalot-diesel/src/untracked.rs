use std::cell::Cell;

thread_local! {
    static UNTRACKED: Cell<bool> = const { Cell::new(false) };
}

/// Is a connection of the library's own being opened on this thread?
pub(crate) fn is_untracked() -> bool {
    UNTRACKED.get()
}

/// Opens a connection of our own: not tracked, and not shown to the user's instrumentation.
pub(crate) fn untracked<T>(open: impl FnOnce() -> T) -> T {
    struct Restore(bool);

    impl Drop for Restore {
        fn drop(&mut self) {
            UNTRACKED.set(self.0);
        }
    }

    let _restore = Restore(UNTRACKED.replace(true));
    open()
}
