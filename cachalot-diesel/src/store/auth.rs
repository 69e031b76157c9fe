//! Checksums of items, or MACs if `CACHALOT_SECRET` is set: these prove that the item was written by
//! someone who knows the secret.

use std::fmt;

use twox_hash::{XxHash3_64, XxHash3_128};

/// The length of an entry's tag, in bytes.
pub(crate) const TAG_LEN: usize = 16;
/// The length of a record's MAC: a newline and 64 hex digits after the JSON.
const MAC_LEN: usize = 65;

/// Binds an item's bytes to its key, so that damaged bytes and those of another key are rejected.
#[derive(Clone)]
pub(crate) struct Authenticator {
    /// The key of the MACs (keyed BLAKE3), derived from the secret. `None` without a secret.
    key: Option<[u8; blake3::KEY_LEN]>,
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("secret", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

impl Authenticator {
    pub(crate) fn new(secret: Option<&str>) -> Self {
        let context = "cachalot-diesel 1 items of the store";
        let key = secret.map(|secret| blake3::derive_key(context, secret.as_bytes()));
        Self { key }
    }

    /// The tag of an entry's bytes: with a secret a MAC, else a fast checksum, which detects damage
    /// but not forgery.
    pub(crate) fn tag(&self, store_key: &str, bytes: &[u8]) -> [u8; TAG_LEN] {
        let Some(key) = &self.key else {
            let seed = XxHash3_64::oneshot(store_key.as_bytes());
            return XxHash3_128::oneshot_with_seed(seed, bytes).to_le_bytes();
        };
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(&mac(key, store_key, bytes).as_bytes()[..TAG_LEN]);
        tag
    }

    pub(crate) fn verifies(&self, store_key: &str, bytes: &[u8], tag: &[u8; TAG_LEN]) -> bool {
        let expected = self.tag(store_key, bytes);
        // In constant time, so that an attacker cannot find a tag byte by byte.
        expected
            .iter()
            .zip(tag)
            .fold(0, |differing, (a, b)| differing | (a ^ b))
            == 0
    }

    /// A record as it is stored: plain JSON, followed by its MAC if there is a secret.
    pub(crate) fn sign_record(&self, store_key: &str, mut json: Vec<u8>) -> Vec<u8> {
        if let Some(key) = &self.key {
            let mac = mac(key, store_key, &json).to_hex();
            json.push(b'\n');
            json.extend_from_slice(mac.as_bytes());
        }
        json
    }

    /// The JSON of a stored record; `None` if its MAC is missing or wrong.
    pub(crate) fn verify_record<'a>(&self, store_key: &str, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let Some(key) = &self.key else {
            return Some(bytes);
        };
        let (json, claimed) = bytes.split_at_checked(bytes.len().checked_sub(MAC_LEN)?)?;
        let claimed = blake3::Hash::from_hex(claimed.strip_prefix(b"\n")?).ok()?;
        // `blake3::Hash` compares in constant time.
        (mac(key, store_key, json) == claimed).then_some(json)
    }
}

fn mac(key: &[u8; blake3::KEY_LEN], store_key: &str, bytes: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&(store_key.len() as u64).to_le_bytes());
    hasher.update(store_key.as_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_verifies_only_whole_and_under_its_own_key() {
        for auth in [Authenticator::new(None), Authenticator::new(Some("s3cret"))] {
            let tag = auth.tag("key", b"rows");
            assert!(auth.verifies("key", b"rows", &tag));
            assert!(!auth.verifies("other", b"rows", &tag));
            assert!(!auth.verifies("key", b"rowz", &tag));
        }
    }

    /// Machines of all kinds share a store, and so do releases with the same format.
    #[test]
    fn tags_are_the_same_everywhere() {
        let tag = |secret| u128::from_le_bytes(Authenticator::new(secret).tag("key", &[7; 1_000]));
        assert_eq!(tag(None), 136668541381096095628776283959674148753);
        assert_eq!(tag(Some("s3cret")), 20409361176025906002574595642055788746);
    }

    #[test]
    fn without_the_secret_no_item_can_be_forged() {
        let (ours, theirs) = (Authenticator::new(Some("s3cret")), Authenticator::new(None));
        assert!(!ours.verifies("key", b"rows", &theirs.tag("key", b"rows")));
        let forged = Authenticator::new(Some("guess")).sign_record("key", b"{}".to_vec());
        assert_eq!(ours.verify_record("key", &forged), None);
        assert_eq!(ours.verify_record("key", b"{}"), None);
    }

    #[test]
    fn a_record_verifies_only_with_its_secret_and_key() {
        let auth = Authenticator::new(Some("s3cret"));
        let bytes = auth.sign_record("key", b"{}".to_vec());
        assert_eq!(auth.verify_record("key", &bytes), Some(b"{}".as_slice()));
        assert_eq!(auth.verify_record("elsewhere", &bytes), None);
    }
}
