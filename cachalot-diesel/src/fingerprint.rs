//! What makes two reads the same read: a 256-bit hash over everything that decides the rows.

use std::{
    fmt,
    io::{self, Write as _},
};

/// Raised whenever the ingredients of an entry's key or its format change, so that an older release
/// never finds a newer one's entries.
const ENTRY_FORMAT: u32 = 4;
/// Of the keys of everything else. Two releases that differ here miss each other's invalidations.
const FORMAT: u32 = 1;

/// A hash that takes the place of what it was made of.
pub(crate) type Digest = [u8; blake3::OUT_LEN];

/// Builds a key from parts; each part is hashed with its length, so that no two lists of parts run
/// together to the same bytes. Those are few: they are collected, and hashed at once.
pub(crate) struct Fingerprint(Vec<u8>);

impl Fingerprint {
    /// `kind` separates entries from records and the rest of what one namespace keeps.
    pub(crate) fn new(namespace: &str, kind: &str) -> Self {
        let format = if kind == "entry" {
            ENTRY_FORMAT
        } else {
            FORMAT
        };
        let mut this = Self(Vec::with_capacity(256));
        this.0.extend_from_slice(&format.to_le_bytes());
        this.part(namespace.as_bytes());
        this.part(kind.as_bytes());
        this
    }

    pub(crate) fn part(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// What was hashed already.
    pub(crate) fn digest(&mut self, digest: &Digest) {
        self.0.extend_from_slice(digest);
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// A part of unknown length, closed by its length.
    pub(crate) fn formatted(&mut self, value: &dyn fmt::Debug) -> io::Result<()> {
        let before = self.0.len();
        write!(self.0, "{value:?}")?;
        self.number((self.0.len() - before) as u64);
        Ok(())
    }

    pub(crate) fn to_digest(&self) -> Digest {
        blake3::hash(&self.0).into()
    }

    /// 64 lower-case hex digits: all that the store's wire ever sees of a query or a table's name.
    pub(crate) fn finish(&self) -> String {
        blake3::hash(&self.0).to_hex().as_str().to_owned()
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[&str]) -> String {
        let mut fingerprint = Fingerprint::new("test", "entry");
        for part in parts {
            fingerprint.part(part.as_bytes());
        }
        fingerprint.finish()
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a,b"]), of(&["a", "b"]));
        assert_ne!(of(&[""]), of(&[]));
    }

    #[test]
    fn namespaces_and_kinds_are_apart() {
        assert_ne!(
            Fingerprint::new("a", "entry").finish(),
            Fingerprint::new("b", "entry").finish()
        );
        assert_ne!(
            Fingerprint::new("a", "entry").finish(),
            Fingerprint::new("a", "record").finish()
        );
    }

    #[test]
    fn a_key_is_64_hex_digits() {
        let key = of(&["x"]);
        assert_eq!(key.len(), 64);
        assert!(key.bytes().all(|b| b.is_ascii_hexdigit()));
    }
}
