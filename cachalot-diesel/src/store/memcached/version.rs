//! Versions of items that a restart of the server ends.
//!
//! After a restart memcached starts its CAS numbers at one again, so a number that was read before may by then belong
//! to another version. A restart also closes all connections. So a number is used only on a connection that was
//! open before it was read; elsewhere the compare-and-swap is a conflict.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::CasVersion;

/// A version has the CAS number in its lower bits, and above it how many connections to the server had been opened when
/// it was asked for.
const NUMBER_BITS: u32 = 48;
const MAX_NUMBER: u64 = (1 << NUMBER_BITS) - 1;

/// No item has it.
const NO_NUMBER: u64 = u64::MAX;

/// How many connections to a server have been opened.
#[derive(Debug, Default)]
pub(super) struct Opened(AtomicU64);

/// A moment, in connections opened. Wraps around: a version is used within seconds, in which no process opens thousands of
/// connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(u16);

impl Opened {
    /// A connection has been opened.
    pub(super) fn next(&self) -> Moment {
        Moment::of(self.0.fetch_add(1, Ordering::AcqRel) + 1)
    }

    pub(super) fn now(&self) -> Moment {
        Moment::of(self.0.load(Ordering::Acquire))
    }
}

impl Moment {
    #[allow(clippy::cast_possible_truncation, reason = "it wraps around")]
    fn of(opened: u64) -> Self {
        Self(opened as u16)
    }

    /// The version of an item that was asked for at this moment; `None` if the number is too large.
    pub(super) fn version(self, number: u64) -> Option<CasVersion> {
        (number <= MAX_NUMBER).then(|| CasVersion(u64::from(self.0) << NUMBER_BITS | number))
    }
}

/// The CAS number to send on a connection that was opened at that moment.
pub(super) fn number_on(opened: Moment, version: CasVersion) -> u64 {
    let asked = Moment::of(version.0 >> NUMBER_BITS);
    let is_older = asked.0.wrapping_sub(opened.0) <= u16::MAX / 2;
    if is_older {
        version.0 & MAX_NUMBER
    } else {
        NO_NUMBER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_used_on_connections_that_were_open_before_it_was_read() {
        let opened = Opened::default();
        let first = opened.next();
        let version = opened.now().version(7).unwrap();
        let second = opened.next();
        assert_eq!(number_on(first, version), 7);
        assert_eq!(number_on(second, version), NO_NUMBER);
        let version = opened.now().version(8).unwrap();
        assert_eq!(number_on(first, version), 8);
        assert_eq!(number_on(second, version), 8);
    }

    #[test]
    fn the_count_of_connections_wraps_around() {
        let opened = Opened(AtomicU64::new(u64::from(u16::MAX)));
        let before = Moment::of(u64::from(u16::MAX));
        let after = opened.next();
        let version = opened.now().version(1).unwrap();
        assert_eq!(number_on(before, version), 1);
        assert_eq!(number_on(after, before.version(1).unwrap()), NO_NUMBER);
    }

    #[test]
    fn a_number_that_does_not_fit_is_no_version() {
        assert!(Moment(1).version(MAX_NUMBER).is_some());
        assert_eq!(Moment(1).version(MAX_NUMBER + 1), None);
    }
}
