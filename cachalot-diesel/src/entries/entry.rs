//! The bytes of a cached result.
//!
//! ```text
//! entry = "cach" format:u8 tag:[u8;16] stored:u64 expires:u64 size:u32
//!         tokens:u16 keyed:u16 token* proofs* rows                          (little-endian)
//! ```
//!
//! - `stored` and `expires` are milliseconds since 1970; `expires` is 0 for never. The store expires
//!   items by its own clock, but it may round up to whole seconds, and near caches keep copies.
//! - `token`s: the epoch's, then at most three for each table that the read depends on, as read before the
//!   database was queried.
//! - `proofs`: for each table of which the read depends on certain rows, two tokens: the proof of the table and that
//!   of the key. Zeros are none.
//! - `rows`: a block. If `size` is not 0, an LZ4 block (without frame) of that uncompressed size.

use std::{sync::Arc, time::Duration};

use lz4_flex::block::{compress, decompress_into};

use super::validators::Validators;
use crate::{
    clock::now_millis,
    protocol::{Proofs, Token},
    rows::{BlockWriter, StoredRows},
    store::auth::{Authenticator, TAG_LEN},
};

const MAGIC: &[u8; 5] = b"cach\x04";
const TAG_AT: usize = MAGIC.len();
const BODY_AT: usize = TAG_AT + TAG_LEN;
const EXPIRES_AT: usize = BODY_AT + 8;
const SIZE_AT: usize = EXPIRES_AT + 8;
const COUNTS_AT: usize = SIZE_AT + 4;
const TOKENS_AT: usize = COUNTS_AT + 4;

/// Two tokens.
const PROOFS_LEN: usize = 2 * Token::LEN;

/// How many milliseconds after its expiry memcached may still return an item: it counts whole
/// seconds, by a clock that ticks late on a busy machine.
const MAX_EXPIRY_DELAY: u64 = 2_000;

/// A cached result whose tag has been verified.
pub(crate) struct Entry {
    bytes: Arc<Vec<u8>>,
    proofs_at: usize,
    rows_at: usize,
    /// The uncompressed rows, if the bytes hold them compressed.
    inflated: Option<Arc<Vec<u8>>>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// `None` (a miss) if the bytes are not an entry, damaged, truncated, stored under another key,
    /// or have more than `max_inflated` bytes of uncompressed rows.
    pub(super) fn open(
        auth: &Authenticator,
        store_key: &str,
        bytes: Vec<u8>,
        max_inflated: usize,
    ) -> Option<Self> {
        let tag = bytes.strip_prefix(MAGIC)?.first_chunk::<TAG_LEN>()?;
        if !auth.verifies(store_key, bytes.get(BODY_AT..)?, tag) {
            return None;
        }
        Self::of(bytes, max_inflated)
    }

    /// As [`open`](Self::open), without verifying the tag: for the result of [`encode`].
    pub(super) fn of(bytes: Vec<u8>, max_inflated: usize) -> Option<Self> {
        let count = |at| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let (tokens, keyed) = (count(COUNTS_AT)?, count(COUNTS_AT + 2)?);
        let proofs_at = TOKENS_AT + usize::from(tokens) * Token::LEN;
        let rows_at = proofs_at + usize::from(keyed) * PROOFS_LEN;
        let rows = bytes.get(rows_at..)?;
        let size = u32::from_le_bytes(*bytes.get(SIZE_AT..)?.first_chunk()?);
        let inflated = match usize::try_from(size).ok()? {
            0 => None,
            size => Some(Arc::new(inflate(rows, size, max_inflated)?)),
        };
        Some(Self {
            bytes: Arc::new(bytes),
            proofs_at,
            rows_at,
            inflated,
        })
    }

    /// Are the rows current for a reader that has found these?
    pub(super) fn is_current(&self, now: &Validators) -> bool {
        let chunks = |from, to| {
            let bytes = self.bytes.get(from..to).unwrap_or_default();
            bytes.as_chunks::<{ Token::LEN }>().0
        };
        let tokens = chunks(TOKENS_AT, self.proofs_at).iter();
        let (proofs, _) = chunks(self.proofs_at, self.rows_at).as_chunks::<2>();
        now.are_met_by(
            tokens.map(|bytes| Token::from_bytes(*bytes)),
            proofs
                .iter()
                .map(|pair| proofs_in(pair.map(Token::from_bytes))),
        )
    }

    /// Is an entry that the store has just returned valid for a reader that has found these?
    pub(super) fn is_valid(&self, now: &Validators) -> bool {
        self.is_current(now) && !self.has_just_expired(now_millis())
    }

    /// Has the entry expired by `now` (milliseconds since 1970), but less than [`MAX_EXPIRY_DELAY`]
    /// ago?
    ///
    /// If it seems to have expired longer ago, this machine's clock is wrong: the store would have
    /// removed the entry.
    fn has_just_expired(&self, now: u64) -> bool {
        match self.number(EXPIRES_AT) {
            0 => false,
            expires => now
                .checked_sub(expires)
                .is_some_and(|since| since < MAX_EXPIRY_DELAY),
        }
    }

