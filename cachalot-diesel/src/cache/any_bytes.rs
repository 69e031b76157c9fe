//! What holds of any bytes that a store may answer with.

#[cfg(feature = "postgres")]
use std::ops::Bound;

use diesel::deserialize::FromSqlRow;

use super::{Entry, seal::Seal};
use crate::{
    protocol::{Record, calm_token},
    rows::{Block, CacheBackend, private::Reader},
};

const KEY: &str = "key";

/// What an entry may take in memory.
const MOST: usize = 1 << 20;

/// Checks it for an entry with these bytes: as they are, and behind a checksum that holds.
///
/// # Panics
/// If something does not hold.
pub fn entry(bytes: &[u8]) {
    let seal = Seal::new(None);
    assert!(Entry::open(&Seal::new(Some("secret")), KEY, bytes.to_vec(), MOST).is_none());
    let _ = Entry::open(&seal, KEY, bytes.to_vec(), MOST);

    let sealed = super::entry::forged(&seal, KEY, bytes);
    let Some(entry) = Entry::open(&seal, KEY, sealed.clone(), MOST) else {
        return;
    };
    let _ = entry.is_of(&[]);
    if let Some(block) = entry.block() {
        rows(&block, entry.weight());
    }
}

/// Reads all rows, as they are and as every backend would give them to a program.
fn rows(block: &Block<'_>, weight: usize) {
    let mut cells = Vec::new();
    let mut bytes = 0;
    let mut rest = block.clone();
    while rest.next_row(&mut cells) {
        assert_eq!(cells.len(), block.columns().len());
        bytes += cells.iter().flatten().map(|cell| cell.len()).sum::<usize>();
    }
    assert!(bytes <= weight);
    #[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
    use diesel::sql_types as sql;
    #[cfg(feature = "postgres")]
    {
        use diesel::{data_types, pg::Pg};
        read::<sql::Bool, bool, Pg>(block);
        read::<sql::SmallInt, i16, Pg>(block);
        read::<sql::Nullable<sql::BigInt>, Option<i64>, Pg>(block);
        read::<sql::Double, f64, Pg>(block);
        read::<sql::Numeric, data_types::PgNumeric, Pg>(block);
        read::<sql::Text, String, Pg>(block);
        read::<sql::Binary, Vec<u8>, Pg>(block);
        read::<sql::Timestamp, data_types::PgTimestamp, Pg>(block);
        read::<sql::Interval, data_types::PgInterval, Pg>(block);
        read::<sql::Array<sql::Integer>, Vec<i32>, Pg>(block);
        read::<sql::Range<sql::Integer>, (Bound<i32>, Bound<i32>), Pg>(block);
        read::<(sql::Integer, sql::Text), (i32, String), Pg>(block);
    }
    #[cfg(feature = "mysql")]
    {
        use diesel::mysql::{Mysql, data_types::MysqlTime};
        read::<sql::Bool, bool, Mysql>(block);
        read::<sql::SmallInt, i16, Mysql>(block);
        read::<sql::Nullable<sql::BigInt>, Option<i64>, Mysql>(block);
        read::<sql::Unsigned<sql::BigInt>, u64, Mysql>(block);
        read::<sql::Double, f64, Mysql>(block);
        read::<sql::Text, String, Mysql>(block);
        read::<sql::Binary, Vec<u8>, Mysql>(block);
        read::<sql::Datetime, MysqlTime, Mysql>(block);
        read::<(sql::Integer, sql::Text), (i32, String), Mysql>(block);
    }
    #[cfg(feature = "sqlite")]
    {
        use diesel::sqlite::Sqlite;
        read::<sql::Bool, bool, Sqlite>(block);
        read::<sql::Nullable<sql::BigInt>, Option<i64>, Sqlite>(block);
        read::<sql::Double, f64, Sqlite>(block);
        read::<sql::Text, String, Sqlite>(block);
        read::<sql::Binary, Vec<u8>, Sqlite>(block);
        read::<(sql::Integer, sql::Text), (i32, String), Sqlite>(block);
    }
}

/// What comes of it is the type's own business, as long as something does.
fn read<ST, U: FromSqlRow<ST, DB>, DB: CacheBackend>(block: &Block<'_>) {
    let rows = block.rows();
    if let Ok(read) = DB::read_rows::<ST, U>(Reader(block.clone()), rows) {
        assert_eq!(read.len(), rows);
    }
}

/// Checks it for a version record with these bytes.
///
/// # Panics
/// If something does not hold.
pub fn record(bytes: &[u8]) {
    let open = |seal: &Seal| seal.open_record(KEY, bytes).map(<[u8]>::to_vec);
    assert_eq!(open(&Seal::new(Some("secret"))), None);
    assert_eq!(open(&Seal::new(None)).as_deref(), Some(bytes));

    let token = calm_token(bytes);
    let Some(record) = Record::from_bytes(bytes) else {
        return;
    };
    assert_eq!(Record::from_bytes(&record.to_bytes()), Some(record.clone()));
    if let Some(token) = token {
        assert_eq!(token, record.any());
        assert!(record.writers().is_empty());
    }
}
