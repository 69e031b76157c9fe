//! The bytes of a cached result.
//!
//! ```text
//! entry = "cach" format:u8 tag:[u8;16] stored:u64 count:u16 token* block     (little-endian)
//! ```
//!
//! `stored` is milliseconds since 1970, for people; `token`s are those of the epoch and of every
//! table that the read depends on, in that order, as they were before the database was asked.

use super::seal::{Seal, TAG};
use crate::{
    protocol::{self, Token},
    rows::{Block, BlockWriter},
};

const MAGIC: &[u8; 5] = b"cach\x01";
const TAG_AT: usize = MAGIC.len();
const BODY_AT: usize = TAG_AT + TAG;
const TOKENS_AT: usize = BODY_AT + 8 + 2;

/// A cached result whose tag has been verified.
pub(crate) struct Entry {
    bytes: Vec<u8>,
    tokens: usize,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// `None` for bytes that are foreign, damaged, cut off or of another key: a plain miss.
    pub(super) fn open(seal: &Seal, store_key: &str, bytes: Vec<u8>) -> Option<Self> {
        let tag = bytes.strip_prefix(MAGIC)?.first_chunk::<TAG>()?;
        if !seal.verifies(store_key, bytes.get(BODY_AT..)?, tag) {
            return None;
        }
        let count = u16::from_le_bytes(*bytes.get(BODY_AT + 8..)?.first_chunk()?);
        let tokens = usize::from(count);
        bytes.get(TOKENS_AT + tokens * Token::LEN..)?;
        Some(Self { bytes, tokens })
    }

    /// Are these the tokens under which the rows were stored?
    pub(super) fn is_of(&self, tokens: &[Token]) -> bool {
        let end = TOKENS_AT + self.tokens * Token::LEN;
        let stored = self.bytes.get(TOKENS_AT..end).unwrap_or_default();
        let (stored, _) = stored.as_chunks::<{ Token::LEN }>();
        let stored = stored.iter().map(|bytes| Token::from_bytes(*bytes));
        protocol::is_current(stored, tokens.iter().copied())
    }

    pub(crate) fn block(&self) -> Option<Block<'_>> {
        Block::parse(self.bytes.get(TOKENS_AT + self.tokens * Token::LEN..)?)
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// The bytes of an entry, or `None` if it depends on more tables than the format has room for.
pub(super) fn seal(
    seal: &Seal,
    store_key: &str,
    tokens: &[Token],
    stored: u64,
    rows: &BlockWriter,
) -> Option<Vec<u8>> {
    let count = u16::try_from(tokens.len()).ok()?;
    let mut bytes = Vec::with_capacity(TOKENS_AT + tokens.len() * Token::LEN + rows.len() + 256);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[0; TAG]);
    bytes.extend_from_slice(&stored.to_le_bytes());
    bytes.extend_from_slice(&count.to_le_bytes());
    for token in tokens {
        bytes.extend_from_slice(token.as_bytes());
    }
    rows.finish(&mut bytes);
    let tag = seal.tag(store_key, &bytes[BODY_AT..]);
    bytes[TAG_AT..BODY_AT].copy_from_slice(&tag);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(number: u8) -> Token {
        Token::from_bytes([number; 16])
    }

    fn sample() -> (Seal, Vec<u8>) {
        let own = Seal::new(None);
        let mut rows = BlockWriter::default();
        rows.start_row([Some("id".to_owned())].into_iter());
        rows.cell(0, 23, [b"\0\0\0\x07", b""]);
        let bytes = seal(&own, "key", &[token(1), token(2)], 5, &rows).unwrap();
        (own, bytes)
    }

    #[test]
    fn an_entry_is_of_the_tokens_it_was_stored_under_and_no_others() {
        let (own, bytes) = sample();
        let entry = Entry::open(&own, "key", bytes).unwrap();
        assert!(entry.is_of(&[token(1), token(2)]));
        for other in [
            vec![token(1)],
            vec![token(2), token(1)],
            vec![token(1), token(2), token(3)],
        ] {
            assert!(!entry.is_of(&other));
        }
        assert_eq!(entry.block().unwrap().rows(), 1);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_a_miss() {
        let (own, bytes) = sample();
        for at in 0..bytes.len() {
            assert!(
                Entry::open(&own, "key", bytes[..at].to_vec()).is_none(),
                "cut at {at}"
            );
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << bit;
                assert!(
                    Entry::open(&own, "key", bytes).is_none(),
                    "bit {bit} of {at}"
                );
            }
        }
    }

    #[test]
    fn an_entry_under_another_key_is_a_miss() {
        let (own, bytes) = sample();
        assert!(Entry::open(&own, "other", bytes).is_none());
    }
}
