use std::{io::Write, time::SystemTime};

use serde::{Serialize, Serializer};

use super::traffic::Traffic;
use crate::{Failure, output};

/// An event to print.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    Watching {
        store: String,
        namespace: String,
        tables: usize,
    },
    Invalidation {
        table: String,
        /// By the clock of the machine that invalidated it.
        #[serde(serialize_with = "as_rfc3339")]
        at: SystemTime,
        writers_in_flight: usize,
    },
    /// The record was lost and created again, or a crashed writer was removed from it.
    Renewed {
        table: String,
    },
    Traffic(Traffic),
    Unreachable {
        error: String,
    },
    Reachable,
    Ended {
        invalidations: usize,
    },
}

fn as_rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&output::rfc3339(*time))
}

/// Prints events, each with the time at which it was noticed.
pub(super) struct Printer<'a, W> {
    out: &'a mut W,
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    noticed: String,
    #[serde(flatten)]
    event: &'a Event,
}

impl<'a, W: Write> Printer<'a, W> {
    pub(super) fn new(out: &'a mut W, json: bool) -> Self {
        Self { out, json }
    }

    pub(super) fn print(&mut self, event: &Event) -> Result<(), Failure> {
        let noticed = output::rfc3339(SystemTime::now());
        if self.json {
            output::json_line(self.out, &Line { noticed, event })?;
        } else {
            writeln!(self.out, "{noticed}  {}", display(event))?;
        }
        Ok(self.out.flush()?)
    }
}

fn display(event: &Event) -> String {
    let name = |table: &str| match table {
        "*" => "everything".to_owned(),
        table => table.to_owned(),
    };
    match event {
        Event::Watching {
            store,
            namespace,
            tables,
        } => format!("watching {tables} tables of {namespace} in {store}; stop with Ctrl-C"),
        Event::Invalidation { table, at, .. } => {
            format!("invalidated  {} at {}", name(table), output::rfc3339(*at))
        }
        Event::Renewed { table } => format!(
            "renewed      {}: its record was lost, or a crashed writer was removed",
            name(table)
        ),
        Event::Traffic(traffic) => {
            let found = match traffic.hit_rate {
                Some(rate) => format!(" ({:.1} % hits)", rate * 100.0),
                None => String::new(),
            };
            format!(
                "memcached    {} reads/s{found}, {} writes/s, {} evictions",
                traffic.reads_per_second, traffic.writes_per_second, traffic.evictions
            )
        }
        Event::Unreachable { error } => format!("unreachable  {error}"),
        Event::Reachable => "reachable    the store answers again".to_owned(),
        Event::Ended { invalidations } => {
            format!("ended        {invalidations} invalidations seen")
        }
    }
}
