//! The work of an analysis, counted where it could be timed: how often it looks at a token or a byte.
//! Only tests count.

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local! {
    static LOOKS: Cell<usize> = const { Cell::new(0) };
}

/// Counts so many looks.
#[inline]
pub(super) fn look(_times: usize) {
    #[cfg(test)]
    LOOKS.set(LOOKS.get() + _times);
}

/// How often this thread has looked.
#[cfg(test)]
pub(super) fn looks() -> usize {
    LOOKS.get()
}
