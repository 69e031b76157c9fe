//! `cachalot watch`: invalidations and the store's traffic as they happen.

mod changes;
mod event;
mod traffic;

use std::{io::Write, time::Duration};

use cachalot_diesel::{Cachalot, TableStatus};
use clap::Args;

use crate::{Failure, Target, failure::chain, memcached, stop::Stop};
use changes::Changes;
use event::{Event, Printer};
use traffic::Counts;

/// Print invalidations and the store's traffic as they happen, until Ctrl-C
///
/// Polls the version records: several invalidations of a table within an interval are shown as one. The
/// traffic is from memcached's statistics and includes all of its clients. Memcached counts an outdated
/// entry as a hit; the hit rate of a program is only in its own `stats`.
#[derive(Args)]
pub(crate) struct Watch {
    /// Only these tables, and invalidations of everything [default: all tables that have a record]
    #[arg(value_name = "TABLE")]
    tables: Vec<String>,
    /// Print a line of JSON for each event
    #[arg(long)]
    json: bool,
    /// Stop after this time
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    length: Option<Duration>,
    /// The polling interval
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "1")]
    interval: Duration,
    #[command(flatten)]
    target: Target,
}

/// Accepts fractions, but not less than a hundredth, to limit the load on the store.
fn seconds(text: &str) -> Result<Duration, String> {
    let expected = "expected seconds, like 10 or 0.5";
    let seconds: f64 = text.parse().map_err(|_| expected.to_owned())?;
    let length = Duration::try_from_secs_f64(seconds).map_err(|_| expected.to_owned())?;
    if length < Duration::from_millis(10) {
        return Err("expected at least 0.01 seconds".to_owned());
    }
    Ok(length)
}

impl Watch {
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let cache = self.target.open_shared()?;
        let servers = memcached::servers(&cache);
        let stop = Stop::after(self.length)?;
        let mut printer = Printer::new(out, self.json);
        let first = self.poll(&cache).map_err(Failure::failed)?;
        let mut changes = Changes::since(&first);
        printer.print(&Event::Watching {
            store: cache.store_name(),
            namespace: cache.namespace().to_owned(),
            // Without the record of everything.
            tables: first.len() - 1,
        })?;
        let mut before = Counts::ask(&servers).ok();
        let mut reachable = true;
        while stop.wait(self.interval) {
            // Read before and after our own polling, so that it is not counted.
            let now = Counts::ask(&servers).ok();
            if let (Some(before), Some(now)) = (&before, &now)
                && let Some(traffic) = now.since(before)
            {
                printer.print(&Event::Traffic(traffic))?;
            }
            match self.poll(&cache) {
                Ok(tables) => {
                    if !reachable {
                        printer.print(&Event::Reachable)?;
                    }
                    reachable = true;
                    for change in changes.to(&tables) {
                        printer.print(&change)?;
                    }
                }
                Err(error) => {
                    if reachable {
                        printer.print(&Event::Unreachable {
                            error: chain(&error),
                        })?;
                    }
                    reachable = false;
                }
            }
            before = Counts::ask(&servers).ok();
        }
        printer.print(&Event::Ended {
            invalidations: changes.invalidations(),
        })
    }

    /// The status of everything and of the tables.
    fn poll(&self, cache: &Cachalot) -> Result<Vec<TableStatus>, cachalot_diesel::Error> {
        let everything = ["*"].into_iter().filter(|_| !self.tables.is_empty());
        let tables = self.tables.iter().map(String::as_str);
        cache.table_status(everything.chain(tables))
    }
}
