//! Properties that must hold for any bytes that a store returns.

#[cfg(feature = "postgres")]
use std::ops::Bound;

use diesel::deserialize::FromSqlRow;

use super::{Entry, entry, validators::Validators};
use crate::{
    protocol::{Changes, Columns, DependencyTokens, Depends, Events, Key, Proofs, Record, Token},
    rows::{CacheBackend, StoredRows, read_rows},
    store::auth::Authenticator,
};

const KEY: &str = "key";

/// The limit of uncompressed rows.
const MAX_INFLATED: usize = 1 << 20;

/// Checks an entry with these bytes: as they are, and with a valid checksum.
///
/// # Panics
/// If a property does not hold.
pub fn entry(bytes: &[u8]) {
    let auth = Authenticator::new(None);
    assert!(
        Entry::open(
            &Authenticator::new(Some("secret")),
            KEY,
            bytes.to_vec(),
            MAX_INFLATED
        )
        .is_none()
    );
    let _ = Entry::open(&auth, KEY, bytes.to_vec(), MAX_INFLATED);

    let encoded = entry::signed_by_attacker(&auth, KEY, bytes);
    let Some(entry) = Entry::open(&auth, KEY, encoded.clone(), MAX_INFLATED) else {
        return;
    };
    for proofs in [Vec::new(), vec![nothing()]] {
        let tokens = Vec::new();
        let _ = entry.is_current(&Validators { tokens, proofs });
    }
    if let Some(stored) = entry.rows() {
        rows(&stored, entry.weight());
    }
}

/// Proofs that no entry has.
fn nothing() -> Proofs {
    Proofs {
        table: Token::from_bytes([0; Token::LEN]),
        key: None,
    }
}

/// Reads all rows, raw and through every backend.
fn rows(stored: &StoredRows, weight: usize) {
    let cells = |row| (0..stored.columns()).filter_map(move |column| stored.cell(row, column));
    let bytes: usize = (0..stored.rows()).flat_map(cells).map(<[u8]>::len).sum();
    assert!(bytes <= weight);
    #[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
    use diesel::sql_types as sql;
    #[cfg(feature = "postgres")]
    {
        use diesel::{data_types, pg::Pg};
        read::<sql::Bool, bool, Pg>(stored);
        read::<sql::SmallInt, i16, Pg>(stored);
        read::<sql::Nullable<sql::BigInt>, Option<i64>, Pg>(stored);
        read::<sql::Double, f64, Pg>(stored);
        read::<sql::Numeric, data_types::PgNumeric, Pg>(stored);
        read::<sql::Text, String, Pg>(stored);
        read::<sql::Binary, Vec<u8>, Pg>(stored);
        read::<sql::Timestamp, data_types::PgTimestamp, Pg>(stored);
        read::<sql::Interval, data_types::PgInterval, Pg>(stored);
        read::<sql::Array<sql::Integer>, Vec<i32>, Pg>(stored);
        read::<sql::Range<sql::Integer>, (Bound<i32>, Bound<i32>), Pg>(stored);
        read::<(sql::Integer, sql::Text), (i32, String), Pg>(stored);
    }
    #[cfg(feature = "mysql")]
    {
        use diesel::mysql::{Mysql, data_types::MysqlTime};
        read::<sql::Bool, bool, Mysql>(stored);
        read::<sql::SmallInt, i16, Mysql>(stored);
        read::<sql::Nullable<sql::BigInt>, Option<i64>, Mysql>(stored);
        read::<sql::Unsigned<sql::BigInt>, u64, Mysql>(stored);
        read::<sql::Double, f64, Mysql>(stored);
        read::<sql::Text, String, Mysql>(stored);
        read::<sql::Binary, Vec<u8>, Mysql>(stored);
        read::<sql::Datetime, MysqlTime, Mysql>(stored);
        read::<(sql::Integer, sql::Text), (i32, String), Mysql>(stored);
    }
    #[cfg(feature = "sqlite")]
    {
        use diesel::sqlite::Sqlite;
        read::<sql::Bool, bool, Sqlite>(stored);
        read::<sql::Nullable<sql::BigInt>, Option<i64>, Sqlite>(stored);
        read::<sql::Double, f64, Sqlite>(stored);
        read::<sql::Text, String, Sqlite>(stored);
        read::<sql::Binary, Vec<u8>, Sqlite>(stored);
        read::<(sql::Integer, sql::Text), (i32, String), Sqlite>(stored);
    }
}

/// Decoding may fail, but must not panic.
#[cfg_attr(
    not(any(feature = "mysql", feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "there are no rows without a backend")
)]
fn read<ST, U: FromSqlRow<ST, DB>, DB: CacheBackend>(stored: &StoredRows) {
    let rows = stored.rows();
    if let Some(Ok(read)) = read_rows::<DB, ST, U>(stored.clone(), rows) {
        assert_eq!(read.len(), rows);
    }
}

/// Checks a version record with these bytes.
///
/// # Panics
/// If a property does not hold.
pub fn record(bytes: &[u8]) {
    let open = |auth: &Authenticator| auth.verify_record(KEY, bytes).map(<[u8]>::to_vec);
    assert_eq!(open(&Authenticator::new(Some("secret"))), None);
    assert_eq!(open(&Authenticator::new(None)).as_deref(), Some(bytes));

    let Some(record) = Record::from_bytes(bytes) else {
        return;
    };
    assert_eq!(Record::from_bytes(&record.to_bytes()), Some(record.clone()));
    let columns = |names: &[&str]| Changes {
        events: Events::ALL,
        updated: Columns::from_iter(names.iter().copied()),
    };
    let key = Key {
        column: "id".into(),
        buckets: [17].into(),
    };
    let dependencies = [
        Changes::ALL,
        Events::DELETE.into(),
        Events::UPSERT.into(),
        columns(&[]),
        columns(&["a", "title", "votes"]),
    ];
    for changes in dependencies {
        if let Some(tokens) = DependencyTokens::if_idle(bytes, &changes) {
            assert_eq!(tokens, DependencyTokens::of(&record, &changes));
            assert!(record.writers().is_empty());
        }
        let depends = Depends {
            changes: &changes,
            key: Some(&key),
        };
        if let Some(tokens) = DependencyTokens::if_idle(bytes, depends) {
            assert_eq!(tokens, DependencyTokens::of(&record, depends));
        }
    }
}

