//! Tortures the cache: several processes of several threads increment counters in every way there is
//! and read them through the cache, while a referee checks that no read is older than it may be.

#![allow(
    clippy::duplicate_mod,
    reason = "the same work is done on every database"
)]

mod chaos;
mod client;
mod database;
mod message;
mod referee;
mod report;
mod store;
mod worker;

/// The work on a database, by plain connections and by those of the type.
macro_rules! database {
    ($database:ident, $connection:ident, $dialect:literal) => {
        #[path = "."]
        mod $database {
            #[path = "."]
            pub(crate) mod plain {
                pub(crate) use cachalot_tests::{schema::$database as schema, $database as db};
                pub(crate) use diesel::$connection as Conn;

                #[path = $dialect]
                pub(crate) mod dialect;
                pub(crate) mod work;
            }

            #[path = "."]
            pub(crate) mod typed {
                pub(crate) use cachalot_tests::{schema::$database as schema, $database as db};

                pub(crate) type Conn = cachalot_diesel::CachalotConnection<diesel::$connection>;

                #[path = $dialect]
                pub(crate) mod dialect;
                pub(crate) mod work;
            }
        }
    };
}

database!(sqlite, SqliteConnection, "dialect/sqlite.rs");
database!(postgres, PgConnection, "dialect/postgres.rs");
database!(mysql, MysqlConnection, "dialect/mysql.rs");

use std::{
    env,
    io::{self, Write as _},
    net::{Ipv4Addr, TcpListener},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use cachalot_tests::{memcached, unique};
use clap::Parser;
use fastrand::Rng;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    chaos::{Chaos, Need, Workers},
    client::Clients,
    database::Database,
    referee::{Referee, Rules},
    report::Report,
    store::Sabotage,
    worker::Worker,
};

/// Torture the cache, and check that no read is older than it may be.
///
/// Exit codes: 0 nothing was found, 1 something was, or nothing was tortured, 2 misuse.
#[derive(Parser)]
#[command(name = "torture")]
struct Torture {
    /// The database
    #[arg(long)]
    database: Database,
    /// How long to torture, in minutes
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    #[command(flatten)]
    chaos: Chaos,
    /// How many processes work
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    processes: u64,
    /// How many threads each of them has
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    threads: u64,
    /// What the threads work with
    #[arg(long = "client", default_value = "mixed")]
    clients: Clients,
    /// Decides what is done, though not how it interleaves; one is chosen and printed
    #[arg(long)]
    seed: Option<u64>,
    /// Leave something out of the protocol, until it is found
    #[arg(long, hide = true)]
    sabotage: Option<Sabotage>,
}

fn main() -> ExitCode {
    // A torture starts itself again as its workers.
    let mut arguments = env::args_os().skip(1).peekable();
    let done = if arguments.peek().is_some_and(|first| first == worker::NAME) {
        Worker::parse_from(arguments).run().map(|()| true)
    } else {
        Torture::parse().run()
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("torture: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Torture {
    fn rules(&self) -> Rules {
        let Chaos {
            restart,
            flush,
            freeze,
            ..
        } = self.chaos;
        Rules {
            p2: !(restart || flush || freeze),
            // Longer than any lock is waited for; short, where killed writers are to be got over.
            lease: Duration::from_secs(if self.chaos.kill { 2 } else { 30 }),
        }
    }

    /// Whether nothing was found.
    fn run(&self) -> io::Result<bool> {
        let time = Duration::try_from_secs_f64(self.minutes * 60.0).map_err(io::Error::other)?;
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(..));
        let mut rng = Rng::with_seed(seed);
        let database = self.database.make();
        let memcached = memcached::start(&[]);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let rules = self.rules();
        let referee = Arc::new(Referee::new(rules));
        referee.listen(listener);
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        // A store that is only busy must not pass for one that is gone.
        let store_timeout_ms = if self.chaos.freeze { 50 } else { 5_000 };
        let worker = Worker {
            database: self.database,
            database_url: database.url().to_owned(),
            memcached: memcached.address(),
            namespace: unique::name("torture"),
            referee: address,
            threads: self.threads,
            clients: self.clients,
            seed,
            lease_ms: millis(rules.lease),
            store_timeout_ms,
            sabotage: self.sabotage,
        };

        let started = Instant::now();
        let mut workers = Workers::start(worker, self.processes)?;
        let progress = progress();
        let done = workers.trouble(self.chaos, &memcached, &mut rng, time, |done| {
            progress.set_message(line(&referee, done, started.elapsed()));
            match self.sabotage {
                Some(sabotage) if referee.has_found(sabotage.breaks()) => Need::Nothing,
                None if !referee.has_seen_work() => Need::More,
                _ => Need::Time,
            }
        })?;
        referee.stop();
        let failed = workers.finish()?;
        progress.finish_and_clear();

        let report = Report {
            title: format!(
                "torture of {}: {} processes of {} threads, --seed {seed}",
                self.database, self.processes, self.threads
            ),
            time: started.elapsed(),
            chaos: self.chaos,
            done,
            verdict: referee.verdict(),
            values: (self.database.doors().values)(database.url()),
            failed,
        };
        write!(io::stdout(), "{report}")?;
        Ok(report.complaints().is_empty())
    }
}

/// A line that changes, on a terminal; nothing elsewhere.
fn progress() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    bar
}

fn line(referee: &Referee, done: &chaos::Done, elapsed: Duration) -> String {
    let verdict = referee.verdict();
    format!(
        "{:.0} s: {} reads, {} hits, {} writes, {} kills, {} restarts, {} flushes, {} violations",
        elapsed.as_secs_f64(),
        verdict.totals.reads,
        verdict.counts.hits,
        verdict.totals.writes,
        done.kills,
        done.restarts,
        done.flushes,
        verdict.violations.len()
    )
}
