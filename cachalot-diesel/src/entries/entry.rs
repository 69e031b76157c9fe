//! The bytes of a cached result.
//!
//! ```text
//! entry = "cach" format:u8 tag:[u8;16] stored:u64 expires:u64 size:u32 count:u16 token* rows
//!                                                                            (little-endian)
//! ```
//!
//! `stored` and `expires` are milliseconds since 1970, the latter 0 for never. The store removes what
//! has expired by its own clock, but it may round up to whole seconds; and others keep copies. `token`s are those of the epoch and of
//! every table that the read depends on, in that order, as they were before the database was asked.
//! `rows` are a block; where `size` is not 0, the LZ4 compression (its block format) of one of that size.

use std::time::Duration;

use lz4_flex::block::{compress, decompress_into};

use crate::{
    clock::now_millis,
    protocol::{self, Token},
    rows::{Block, BlockWriter},
    store::auth::{Authenticator, TAG},
};

const MAGIC: &[u8; 5] = b"cach\x03";
const TAG_AT: usize = MAGIC.len();
const BODY_AT: usize = TAG_AT + TAG;
const EXPIRES_AT: usize = BODY_AT + 8;
const SIZE_AT: usize = EXPIRES_AT + 8;
const COUNT_AT: usize = SIZE_AT + 4;
const TOKENS_AT: usize = COUNT_AT + 2;

/// Milliseconds that memcached may keep an item too long: it counts whole seconds, by a clock that
/// ticks late on a busy machine.
const ROUNDING: u64 = 2_000;

/// A cached result whose tag has been verified.
pub(crate) struct Entry {
    bytes: Vec<u8>,
    tokens: usize,
    /// The rows, where the bytes hold them compressed.
    inflated: Option<Vec<u8>>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// `None` for bytes that are foreign, damaged, cut off or of another key: a plain miss. So is
    /// one whose rows would take more than `most` bytes.
    pub(super) fn open(
        auth: &Authenticator,
        store_key: &str,
        bytes: Vec<u8>,
        most: usize,
    ) -> Option<Self> {
        let tag = bytes.strip_prefix(MAGIC)?.first_chunk::<TAG>()?;
        if !auth.verifies(store_key, bytes.get(BODY_AT..)?, tag) {
            return None;
        }
        Self::of(bytes, most)
    }

    /// As [`open`](Self::open), for bytes that [`seal`] has just made.
    pub(super) fn of(bytes: Vec<u8>, most: usize) -> Option<Self> {
        let count = u16::from_le_bytes(*bytes.get(COUNT_AT..)?.first_chunk()?);
        let tokens = usize::from(count);
        let rows = bytes.get(TOKENS_AT + tokens * Token::LEN..)?;
        let size = u32::from_le_bytes(*bytes.get(SIZE_AT..)?.first_chunk()?);
        let inflated = match usize::try_from(size).ok()? {
            0 => None,
            size => Some(inflate(rows, size, most)?),
        };
        Some(Self {
            bytes,
            tokens,
            inflated,
        })
    }

    /// Are these the tokens under which the rows were stored?
    pub(super) fn is_of(&self, tokens: &[Token]) -> bool {
        let end = TOKENS_AT + self.tokens * Token::LEN;
        let stored = self.bytes.get(TOKENS_AT..end).unwrap_or_default();
        let (stored, _) = stored.as_chunks::<{ Token::LEN }>();
        let stored = stored.iter().map(|bytes| Token::from_bytes(*bytes));
        protocol::is_current(stored, tokens.iter().copied())
    }

    /// May a reader that has seen these tokens be given an entry that the store has just returned?
    pub(super) fn may_be_given(&self, tokens: &[Token]) -> bool {
        self.is_of(tokens) && !self.has_just_expired(now_millis())
    }

