use std::cell::Cell;

thread_local! {
    static UNTRACKED: Cell<bool> = const { Cell::new(false) };
}

/// Is the library opening a connection for itself on this thread?
pub(crate) fn is_untracked() -> bool {
    UNTRACKED.get()
}

/// Opens a connection for the library's own use, which is neither tracked nor instrumented.
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
