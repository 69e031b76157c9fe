use std::io::Write;

use cachalot_diesel::Error;
use clap::Args;
use serde::Serialize;

use crate::{Failure, Target, failure::chain, output};

/// Invalidate all results that depend on tables that were changed by another program
///
/// For cron jobs and deploy hooks: the exit code is 0 once the store has accepted the invalidation. With
/// CACHALOT_ON_OUTAGE=wait:SECONDS it waits for a store that does not answer.
#[derive(Args)]
pub(crate) struct Invalidate {
    /// The tables, as in SQL: schema and case are ignored, a name that contains a dot must be quoted
    #[arg(value_name = "TABLE", required_unless_present = "all")]
    tables: Vec<String>,
    /// Invalidate everything in the namespace
    #[arg(long, conflicts_with = "tables")]
    all: bool,
    /// Print a line of JSON
    #[arg(long)]
    json: bool,
    /// Print only errors
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Serialize)]
struct Answer<'a> {
    invalidated: &'a [String],
}

impl Invalidate {
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        if self.tables.iter().any(|table| table.trim().is_empty()) {
            return Err(Failure::usage("empty table name"));
        }
        let cache = self.target.open_shared()?;
        let everything = ["*".to_owned()];
        let invalidated = if self.all {
            cache.invalidate_all().map_err(failure_of)?;
            &everything
        } else {
            cache.invalidate(&self.tables).map_err(failure_of)?;
            self.tables.as_slice()
        };
        if self.json {
            output::json_line(out, &Answer { invalidated })?;
        } else if self.quiet {
            return Ok(());
        } else if self.all {
            writeln!(out, "invalidated everything")?;
        } else {
            writeln!(out, "invalidated {}", invalidated.join(", "))?;
        }
        Ok(())
    }
}

/// The library would retry in the background, but this process ends.
#[allow(clippy::needless_pass_by_value, reason = "a function for `map_err`")]
fn failure_of(error: Error) -> Failure {
    match error {
        Error::Undelivered { tables, source } => Failure::failed(format!(
            "not invalidated: {tables}; run the command again when the store answers: {}",
            chain(&source)
        )),
        error => Failure::failed(error),
    }
}
