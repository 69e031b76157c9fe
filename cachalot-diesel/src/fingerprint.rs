//! What makes two reads the same read: a 256-bit hash over everything that decides the rows.

use std::fmt;

/// Raised whenever the ingredients of an entry's key or its format change, so that an older release
/// never finds a newer one's entries.
const ENTRY_FORMAT: u32 = 3;
/// Of the keys of everything else. Two releases that differ here miss each other's invalidations.
const FORMAT: u32 = 1;

/// Builds a key from parts; each part is hashed with its length, so that no two lists of parts run
/// together to the same bytes.
#[derive(Clone)]
pub(crate) struct Fingerprint(blake3::Hasher);

impl Fingerprint {
    /// `kind` separates entries from records and the rest of what one namespace keeps.
    pub(crate) fn new(namespace: &str, kind: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        let format = if kind == "entry" {
            ENTRY_FORMAT
        } else {
            FORMAT
        };
        hasher.update(&format.to_le_bytes());
        let mut this = Self(hasher);
        this.part(namespace.as_bytes());
        this.part(kind.as_bytes());
        this
    }

    pub(crate) fn part(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    /// A part of unknown length, closed by its length.
    pub(crate) fn formatted(&mut self, value: &dyn fmt::Debug) -> fmt::Result {
        let mut stream = Stream {
            hasher: &mut self.0,
            written: 0,
        };
        fmt::write(&mut stream, format_args!("{value:?}"))?;
        let written = stream.written;
        self.number(written);
        Ok(())
    }

    /// 64 lower-case hex digits: all that the store's wire ever sees of a query or a table's name.
    pub(crate) fn finish(&self) -> String {
        self.0.finalize().to_hex().as_str().to_owned()
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint")
    }
}

struct Stream<'a> {
    hasher: &'a mut blake3::Hasher,
    written: u64,
}

impl fmt::Write for Stream<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.hasher.update(text.as_bytes());
        self.written += text.len() as u64;
        Ok(())
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