#[cfg(test)]
mod tests {
    use lz4_flex::block::compress;

    use super::*;

    const MEGABYTE: usize = 1 << 20;

    /// The peak memory of `work`, divided by `bytes`.
    fn memory(bytes: usize, work: impl FnOnce()) -> usize {
        let taken = allocation_counter::measure(work).bytes_max;
        usize::try_from(taken).unwrap().div_ceil(bytes.max(1))
    }

    /// The body of an entry without tokens.
    fn body(size: usize, rows: &[u8]) -> Vec<u8> {
        let size = u32::try_from(size).unwrap().to_le_bytes();
        [&[0; 16], size.as_slice(), &[0; 4], rows].concat()
    }

    fn block(columns: u32, rows: u32, fill: &[u8], length: usize) -> Vec<u8> {
        let mut bytes = columns.to_le_bytes().to_vec();
        bytes.extend(std::iter::repeat_n(
            0,
            usize::try_from(columns).unwrap() * 8,
        ));
        bytes.extend(rows.to_le_bytes());
        let room = length.saturating_sub(bytes.len()) / fill.len();
        bytes.extend(fill.repeat(room));
        bytes
    }

    fn read_raw(encoded: Vec<u8>) {
        let entry = Entry::open(&Authenticator::new(None), KEY, encoded, MAX_INFLATED);
        let Some(rows) = entry.as_ref().and_then(Entry::rows) else {
            return;
        };
        for row in 0..rows.rows() {
            let _ = rows.cell(row, 0);
        }
    }

    /// Each step of the decoder consumes bytes, so its time is proportional too.
    #[test]
    fn x04_the_memory_of_decoding_an_entry_is_proportional() {
        const NULL: [u8; 4] = [0xff; 4];
        let nulls = block(1, (MEGABYTE / 4 - 4).try_into().unwrap(), &NULL, MEGABYTE);
        let columns = block((MEGABYTE / 8 - 1).try_into().unwrap(), 0, &NULL, 0);
        let cases = [
            body(0, &[0; MEGABYTE]),
            body(0, &[0xff; MEGABYTE]),
            body(0, &nulls),
            body(0, &columns),
            body(0, &block(1, u32::MAX, &NULL, MEGABYTE)),
            body(0, &block(1, 1, &[0xfe, 0xff, 0xff, 0xff], MEGABYTE)),
            body(MAX_INFLATED, &[0x1f; MEGABYTE]),
            body(MAX_INFLATED, &[0xff; MEGABYTE]),
        ];
        for (number, case) in cases.iter().enumerate() {
            let encoded = entry::signed_by_attacker(&Authenticator::new(None), KEY, case);
            let taken = memory(encoded.len(), || read_raw(encoded));
            assert!(taken <= 4, "{taken} bytes for each of case {number}");
        }
        // Compressed rows may take up to the limit.
        for (number, rows) in [nulls, columns, vec![0; MAX_INFLATED]].iter().enumerate() {
            let small = body(rows.len(), &compress(rows));
            assert!(small.len() < MEGABYTE / 100);
            let encoded = entry::signed_by_attacker(&Authenticator::new(None), KEY, &small);
            let taken = memory(MAX_INFLATED, || read_raw(encoded));
            assert!(taken <= 4, "{taken} bytes for each of bomb {number}");
        }
        // And no more.
        for size in [MAX_INFLATED + 1, u32::MAX as usize] {
            let encoded = entry::signed_by_attacker(
                &Authenticator::new(None),
                KEY,
                &body(size, &compress(&vec![0; MAX_INFLATED + 1])),
            );
            let taken = memory(encoded.len(), || read_raw(encoded));
            assert_eq!(taken, 0, "a size of {size}");
        }
    }

    #[test]
    fn x04_the_memory_of_parsing_a_record_is_proportional() {
        let record = |any: &str, writers: &str| {
            format!("{{\"v\":3,\"any\":{any},\"writers\":{writers},\"insert\":\"\"}}")
        };
        let any = format!("\"{}\"", "a".repeat(32));
        let writer = format!("{{\"id\":{any},\"until\":1}},");
        for length in [MEGABYTE, 250_000] {
            let cases = [
                "[".repeat(length),
                "{\"v\":".repeat(length / 5),
                "9".repeat(length),
                record(&any, &"[".repeat(length)),
                record(&any, &format!("[{}", writer.repeat(length / writer.len()))),
                record(&any, &format!("[{}", "{},".repeat(length / 3))),
                record(&format!("\"{}", "\\u0061".repeat(length / 6)), "[]"),
                record(&format!("\"{}\"", "a".repeat(length)), "[]"),
                record(&any, &"9".repeat(length)),
            ];
            for (number, case) in cases.iter().enumerate() {
                let bytes = case.as_bytes();
                let taken = memory(bytes.len(), || {
                    assert!(Record::from_bytes(bytes).is_none());
                    assert!(DependencyTokens::if_idle(bytes, &Changes::ALL).is_none());
                });
                assert!(taken <= 2, "{taken} bytes for each of case {number}");
            }
        }
    }
}
