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
/// Looks at the version records once in an interval: several invalidations of a table between two
/// looks are one. The traffic is memcached's own count of its reads and writes, of all its users:
/// "found" are items that were there, so an entry that an invalidation made worthless counts as
/// found. How many reads of a program the cache has answered, only that program's `stats` tell.
#[derive(Args)]
pub(crate) struct Watch {
    /// Only these tables, and invalidations of everything; without any, all that have a record
    #[arg(value_name = "TABLE")]
    tables: Vec<String>,
    /// A line of JSON for each event
    #[arg(long)]
    json: bool,
    /// End after so long
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    length: Option<Duration>,
    /// Look so often
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "1")]
    interval: Duration,
    #[command(flatten)]
    target: Target,
}

/// Fractions too; less than a hundredth would only keep the store busy.
fn seconds(text: &str) -> Result<Duration, String> {
    let expected = "write seconds, like 10 or 0.5";
    let seconds: f64 = text.parse().map_err(|_| expected.to_owned())?;
    let length = Duration::try_from_secs_f64(seconds).map_err(|_| expected.to_owned())?;
    if length < Duration::from_millis(10) {
        return Err("write 0.01 seconds or more".to_owned());
    }
    Ok(length)
}

impl Watch {
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let cache = self.target.open_shared()?;
        let servers = memcached::servers(&cache);
        let stop = Stop::after(self.length)?;
        let mut printer = Printer::new(out, self.json);
        let first = self.look(&cache).map_err(Failure::could)?;
        let mut changes = Changes::since(&first);
        printer.print(&Event::Watching {
            store: cache.store_name(),
            namespace: cache.namespace().to_owned(),
            // The record of everything is no table.
            tables: first.len() - 1,
        })?;
        let mut before = Counts::ask(&servers).ok();
        let mut reachable = true;
        while stop.wait(self.interval) {
            // Asked before our own looking, and again after it, so that it is not counted.
            let now = Counts::ask(&servers).ok();
            if let (Some(before), Some(now)) = (&before, &now)
                && let Some(traffic) = now.since(before)
            {
                printer.print(&Event::Traffic(traffic))?;
            }
            match self.look(&cache) {
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

    /// The record of everything, and those of the tables.
    fn look(&self, cache: &Cachalot) -> Result<Vec<TableStatus>, cachalot_diesel::Error> {
        let everything = ["*"].into_iter().filter(|_| !self.tables.is_empty());
        let tables = self.tables.iter().map(String::as_str);
        cache.table_status(everything.chain(tables))
    }
}
