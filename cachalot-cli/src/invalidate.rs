use std::io::Write;

use cachalot_diesel::Error;
use clap::Args;
use serde::Serialize;

use crate::{Failure, Target, failure::chain, output};

/// Invalidate what depends on tables that were changed by something else than the program
///
/// For cron and deploy hooks: it ends with 0 once the store has taken it. With
/// CACHALOT_ON_OUTAGE=wait:SECONDS it waits for a store that does not answer.
#[derive(Args)]
pub(crate) struct Invalidate {
    /// The tables, as in SQL: schema and case do not matter, a name with a dot of its own is quoted
    #[arg(value_name = "TABLE", required_unless_present = "all")]
    tables: Vec<String>,
    /// Everything in the namespace
    #[arg(long, conflicts_with = "tables")]
    all: bool,
    /// Answer with a line of JSON
    #[arg(long)]
    json: bool,
    /// Say nothing but what went wrong
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
            return Err(Failure::misuse("a table's name is empty"));
        }
        let cache = self.target.open_shared()?;
        let everything = ["*".to_owned()];
        let invalidated = if self.all {
            cache.invalidate_all().map_err(not_done)?;
            &everything
        } else {
            cache.invalidate(&self.tables).map_err(not_done)?;
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

/// The library goes on trying to deliver; this process ends.
#[allow(clippy::needless_pass_by_value, reason = "a function for `map_err`")]
fn not_done(error: Error) -> Failure {
    match error {
        Error::Undelivered { tables, source } => Failure::could(format!(
            "not invalidated: {tables}; run it again when the store answers: {}",
            chain(&source)
        )),
        error => Failure::could(error),
    }
}
