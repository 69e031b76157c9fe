//! The data: CSV files inside the program, read with serde and inserted in batches.

use std::{io::Read, time::Instant};

use chrono::{DateTime, NaiveDateTime, Utc};
use csv::StringRecord;
use diesel::prelude::*;
use flate2::read::GzDecoder;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{
    Result,
    database::{Database, on},
    schema::{airlines, airports, flights, planes},
};

const AIRLINES: &[u8] = include_bytes!("../data/airlines.csv");
const AIRPORTS: &[u8] = include_bytes!("../data/airports.csv");
const PLANES: &[u8] = include_bytes!("../data/planes.csv");
const FLIGHTS: &[u8] = include_bytes!("../data/flights-2013-01.csv.gz");

/// Rows per INSERT: 19 columns of flights make 9,500 binds; SQLite allows 32,766, the others 65,535.
const BATCH: usize = 500;

#[derive(Deserialize, Insertable)]
struct Airline {
    carrier: String,
    name: String,
}

#[derive(Deserialize, Insertable)]
#[diesel(treat_none_as_default_value = false)]
struct Airport {
    faa: String,
    name: String,
    lat: f64,
    lon: f64,
    alt: i32,
    tz: i32,
    dst: String,
    tzone: Option<String>,
}

#[derive(Deserialize, Insertable)]
#[diesel(treat_none_as_default_value = false)]
struct Plane {
    tailnum: String,
    year: Option<i32>,
    #[serde(rename = "type")]
    type_: String,
    manufacturer: String,
    model: String,
    engines: i32,
    seats: i32,
    speed: Option<i32>,
    engine: String,
}

#[derive(Deserialize, Insertable)]
#[diesel(treat_none_as_default_value = false)]
struct Flight {
    year: i32,
    month: i32,
    day: i32,
    dep_time: Option<i32>,
    sched_dep_time: i32,
    dep_delay: Option<i32>,
    arr_time: Option<i32>,
    sched_arr_time: i32,
    arr_delay: Option<i32>,
    carrier: String,
    flight: i32,
    tailnum: Option<String>,
    origin: String,
    dest: String,
    air_time: Option<i32>,
    distance: i32,
    hour: i32,
    minute: i32,
    #[serde(deserialize_with = "utc")]
    time_hour: NaiveDateTime,
}

macro_rules! insert {
    ($conn:ident, $table:expr, $rows:ident, $bar:ident) => {
        for batch in $rows.chunks(BATCH) {
            diesel::insert_into($table).values(batch).execute($conn)?;
            $bar.inc(batch.len() as u64);
        }
    };
}

/// Loads January 2013 unless flights are there already, and says which of the two it did.
///
/// One transaction: an interrupted run leaves nothing behind.
pub(crate) fn january(db: &mut Database) -> Result<String> {
    let present: i64 = on!(db, plain => flights::table.count().get_result(plain))?;
    if present > 0 {
        return Ok(format!("{present} flights are there already"));
    }
    let start = Instant::now();
    let airlines: Vec<Airline> = read(AIRLINES)?;
    let airports: Vec<Airport> = read(AIRPORTS)?;
    let planes: Vec<Plane> = read(PLANES)?;
    let flights: Vec<Flight> = read(GzDecoder::new(FLIGHTS))?;

    let rows = airlines.len() + airports.len() + planes.len() + flights.len();
    let style = ProgressStyle::with_template("loading {wide_bar} {human_pos}/{human_len} rows")?;
    let bar = ProgressBar::new(rows as u64).with_style(style);
    on!(db, plain => plain.transaction(|conn| -> Result<()> {
        insert!(conn, airlines::table, airlines, bar);
        insert!(conn, airports::table, airports, bar);
        insert!(conn, planes::table, planes, bar);
        insert!(conn, flights::table, flights, bar);
        Ok(())
    }))?;
    bar.finish_and_clear();
    Ok(format!(
        "loaded {} flights in {:.1?}",
        flights.len(),
        start.elapsed()
    ))
}

/// Every row of a CSV file, in which `NA` stands for null.
fn read<T: DeserializeOwned>(file: impl Read) -> csv::Result<Vec<T>> {
    let mut csv = csv::Reader::from_reader(file);
    let header = csv.headers()?.clone();
    csv.records()
        .map(|record| {
            let empty_if_null = |field| if field == "NA" { "" } else { field };
            record?
                .iter()
                .map(empty_if_null)
                .collect::<StringRecord>()
                .deserialize(Some(&header))
        })
        .collect()
}

fn utc<'de, D: Deserializer<'de>>(text: D) -> Result<NaiveDateTime, D::Error> {
    DateTime::<Utc>::deserialize(text).map(|time| time.naive_utc())
}
