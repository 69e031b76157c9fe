//! Store keys: 256-bit hashes. That of an entry covers everything that affects the result.

use std::{
    fmt,
    io::{self, Write as _},
};

/// Increased whenever the parts of an entry's key or its format change, so that releases do not read
/// each other's entries.
const ENTRY_FORMAT: u32 = 5;
/// For all other keys. Releases that differ here do not see each other's invalidations.
const FORMAT: u32 = 1;

/// A hash of parts, which can itself be a part.
pub(crate) type Digest = [u8; blake3::OUT_LEN];

/// Builds a key from parts. Each part is hashed with its length, so that different lists of parts
/// never yield the same bytes. Collects all parts and hashes them at once, which is faster.
pub(crate) struct Fingerprint(Vec<u8>);

impl Fingerprint {
    /// `kind` separates the keys of entries, records and other items of a namespace.
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

    /// Adds a part that is already hashed.
    pub(crate) fn digest(&mut self, digest: &Digest) {
        self.0.extend_from_slice(digest);
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// Adds a part of unknown length, followed by its length.
    pub(crate) fn formatted(&mut self, value: &dyn fmt::Debug) -> io::Result<()> {
        let before = self.0.len();
        write!(self.0, "{value:?}")?;
        self.number((self.0.len() - before) as u64);
        Ok(())
    }

    pub(crate) fn to_digest(&self) -> Digest {
        blake3::hash(&self.0).into()
    }

    /// The key: 64 lower-case hex digits. The store sees neither queries nor names of tables.
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
    fn parts_are_separated() {
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a,b"]), of(&["a", "b"]));
        assert_ne!(of(&[""]), of(&[]));
    }

    #[test]
    fn namespaces_and_kinds_are_separated() {
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
