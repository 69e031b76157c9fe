//! What was found, as tables.

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

use crate::question::{ROUNDS, Reread, Timing};

/// Each question with its times, and how to read them.
pub(crate) fn timings(timings: &[Timing]) -> String {
    let mut table = empty([
        "question",
        "rows",
        "first read",
        "database",
        "cache",
        "speed-up",
    ]);
    let mut slower = false;
    for timing in timings {
        let speed_up = timing.database.as_secs_f64() / timing.cache.as_secs_f64();
        slower |= speed_up < 0.95;
        table.add_row([
            format!("{}\n  {}", timing.title, timing.first),
            timing.rows.to_string(),
            format!("{:.1?}", timing.miss),
            format!("{:.1?}", timing.database),
            format!("{:.1?}", timing.cache),
            format!("{speed_up:.1}x"),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = format!(
        "{table}\nThe first read asks the database and fills the cache. \
         The other times are medians of {ROUNDS} reads.\n"
    );
    if slower {
        text += "Below 1.0x the cache is the slower one: the database answers such a small read \
                 in less\ntime than it takes to look it up.\n";
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
            reread.tables.clone(),
            reread.source.clone(),
            format!("{:.1?}", reread.took),
        ]);
    }
    table.to_string()
}

fn empty<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header(header);
    table
}