    /// How long a copy may be kept from `now` (milliseconds since 1970) on; `None` is for ever.
    ///
    /// Never longer than the whole time to live, whatever the clock says.
    pub(super) fn left(&self, now: u64) -> Option<Duration> {
        let expires = self.number(EXPIRES_AT);
        let since = now.max(self.number(BODY_AT));
        (expires != 0).then(|| Duration::from_millis(expires.saturating_sub(since)))
    }

    fn number(&self, at: usize) -> u64 {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// `None` if the bytes are not rows.
    pub(crate) fn rows(&self) -> Option<StoredRows> {
        match &self.inflated {
            Some(rows) => StoredRows::parse(rows, 0),
            None => StoredRows::parse(&self.bytes, self.rows_at),
        }
    }

    /// The bytes as they are in the store.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The size in the store, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The size in memory, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.bytes.len() + self.inflated.as_ref().map_or(0, |rows| rows.len())
    }
}

/// Stands for the proof of the key, if there is none.
const NO_PROOF: Token = Token::from_bytes([0; Token::LEN]);

fn proofs_in([table, key]: [Token; 2]) -> Proofs {
    let key = (key != NO_PROOF).then_some(key);
    Proofs { table, key }
}

/// Checks the claimed `size` before it allocates.
fn inflate(bytes: &[u8], size: usize, max_inflated: usize) -> Option<Vec<u8>> {
    /// LZ4 compresses to no less than 1/255.
    const MAX_LZ4_RATIO: usize = 255;
    if size > max_inflated || size / MAX_LZ4_RATIO > bytes.len() {
        return None;
    }
    let mut rows = vec![0; size];
    let written = decompress_into(bytes, &mut rows).ok()?;
    (written == size).then_some(rows)
}

/// The parameters under which an entry is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct EncodeOptions {
    /// Milliseconds since 1970.
    pub(super) stored: u64,
    /// Milliseconds since 1970; 0 is never.
    pub(super) expires: u64,
    pub(super) compress_above: Option<usize>,
}

/// The bytes of an entry. `None` if it depends on more tables than the format can hold.
pub(super) fn encode(
    auth: &Authenticator,
    store_key: &str,
    validators: &Validators,
    terms: EncodeOptions,
    rows: &BlockWriter,
) -> Option<Vec<u8>> {
    let Validators { tokens, proofs } = validators;
    let counts = [tokens.len(), proofs.len()].map(u16::try_from);
    let length = TOKENS_AT + tokens.len() * Token::LEN + proofs.len() * PROOFS_LEN;
    let mut bytes = Vec::with_capacity(length + rows.len() + 256);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[0; TAG_LEN]);
    bytes.extend_from_slice(&terms.stored.to_le_bytes());
    bytes.extend_from_slice(&terms.expires.to_le_bytes());
    bytes.extend_from_slice(&0_u32.to_le_bytes());
    for count in counts {
        bytes.extend_from_slice(&count.ok()?.to_le_bytes());
    }
    let proofs = proofs.iter();
    let proofs = proofs.flat_map(|it| [&it.table, it.key.as_ref().unwrap_or(&NO_PROOF)]);
    for token in tokens.iter().chain(proofs) {
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

/// Compresses the rows, if that saves at least an eighth.
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
    bytes[SIZE_AT..COUNTS_AT].copy_from_slice(&size.to_le_bytes());
}