    /// Has it expired by then (milliseconds since 1970), so shortly before that the store may have
    /// it still?
    ///
    /// A clock that says that it expired long ago is not believed: it is wrong, as the store would
    /// have removed the entry.
    fn has_just_expired(&self, now: u64) -> bool {
        match self.number(EXPIRES_AT) {
            0 => false,
            expires => now
                .checked_sub(expires)
                .is_some_and(|since| since < ROUNDING),
        }
    }

    /// How long a copy may be kept from then on (milliseconds since 1970); `None` is for ever.
    ///
    /// Never longer than it was to live in all, whatever the clock says.
    pub(super) fn left(&self, now: u64) -> Option<Duration> {
        let expires = self.number(EXPIRES_AT);
        let since = now.max(self.number(BODY_AT));
        (expires != 0).then(|| Duration::from_millis(expires.saturating_sub(since)))
    }

    fn number(&self, at: usize) -> u64 {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    pub(crate) fn block(&self) -> Option<Block<'_>> {
        let rows = match &self.inflated {
            Some(rows) => rows,
            None => self.bytes.get(TOKENS_AT + self.tokens * Token::LEN..)?,
        };
        Block::parse(rows)
    }

    /// As they are in the store.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes that came from the store.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes that it takes in memory.
    pub(super) fn weight(&self) -> usize {
        self.bytes.len() + self.inflated.as_ref().map_or(0, Vec::len)
    }
}

/// Nothing is allocated that the bytes could not become.
fn inflate(bytes: &[u8], size: usize, most: usize) -> Option<Vec<u8>> {
    /// What LZ4 can make of one byte.
    const RATIO: usize = 255;
    if size > most || size / RATIO > bytes.len() {
        return None;
    }
    let mut rows = vec![0; size];
    let written = decompress_into(bytes, &mut rows).ok()?;
    (written == size).then_some(rows)
}

/// When an entry is stored, for how long, and from which size on it is compressed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// Milliseconds since 1970.
    pub(super) stored: u64,
    /// Milliseconds since 1970; 0 is never.
    pub(super) expires: u64,
    pub(super) compress_above: Option<usize>,
}

/// The bytes of an entry, or `None` if it depends on more tables than the format has room for.
pub(super) fn encode(
    auth: &Authenticator,
    store_key: &str,
    tokens: &[Token],
    terms: Terms,
    rows: &BlockWriter,
) -> Option<Vec<u8>> {
    let count = u16::try_from(tokens.len()).ok()?;
    let mut bytes = Vec::with_capacity(TOKENS_AT + tokens.len() * Token::LEN + rows.len() + 256);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[0; TAG]);
    bytes.extend_from_slice(&terms.stored.to_le_bytes());
    bytes.extend_from_slice(&terms.expires.to_le_bytes());
    bytes.extend_from_slice(&0_u32.to_le_bytes());
    bytes.extend_from_slice(&count.to_le_bytes());
    for token in tokens {
        bytes.extend_from_slice(token.as_bytes());
    }
    let rows_at = bytes.len();
    rows.finish(&mut bytes);
    if terms.compress_above.is_some_and(|above| rows.len() > above) {
        deflate(&mut bytes, rows_at);
    }
    let tag = auth.tag(store_key, &bytes[BODY_AT..]);
    bytes[TAG_AT..BODY_AT].copy_from_slice(&tag);
    Some(bytes)
}

/// Compresses the rows, if that makes them smaller by an eighth at least.
fn deflate(bytes: &mut Vec<u8>, rows_at: usize) {
    let rows = &bytes[rows_at..];
    let Ok(size) = u32::try_from(rows.len()) else {
        return;
    };
    let smaller = compress(rows);
    if smaller.len() > rows.len() - rows.len() / 8 {
        return;
    }
    bytes.truncate(rows_at);
    bytes.extend_from_slice(&smaller);
    bytes[SIZE_AT..COUNT_AT].copy_from_slice(&size.to_le_bytes());
}

