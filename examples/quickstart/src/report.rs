//! What was found, as tables.

use cachalot_diesel::Stats;
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

use crate::{
    database::{Database, TABLES},
    question::{ROUNDS, Reread, Timing},
};

/// Said before anything is written.
pub(crate) fn database(db: &Database) -> String {
    let (name, tables) = (db.name(), TABLES.join(", "));
    format!("{name}: nothing is touched but the tables {tables} and Diesel's list of migrations.")
}

/// Each question with its times, and how to read them.
pub(crate) fn timings(timings: &[Timing]) -> String {
    let mut table = empty([
        "question",
        "rows",
        "first read",
        "database",
        ".cached()",
        "by the type",
        "speed-up",
    ]);
    let mut slower = false;
    for timing in timings {
        let speed_up = timing.database.as_secs_f64() / timing.by_type.as_secs_f64();
        slower |= speed_up < 0.95;
        table.add_row([
            format!("{}\n  {}", timing.title, timing.first),
            timing.rows.to_string(),
            format!("{:.1?}", timing.miss),
            format!("{:.1?}", timing.database),
            format!("{:.1?}", timing.cached),
            format!("{:.1?}", timing.by_type),
            format!("{speed_up:.1}x"),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = format!(
        "\n{table}\nThe first read asks the database and fills the cache. \
         The other times are medians of {ROUNDS} reads:\n\
         from the database, with `.cached(conn)` on Diesel's own connection, and by a plain `load` on a\n\
         `CachalotConnection`.\n"
    );
    if slower {
        text += "Below 1.0x the cache is the slower one: to look the answer up and rebuild its rows \
                 takes\nlonger than the database needs.\n";
    }
    if cfg!(debug_assertions) {
        text += "This is a debug build; measure with `cargo run --release -p quickstart`.\n";
    }
    text
}

/// Each question after the change, and where its answer came from.
pub(crate) fn rereads(rereads: &[Reread]) -> String {
    let mut table = empty(["question", "reads", "answer from", "took"]);
    for reread in rereads {
        table.add_row([
            format!("{}\n  {}", reread.title, reread.first),
            reread.tables.join(", "),
            reread.source.clone(),
            format!("{:.1?}", reread.took),
        ]);
    }
    format!("One flight is an hour later now. The same questions again:\n\n{table}")
}

/// The last line.
pub(crate) fn counts(stats: &Stats) -> String {
    let Stats { hits, misses, .. } = stats;
    format!("Every answer was the database's: {hits} hits, {misses} misses.")
}

fn empty<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header(header);
    table
}
