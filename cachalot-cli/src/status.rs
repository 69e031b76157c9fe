use std::{io::Write, time::SystemTime};

use cachalot_diesel::TableStatus;
use clap::Args;
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use serde::Serialize;

use crate::{Failure, Target};

#[derive(Args)]
pub(crate) struct Status {
    /// Only these tables; without any, all that the store has a version record of
    #[arg(value_name = "TABLE")]
    tables: Vec<String>,
    /// Answer with a line of JSON
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
    tables: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    table: String,
    version: Option<String>,
    last_invalidation: Option<String>,
    writers_in_flight: usize,
}

impl From<TableStatus> for Row {
    fn from(status: TableStatus) -> Self {
        Self {
            table: status.table,
            version: status.version,
            last_invalidation: status.last_invalidation.map(rfc3339),
            writers_in_flight: status.writers_in_flight,
        }
    }
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

impl Status {
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let cache = self.target.open()?;
        let status = cache.table_status(&self.tables);
        let error = status.as_ref().err().map(ToString::to_string);
        let answer = Answer {
            store: cache.store_name(),
            namespace: cache.namespace().to_owned(),
            reachable: error.is_none(),
            error: error.clone(),
            tables: status
                .unwrap_or_default()
                .into_iter()
                .map(Row::from)
                .collect(),
        };
        if self.json {
            serde_json::to_writer(&mut *out, &answer)?;
            writeln!(out)?;
        } else {
            print(&answer, out)?;
        }
        error.map_or(Ok(()), |error| Err(Failure::could(error)))
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
    if !answer.reachable {
        return Ok(());
    }
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    table.set_header(["table", "version", "last invalidation", "writers in flight"]);
    for row in &answer.tables {
        let name = if row.table == "*" {
            "(everything)"
        } else {
            &row.table
        };
        table.add_row([
            name,
            row.version
                .as_deref()
                .map_or("no record", |version| &version[..version.len().min(8)]),
            row.last_invalidation.as_deref().unwrap_or("none known"),
            &row.writers_in_flight.to_string(),
        ]);
    }
    writeln!(out, "{table}")?;
    Ok(())
}