/// An entry made by an attacker: any body, with a valid tag.
#[cfg(any(test, fuzzing))]
pub(super) fn signed_by_attacker(auth: &Authenticator, store_key: &str, body: &[u8]) -> Vec<u8> {
    [MAGIC.as_slice(), &auth.tag(store_key, body), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_INFLATED: usize = 1 << 20;

    fn token(number: u8) -> Token {
        Token::from_bytes([number; 16])
    }

    fn terms(compress_above: Option<usize>) -> EncodeOptions {
        EncodeOptions {
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

    fn validators(tokens: &[u8], proofs: &[(u8, Option<u8>)]) -> Validators {
        let proofs = proofs.iter().map(|(table, key)| Proofs {
            table: token(*table),
            key: key.map(token),
        });
        Validators {
            tokens: tokens.iter().copied().map(token).collect(),
            proofs: proofs.collect(),
        }
    }

    fn stored_under(validators: &Validators) -> Entry {
        let own = Authenticator::new(None);
        let bytes = encode(&own, "key", validators, terms(None), &rows(1)).unwrap();
        Entry::open(&own, "key", bytes, MAX_INFLATED).unwrap()
    }

    fn sample(count: usize, compress_above: Option<usize>) -> (Authenticator, Vec<u8>) {
        let own = Authenticator::new(None);
        let validators = validators(&[1, 2], &[(3, Some(4))]);
        let terms = terms(compress_above);
        let bytes = encode(&own, "key", &validators, terms, &rows(count)).unwrap();
        (own, bytes)
    }

    #[test]
    fn an_entry_matches_only_the_tokens_it_was_stored_under() {
        let entry = stored_under(&validators(&[1, 2], &[]));
        assert!(entry.is_current(&validators(&[1, 2], &[])));
        for other in [&[1][..], &[2, 1], &[1, 2, 3]] {
            assert!(!entry.is_current(&validators(other, &[])));
        }
        assert_eq!(entry.rows().unwrap().rows(), 1);
    }

    #[test]
    fn either_proof_of_a_table_is_enough() {
        let entry = stored_under(&validators(&[1], &[(2, Some(3)), (4, None)]));
        assert_eq!(entry.rows().unwrap().rows(), 1);
        for (proofs, current) in [
            ([(2, Some(3)), (4, None)], true),
            ([(2, None), (4, Some(5))], true),
            ([(9, Some(3)), (4, None)], true),
            ([(2, Some(9)), (4, Some(9))], true),
            ([(9, None), (4, None)], false),
            ([(9, Some(9)), (4, None)], false),
            // No proof equals no proof.
            ([(2, Some(3)), (9, None)], false),
            ([(2, Some(3)), (9, Some(0))], false),
            ([(4, None), (2, Some(3))], false),
        ] {
            let now = validators(&[1], &proofs);
            assert_eq!(entry.is_current(&now), current, "{proofs:?}");
            assert!(!entry.is_current(&validators(&[9], &proofs)));
        }
    }

    #[test]
    fn an_entry_of_other_dependencies_is_a_miss() {
        let entry = stored_under(&validators(&[1, 2], &[(3, Some(4))]));
        for other in [
            validators(&[1, 2, 3, 4], &[]),
            validators(&[1, 2], &[]),
            validators(&[1, 2], &[(3, Some(4)), (3, Some(4))]),
            validators(&[], &[(1, Some(2)), (3, Some(4))]),
            validators(&[1, 2, 3], &[(3, Some(4))]),
        ] {
            assert!(!entry.is_current(&other), "{other:?}");
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_a_miss() {
        for above in [None, Some(0)] {
            let (own, bytes) = sample(20, above);
            for at in 0..bytes.len() {
                let cut = bytes[..at].to_vec();
                assert!(
                    Entry::open(&own, "key", cut, MAX_INFLATED).is_none(),
                    "cut at {at}"
                );
                for bit in 0..8 {
                    let mut bytes = bytes.clone();
                    bytes[at] ^= 1 << bit;
                    let entry = Entry::open(&own, "key", bytes, MAX_INFLATED);
                    assert!(entry.is_none(), "bit {bit} of {at}");
                }
            }
        }
    }

    #[test]
    fn an_entry_under_another_key_is_a_miss() {
        let (own, bytes) = sample(1, None);
        assert!(Entry::open(&own, "other", bytes, MAX_INFLATED).is_none());
    }

    #[test]
    fn similar_rows_are_compressed_and_restored() {
        let (_, plain) = sample(1_000, None);
        let (own, small) = sample(1_000, Some(1_000));
        assert!(small.len() < plain.len() / 10, "{}", small.len());
        let entry = Entry::open(&own, "key", small.clone(), MAX_INFLATED).unwrap();
        assert_eq!(entry.rows().unwrap().rows(), 1_000);
        assert!(
            Entry::open(&own, "key", small, 1_000).is_none(),
            "too large"
        );
    }

    /// Anyone who can write to the store can compute a checksum, though not a MAC.
    #[test]
    fn an_impossible_uncompressed_size_is_a_miss() {
        let (_, mut bytes) = sample(1, None);
        bytes[SIZE_AT..COUNTS_AT].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(Entry::of(bytes.clone(), usize::MAX).is_none());
        bytes[SIZE_AT..COUNTS_AT].copy_from_slice(&300_u32.to_le_bytes());
        assert!(Entry::of(bytes, usize::MAX).is_none());
    }

    #[test]
    fn f04_a_copy_is_kept_for_the_remaining_time_to_live() {
        let (own, bytes) = sample(1, None);
        let entry = Entry::open(&own, "key", bytes, MAX_INFLATED).unwrap();
        let left = |now| entry.left(now).unwrap().as_millis();
        // Stored at 5, expires at 9. The clock that shows 0 is slow.
        assert_eq!([0, 7, 8, 9, 10].map(left), [4, 2, 1, 0, 0]);
    }

    #[test]
    fn f04_an_entry_that_the_store_returns_after_its_expiry_is_a_miss() {
        let (own, bytes) = sample(1, None);
        let entry = Entry::open(&own, "key", bytes, MAX_INFLATED).unwrap();
        assert!(!entry.has_just_expired(8));
        assert!(entry.has_just_expired(9) && entry.has_just_expired(8 + MAX_EXPIRY_DELAY));
        assert!(
            !entry.has_just_expired(9 + MAX_EXPIRY_DELAY),
            "a wrong clock"
        );
    }
}
