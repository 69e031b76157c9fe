use std::io::Write;

use clap::Args;
use serde::Serialize;

use crate::{Failure, Target};

#[derive(Args)]
pub(crate) struct Invalidate {
    /// The tables: SQL names; schema and case do not matter
    #[arg(value_name = "TABLE", required_unless_present = "all")]
    tables: Vec<String>,
    /// Everything in the namespace
    #[arg(long, conflicts_with = "tables")]
    all: bool,
    /// Answer with a line of JSON
    #[arg(long)]
    json: bool,
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
        let cache = self.target.open()?;
        let everything = ["*".to_owned()];
        let invalidated = if self.all {
            cache.invalidate_all().map_err(Failure::could)?;
            &everything
        } else {
            cache.invalidate(&self.tables).map_err(Failure::could)?;
            self.tables.as_slice()
        };
        if self.json {
            serde_json::to_writer(&mut *out, &Answer { invalidated })?;
            writeln!(out)?;
        } else if self.all {
            writeln!(out, "invalidated everything")?;
        } else {
            writeln!(out, "invalidated {}", invalidated.join(", "))?;
        }
        Ok(())
    }
}
