//! `cachalot status`: the store's servers and the tables' version records.

mod server;
mod table;

use std::{io::Write, time::SystemTime};

use clap::Args;
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use serde::Serialize;

use crate::{Failure, Target, failure::chain, memcached, output};

/// Show the store's servers, and when each table was last invalidated
///
/// No read is answered from an entry that is older than the last invalidation of one of its tables.
/// Memcached does not separate its clients, so the number of items includes those of all clients.
#[derive(Args)]
pub(crate) struct Status {
    /// Only these tables [default: all tables that have a version record]
    #[arg(value_name = "TABLE")]
    tables: Vec<String>,
    /// Print a line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Serialize)]
struct Answer {
    store: String,
    namespace: String,
    reachable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    servers: Vec<server::Row>,
    tables: Vec<table::Row>,
}

impl Status {
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let cache = self.target.open()?;
        let status = cache.table_status(&self.tables);
        let error = status.as_ref().err().map(|error| chain(error));
        let now = SystemTime::now();
        let rows = status.unwrap_or_default().into_iter();
        let servers = memcached::servers(&cache);
        let answer = Answer {
            store: cache.store_name(),
            namespace: cache.namespace().to_owned(),
            reachable: error.is_none(),
            error: error.clone(),
            servers: servers.into_iter().map(server::Row::of).collect(),
            tables: rows.map(|status| table::Row::of(status, now)).collect(),
        };
        if self.json {
            output::json_line(out, &answer)?;
        } else {
            print(&answer, out)?;
        }
        error.map_or(Ok(()), |error| Err(Failure::failed(error)))
    }
}

fn print(answer: &Answer, out: &mut impl Write) -> Result<(), Failure> {
    let reachable = if answer.reachable {
        "reachable"
    } else {
        "not reachable"
    };
    writeln!(out, "store      {} ({reachable})", answer.store)?;
    writeln!(out, "namespace  {}", answer.namespace)?;
    if !answer.servers.is_empty() {
        writeln!(
            out,
            "\n{}",
            grid(
                server::HEADER,
                answer.servers.iter().map(server::Row::cells)
            )
        )?;
    }
    if answer.reachable {
        writeln!(
            out,
            "\n{}",
            grid(table::HEADER, answer.tables.iter().map(table::Row::cells))
        )?;
    }
    Ok(())
}

fn grid<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    table.set_header(header);
    table.add_rows(rows);
    table
}
