//! Items as somebody might make them who can write to the store and knows the format.

use twox_hash::{XxHash3_64, XxHash3_128};

/// Where the parts of an entry begin.
pub(super) const TAG_AT: usize = 5;
pub(super) const BODY_AT: usize = TAG_AT + 16;
const SIZE_AT: usize = BODY_AT + 16;
const COUNT_AT: usize = SIZE_AT + 4;
const TOKENS_AT: usize = COUNT_AT + 2;

/// How its rows begin: two columns with their names and types.
const COLUMNS: usize = 4 + (4 + "id".len() + 4) + (4 + "label".len() + 4);

/// An item cut off everywhere, with each of its bytes another, and what is nothing of it.
pub(super) fn spoilt(item: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut ways = vec![
        ("zeros".to_owned(), vec![0; item.len()]),
        ("a tail".to_owned(), [item, b"x"].concat()),
        ("a megabyte".to_owned(), vec![0xff; 1_000_000]),
        ("JSON of great depth".to_owned(), vec![b'['; 900_000]),
    ];
    for at in 0..item.len() {
        let mut other = item.to_vec();
        other[at] ^= 0xff;
        ways.push((format!("byte {at}"), other));
        ways.push((format!("cut at {at}"), item[..at].to_vec()));
    }
    ways
}

/// What anybody can make of an entry who can read it: other bytes under a checksum that holds.
pub(super) fn forged(key: &str, entry: &[u8]) -> Vec<u8> {
    let seed = XxHash3_64::oneshot(key.as_bytes());
    let tag = XxHash3_128::oneshot_with_seed(seed, &entry[BODY_AT..]);
    let mut entry = entry.to_vec();
    entry[TAG_AT..BODY_AT].copy_from_slice(&tag.to_le_bytes());
    entry
}

/// The entry with these bytes at that place.
pub(super) fn patched(entry: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut entry = entry.to_vec();
    entry[at..at + bytes.len()].copy_from_slice(bytes);
    entry
}

/// The entry, valid now, with other rows: of that size before they were compressed, or 0.
fn with_rows(entry: &[u8], size: u32, rows: &[u8]) -> Vec<u8> {
    let entry = patched(entry, SIZE_AT, &size.to_le_bytes());
    [&entry[..rows_at(&entry)], rows].concat()
}

fn rows_at(entry: &[u8]) -> usize {
    let count = u16::from_le_bytes([entry[COUNT_AT], entry[COUNT_AT + 1]]);
    TOKENS_AT + usize::from(count) * 16
}

/// Entries of the tables' present states from which no row can be read.
pub(super) fn unreadable(entry: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let rows = rows_at(entry);
    let endless = (u32::MAX - 1).to_le_bytes();
    let columns = &entry[rows..rows + COLUMNS];
    let bomb = |size: usize| lz4_flex::block::compress(&vec![0; size]);
    let nulls = [columns, &100_000_u32.to_le_bytes(), &[0xff; 800_000]].concat();
    let no_bytes = [columns, &1_u32.to_le_bytes(), &[0; 8]].concat();
    vec![
        ("tokens without end", patched(entry, COUNT_AT, &[0xff; 2])),
        ("columns without end", patched(entry, rows, &endless)),
        ("a name without end", patched(entry, rows + 4, &endless)),
        ("rows without end", patched(entry, rows + COLUMNS, &endless)),
        (
            "a cell without end",
            patched(entry, rows + COLUMNS + 4, &endless),
        ),
        (
            "rows of no columns",
            with_rows(entry, 0, &[0, 0, 0, 0, 9, 0, 0, 0]),
        ),
        ("many rows of nulls", with_rows(entry, 0, &nulls)),
        ("cells of no bytes", with_rows(entry, 0, &no_bytes)),
        ("no rows at all", with_rows(entry, 0, &[])),
        (
            "a size of 4 GiB",
            with_rows(entry, u32::MAX, &bomb(1 << 20)),
        ),
        ("a bomb", with_rows(entry, 1 << 20, &bomb(1 << 20))),
        ("a large bomb", with_rows(entry, 8 << 20, &bomb(8 << 20))),
        (
            "a bomb of another size",
            with_rows(entry, 1 << 20, &bomb(1 << 19)),
        ),
    ]
}

/// The same rows with another label.
pub(super) fn wrong(entry: &[u8]) -> Vec<u8> {
    let at = entry.windows(5).rposition(|bytes| bytes == b"right");
    patched(entry, at.unwrap(), b"wrong")
}

/// How the records of today's format start.
pub(super) const RECORD_START: &str = "{\"v\":3,";

/// Records that no writer would write: wrong types, huge numbers, great depth, many writers.
pub(super) fn records() -> Vec<(&'static str, String)> {
    let token = |digit: &str| digit.repeat(32);
    let record = |any: &str, writers: &str| {
        let (insert, update, delete) = (token("b"), token("c"), token("d"));
        let rest = format!("\"wide\":\"{update}\",\"columns\":{{}},\"keys\":{{}}");
        format!(
            "{RECORD_START}\"any\":{any},\"writers\":{writers},\"insert\":\"{insert}\",\"update\":\"{update}\",\"delete\":\"{delete}\",{rest}}}"
        )
    };
    let any = format!("\"{}\"", token("a"));
    let writer = |until: &str| format!("[{{\"id\":\"{}\",\"until\":{until}}}]", token("1"));
    let writers = |count: usize| {
        let writers: Vec<_> = (0..count)
            .map(|number| format!("{{\"id\":\"{number:032x}\",\"until\":1}}"))
            .collect();
        format!("[{}]", writers.join(","))
    };
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    vec![
        ("a record of another's", record(&any, "[]")),
        ("no object", "[1]".to_owned()),
        ("a number", "1e999999".to_owned()),
        ("digits", "9".repeat(200_000)),
        ("a text", format!("\"{}\"", "x".repeat(200_000))),
        ("depth", deep(100_000)),
        ("objects in objects", "{\"v\":".repeat(100_000)),
        ("depth inside", record(&any, &deep(50_000))),
        ("a token that is null", record("null", "[]")),
        ("a token that is a number", record("7", "[]")),
        ("a token that is a list", record("[[]]", "[]")),
        (
            "a token of no hex",
            record(&format!("\"{}\"", token("é")), "[]"),
        ),
        (
            "a token without end",
            record(&format!("\"{}\"", "a".repeat(200_000)), "[]"),
        ),
        ("writers that are a text", record(&any, "\"[]\"")),
        ("writers that are null", record(&any, "null")),
        ("writers of no writer", record(&any, "[7,{}]")),
        ("a lease of 1e400", record(&any, &writer("1e400"))),
        (
            "a lease of 2^64",
            record(&any, &writer("18446744073709551616")),
        ),
        ("a lease before 1970", record(&any, &writer("-1"))),
        (
            "a lease of digits",
            record(&any, &writer(&"9".repeat(200_000))),
        ),
        ("a lease that ended", record(&any, &writer("1"))),
        ("writers that crashed", record(&any, &writers(1_000))),
        (
            "more than a record may have",
            record(&any, &writers(10_000)),
        ),
        (
            "a field twice",
            record(&any, "[]").replacen("\"any\"", "\"v\":3,\"any\"", 1),
        ),
        (
            "another version",
            record(&any, "[]").replacen(RECORD_START, "{\"v\":255,", 1),
        ),
        (
            "the tag of another entry",
            format!("{}\n{}", record(&any, "[]"), "0".repeat(64)),
        ),
    ]
}