/// An entry that an enemy made: bytes of his own behind a tag that holds.
#[cfg(any(test, fuzzing))]
pub(super) fn forged(auth: &Authenticator, store_key: &str, body: &[u8]) -> Vec<u8> {
    [MAGIC.as_slice(), &auth.tag(store_key, body), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 1 << 20;

    fn token(number: u8) -> Token {
        Token::from_bytes([number; 16])
    }

    fn terms(compress_above: Option<usize>) -> Terms {
        Terms {
            stored: 5,
            expires: 9,
            compress_above,
        }
    }

    fn rows(count: usize) -> BlockWriter {
        let mut rows = BlockWriter::default();
        for _ in 0..count {
            rows.start_row([Some("id".to_owned())].into_iter());
            rows.cell(0, 23, [b"\0\0\0\x07", b""]);
        }
        rows
    }

    fn sample(count: usize, compress_above: Option<usize>) -> (Authenticator, Vec<u8>) {
        let own = Authenticator::new(None);
        let tokens = [token(1), token(2)];
        let bytes = encode(&own, "key", &tokens, terms(compress_above), &rows(count)).unwrap();
        (own, bytes)
    }

    #[test]
    fn an_entry_is_of_the_tokens_it_was_stored_under_and_no_others() {
        let (own, bytes) = sample(1, None);
        let entry = Entry::open(&own, "key", bytes, MOST).unwrap();
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
        for above in [None, Some(0)] {
            let (own, bytes) = sample(20, above);
            for at in 0..bytes.len() {
                let cut = bytes[..at].to_vec();
                assert!(Entry::open(&own, "key", cut, MOST).is_none(), "cut at {at}");
                for bit in 0..8 {
                    let mut bytes = bytes.clone();
                    bytes[at] ^= 1 << bit;
                    let entry = Entry::open(&own, "key", bytes, MOST);
                    assert!(entry.is_none(), "bit {bit} of {at}");
                }
            }
        }
    }

    #[test]
    fn an_entry_under_another_key_is_a_miss() {
        let (own, bytes) = sample(1, None);
        assert!(Entry::open(&own, "other", bytes, MOST).is_none());
    }

    #[test]
    fn many_alike_rows_are_kept_small_and_come_back() {
        let (_, plain) = sample(1_000, None);
        let (own, small) = sample(1_000, Some(1_000));
        assert!(small.len() < plain.len() / 10, "{}", small.len());
        let entry = Entry::open(&own, "key", small.clone(), MOST).unwrap();
        assert_eq!(entry.block().unwrap().rows(), 1_000);
        assert!(
            Entry::open(&own, "key", small, 1_000).is_none(),
            "too large"
        );
    }

    /// Whoever can write to the store can make a checksum, if not a MAC.
    #[test]
    fn a_size_that_the_bytes_cannot_have_is_not_believed() {
        let (_, mut bytes) = sample(1, None);
        bytes[SIZE_AT..COUNT_AT].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(Entry::of(bytes.clone(), usize::MAX).is_none());
        bytes[SIZE_AT..COUNT_AT].copy_from_slice(&300_u32.to_le_bytes());
        assert!(Entry::of(bytes, usize::MAX).is_none());
    }

    #[test]
    fn f04_a_copy_is_kept_for_what_is_left_and_never_for_longer_than_the_whole_life() {
        let (own, bytes) = sample(1, None);
        let entry = Entry::open(&own, "key", bytes, MOST).unwrap();
        let left = |now| entry.left(now).unwrap().as_millis();
        // Stored at 5, to live until 9; before that, a clock that is behind.
        assert_eq!([0, 7, 8, 9, 10].map(left), [4, 2, 1, 0, 0]);
    }

    #[test]
    fn f04_what_the_store_keeps_too_long_by_rounding_is_not_given() {
        let (own, bytes) = sample(1, None);
        let entry = Entry::open(&own, "key", bytes, MOST).unwrap();
        assert!(!entry.has_just_expired(8));
        assert!(entry.has_just_expired(9) && entry.has_just_expired(8 + ROUNDING));
        assert!(!entry.has_just_expired(9 + ROUNDING), "a wrong clock");
    }
}
