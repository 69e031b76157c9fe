//! A sample of the nycflights13 data: 312 flights and what they refer to.

use diesel::connection::SimpleConnection;

/// The tables in an order that foreign keys allow, with their rows.
const TABLES: [(&str, &str); 4] = [
    ("airlines", include_str!("../data/airlines.csv")),
    ("airports", include_str!("../data/airports.csv")),
    ("planes", include_str!("../data/planes.csv")),
    ("flights", include_str!("../data/flights.csv")),
];

/// The number of flights in the sample, whose ids are `1..=COUNT`.
pub const COUNT: i32 = 312;

/// Puts the sample into the four tables, which must be empty.
///
/// # Panics
///
/// If the database refuses the rows.
pub fn load(conn: &mut impl SimpleConnection) {
    for (table, csv) in TABLES {
        conn.batch_execute(&insert(table, csv))
            .unwrap_or_else(|error| panic!("the sample does not fit into {table}: {error}"));
    }
}

/// One INSERT of all rows.
fn insert(table: &str, csv: &str) -> String {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().expect("the sample has a header");
    let columns = header.iter().collect::<Vec<_>>().join(", ");
    let rows: Vec<String> = reader
        .records()
        .map(|record| {
            let record = record.expect("the sample is well-formed");
            let values: Vec<String> = record.iter().map(literal).collect();
            format!("({})", values.join(", "))
        })
        .collect();
    format!("INSERT INTO {table} ({columns}) VALUES {}", rows.join(", "))
}

/// `NA` is null; a time such as `2013-01-01T10:00:00Z` loses its letters, which MariaDB does not read.
fn literal(field: &str) -> String {
    if field == "NA" {
        return "NULL".to_owned();
    }
    let is_time = field.len() == 20 && field.ends_with('Z');
    let plain = if is_time {
        field.replace('T', " ").replace('Z', "")
    } else {
        field.to_owned()
    };
    format!("'{}'", plain.replace('\'', "''"))
}
