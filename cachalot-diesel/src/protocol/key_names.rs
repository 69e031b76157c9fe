//! How reads and writes name the columns by which they are told apart.

use super::Epoch;
use crate::fingerprint::Fingerprint;

/// The end of the names of columns, by the catalogs of one epoch.
///
/// What a write knows of its rows holds under its catalog: a newer one may have a trigger that changes others. So a
/// read and a write name a column alike only if their catalogs are of one epoch. For the read, any other write is one
/// that does not know its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyNames(Box<str>);

impl KeyNames {
    pub(crate) fn of(epoch: &Epoch) -> Self {
        let mut fingerprint = Fingerprint::new("", "epoch of keys");
        // All parts: a read checks only one of them, which then is the write's, too.
        for part in epoch {
            fingerprint.part(part.as_bytes());
        }
        let digest = fingerprint.to_digest();
        let bytes = digest.iter().take(8);
        let hex: String = bytes.map(|byte| format!("{byte:02x}")).collect();
        Self(format!("@{hex}").into())
    }

    /// The name of a column in keys and buckets.
    pub(crate) fn column(&self, name: &str) -> Box<str> {
        [name, &*self.0].concat().into()
    }

    /// The column of such a name.
    pub(crate) fn column_of(name: &str) -> &str {
        name.rsplit_once('@').map_or(name, |(column, _)| column)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{
        super::{
            Buckets, Changes, DependencyTokens, Depends, EPOCH_PARTS, Key, Record, TimedChanges,
            Token, Writer,
        },
        *,
    };

    fn epoch() -> Epoch {
        [Token::from_bytes([1; Token::LEN]); EPOCH_PARTS]
    }

    #[test]
    fn catalogs_with_another_part_of_the_epoch_have_other_names() {
        let names = KeyNames::of(&epoch());
        assert_eq!(names, KeyNames::of(&epoch()));
        assert_eq!(names.column("id").len(), "id".len() + 17);
        for part in 0..EPOCH_PARTS {
            let mut other = epoch();
            other[part] = Token::from_bytes([2; Token::LEN]);
            assert_ne!(KeyNames::of(&other).column("id"), names.column("id"));
        }
    }

    /// Its catalog may lack what makes a write change further rows.
    #[test]
    fn k11_a_write_under_another_epoch_does_not_know_its_rows_for_a_read() {
        let mut next = 0_u8;
        let mut tokens = || {
            next += 1;
            Ok::<_, std::convert::Infallible>(Token::from_bytes([next; Token::LEN]))
        };
        let now = KeyNames::of(&epoch());
        let before = KeyNames::of(&[Token::from_bytes([3; Token::LEN]); EPOCH_PARTS]);
        let key = Key {
            column: now.column("id"),
            buckets: BTreeSet::from([2]),
        };
        let depends = Depends {
            changes: &Changes::ALL,
            key: Some(&key),
        };
        let seen = |record: &Record| {
            let tokens = DependencyTokens::of(record, depends);
            tokens.proofs(&key, &[Some(Token::from_bytes([9; Token::LEN]))])
        };
        for (names, told_apart) in [(now.clone(), true), (before, false)] {
            let buckets: Buckets = [(names.column("id"), BTreeSet::from([1]))]
                .into_iter()
                .collect();
            let id = tokens().unwrap();
            let record = Record::fresh(&mut tokens).unwrap().begun(Writer {
                id,
                until: 0,
                changes: Changes::ALL,
                buckets: buckets.clone(),
            });
            assert_eq!(record.writers_of(depends).count() == 0, told_apart);
            let timed = TimedChanges {
                changes: &Changes::ALL,
                buckets: &buckets,
                at: None,
            };
            let after = record.clone().published(id, timed, &mut tokens).unwrap();
            assert_eq!(seen(&after).hold(&seen(&record)), told_apart);
        }
    }
}
