//! A month of New York's flights, asked from the database and from the cache.
//!
//! `cargo run -p quickstart` needs nothing installed: SQLite is compiled in, the cache is this
//! process's own memory. `DATABASE_URL` and `CACHALOT_URL` move it to PostgreSQL or MariaDB and to
//! memcached.

mod database;
mod load;
mod models;
mod question;
mod report;
mod schema;

use std::{
    env::{self, VarError},
    error::Error,
    io::{self, Write},
    process::ExitCode,
};

use cachalot_diesel::{Builder, prelude::*};
use diesel::{
    dsl::{count_star, sum},
    prelude::*,
};

use crate::{
    database::{Database, on},
    models::Flight,
    question::{Question, question},
    schema::{airlines, airports, flights, planes},
};

type Failure = Box<dyn Error + Send + Sync>;
type Result<T, E = Failure> = std::result::Result<T, E>;

const PLANE: &str = "N15572";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "quickstart: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

/// An error and what caused it.
fn with_causes(mut error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string().trim_end().to_owned();
    while let Some(cause) = error.source() {
        text = format!("{text}: {cause}");
        error = cause;
    }
    text
}

fn run() -> Result<()> {
    let settings = Builder::from_env()?;
    let cache = match variable("CACHALOT_URL")? {
        Some(_) => settings.build()?,
        None => settings.url("memory://").build()?,
    };
    cache.install()?; // every connection opened from here on reports its writes

    let folder = tempfile::tempdir()?;
    let mut db = match variable("DATABASE_URL")? {
        Some(url) => Database::connect(&url)?,
        None => Database::file(&folder.path().join("flights.db"))?,
    };
    say(&report::database(&db))?;
    db.migrate()?;
    say(&load::january(&mut db)?)?;
    // A memcached outlives this program: forget what an earlier run has stored.
    cache.invalidate(database::TABLES)?;

    let id = flight_to_change(&mut db)?;
    let questions = questions(id);
    let timings: Result<Vec<_>> = questions.iter().map(|q| q.time(&mut db)).collect();
    say(&report::timings(&timings?))?;

    add_delay(&mut db, id, 60)?;
    let rereads: Result<Vec<_>> = questions.iter().map(|q| q.reread(&mut db)).collect();
    add_delay(&mut db, id, -60)?; // as it was, whatever the answers are
    say(&report::rereads(&rereads?))?;
    say(&report::counts(&cache.stats()))?;
    Ok(())
}

/// Not `println!`, which panics when nobody reads it any more.
fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

/// The value of an environment variable; its text is not printed, as it may hold a password.
fn variable(name: &str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(format!("{name} is not valid UTF-8").into()),
    }
}

/// The flight whose delay will change: the first one of the plane's day that arrived.
fn flight_to_change(db: &mut Database) -> Result<i32> {
    let query = flights::table
        .filter(flights::tailnum.eq(PLANE))
        .filter(flights::month.eq(1).and(flights::day.eq(16)))
        .filter(flights::arr_delay.is_not_null())
        .order(flights::sched_dep_time)
        .select(flights::id);
    let id = on!(db, plain => query.first(plain)).optional()?;
    id.ok_or_else(|| "the flights in the database are not those of nycflights13".into())
}

/// A write as any Diesel program does it. Either connection reports it to the cache.
fn add_delay(db: &mut Database, id: i32, minutes: i32) -> QueryResult<()> {
    on!(db, caching => caching.transaction(|conn| {
        diesel::update(flights::table.find(id))
            .set(flights::arr_delay.eq(flights::arr_delay + minutes))
            .execute(conn)?;
        Ok(())
    }))
}

/// The questions; each is one Diesel query and a line of text for the first row of its answer.
fn questions(id: i32) -> Vec<Question> {
    vec![
        question!(
            "Busiest routes",
            flights::table
                .group_by((flights::origin, flights::dest))
                .select((flights::origin, flights::dest, count_star()))
                .order((count_star().desc(), flights::origin, flights::dest))
                .limit(10),
            |(origin, dest, flights): &(String, String, i64)| {
                format!("{origin}-{dest}: {flights} flights")
            }
        ),
        question!(
            "Arrival delay by airline",
            flights::table
                .inner_join(airlines::table)
                .filter(flights::arr_delay.is_not_null())
                .group_by(airlines::name)
                .select((airlines::name, sum(flights::arr_delay)))
                .order((sum(flights::arr_delay).desc(), airlines::name)),
            |(airline, minutes): &(String, Option<i64>)| {
                format!("{airline}: {} min", minutes.unwrap_or_default())
            }
        ),
        question!(
            "A plane's day",
            flights::table
                .filter(flights::tailnum.eq(PLANE))
                .filter(flights::month.eq(1).and(flights::day.eq(16)))
                .order(flights::sched_dep_time)
                .select(Flight::as_select()),
            Flight::to_string
        ),
        question!(
            "One flight by its key",
            flights::table.find(id).select(Flight::as_select()),
            Flight::to_string
        ),
        question!(
            "Manufacturers of planes",
            planes::table
                .group_by(planes::manufacturer)
                .select((planes::manufacturer, count_star()))
                .order((count_star().desc(), planes::manufacturer)),
            |(manufacturer, planes): &(String, i64)| format!("{manufacturer}: {planes} planes")
        ),
        question!(
            "Airports of New York's time zone",
            airports::table
                .filter(airports::tzone.eq("America/New_York"))
                .order(airports::faa)
                .select((airports::faa, airports::name, airports::lat, airports::lon)),
            |(_, name, ..): &(String, String, f64, f64)| name.clone()
        ),
    ]
}
