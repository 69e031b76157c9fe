//! What reads and writes cost on real servers, with the cache and without.
//!
//! `cargo bench -p cachalot-benches` starts its own servers, measures for a quarter of an hour and writes
//! `benches/results/DATE/`. `-- --quick` takes half a minute, and prints one line of JSON for each
//! figure that has a target: `{"name": …, "value": …, "target": …}`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops on any error"
)]
#![allow(
    clippy::duplicate_mod,
    reason = "the same work is done on every database"
)]

mod baselines;
mod cold;
mod flights;
mod load;
mod options;
mod pace;
mod publish;
mod rates;
mod reads;
mod results;
mod servers;
mod software;
mod store;
mod targets;

#[path = "."]
mod postgres {
    pub(crate) use cachalot_tests::{postgres as db, schema::postgres as schema};
    pub(crate) use diesel::PgConnection as Conn;

    pub(crate) const DATABASE: &str = "PostgreSQL";

    pub(crate) mod posts;
    pub(crate) mod sizes;
    pub(crate) mod world;
}

#[path = "."]
mod mysql {
    pub(crate) use cachalot_tests::{mysql as db, schema::mysql as schema};
    pub(crate) use diesel::MysqlConnection as Conn;

    pub(crate) const DATABASE: &str = "MariaDB";

    mod posts;
    pub(crate) mod sizes;
    pub(crate) mod world;
}

#[path = "."]
mod sqlite {
    pub(crate) use cachalot_tests::{schema::sqlite as schema, sqlite as db};
    pub(crate) use diesel::SqliteConnection as Conn;

    pub(crate) const DATABASE: &str = "SQLite";

    mod posts;
    pub(crate) mod sizes;
    pub(crate) mod world;
}

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use cachalot_benches::{Figure, Machine};
use options::{Options, Section};
use pace::Pace;
use results::Run;

fn main() {
    let options = Options::read();
    if let Some(folder) = &options.redraw {
        let run = fs::read_to_string(folder.join("results.json")).unwrap();
        publish::write(&serde_json::from_str(&run).unwrap(), folder);
        return;
    }
    if options.quick {
        let pace = Pace {
            rounds: 2_000,
            limit: Duration::from_secs(4),
        };
        print(&targets::measure(&flown(), pace));
        return;
    }
    let run = measure(&options);
    print(&run.figures);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("results")
        .join(&run.date);
    publish::write(&run, &folder);
    eprintln!("written: {}", folder.display());
}

/// PostgreSQL with all flights.
fn flown() -> postgres::world::World {
    let world = postgres::world::World::new();
    flights::load(&world);
    world
}

fn print(figures: &[Figure]) {
    for figure in figures {
        println!("{}", figure.json());
    }
}

fn measure(options: &Options) -> Run {
    let pace = Pace {
        rounds: 10_000,
        limit: Duration::from_secs(20),
    };
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let machine = Machine::describe();
    let world = flown();
    let mut run = Run {
        date: date.chars().take(10).collect(),
        machine,
        load_after: String::new(),
        software: software::versions(&world),
        figures: Vec::new(),
        sizes: Vec::new(),
        baseline_rows: baselines::ROWS.to_vec(),
        baselines: Vec::new(),
        rates: Vec::new(),
        cold: Vec::new(),
        servers: Vec::new(),
    };
    let wants = |section| options.only.is_empty() || options.only.contains(&section);
    if wants(Section::Targets) {
        run.figures = targets::measure(&world, pace);
    }
    if wants(Section::Rivals) {
        run.baselines = baselines::measure(&world, pace);
    }
    if wants(Section::Sizes) {
        let (memcached, pace) = (store::memcached(), pace.slower(5));
        run.sizes = postgres::sizes::measure(&world, &memcached, pace);
        let world = mysql::world::World::new();
        run.sizes
            .extend(mysql::sizes::measure(&world, &memcached, pace));
        let world = sqlite::world::World::new();
        run.sizes
            .extend(sqlite::sizes::measure(&world, &memcached, pace));
    }
    if wants(Section::Cold) {
        run.cold = cold::measure(&world);
    }
    if wants(Section::Servers) {
        run.servers = servers::measure(&world, pace.slower(2));
    }
    if wants(Section::Rates) {
        run.rates = rates::measure(&world);
    }
    run.load_after = Machine::load();
    run
}
