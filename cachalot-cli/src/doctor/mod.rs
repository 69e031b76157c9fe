//! `cachalot doctor`: checks the store and the database, and says what to do.
//!
//! Each check is a file in `checks`: it examines the [`Subject`] and returns [`Finding`]s.

mod checks;
mod finding;
mod subject;

use std::io::Write;

use clap::Args;
use serde::Serialize;

use crate::{Failure, Target, output};
use finding::{Finding, Level};
use subject::Subject;

/// Check the store and the database for problems, and say what to do
///
/// The database is checked only if its URL is given. Nothing is changed. The exit code is 1 if there are
/// problems; warnings do not count.
#[derive(Args)]
pub(crate) struct Doctor {
    /// The database: postgres://…, mysql://… or a SQLite file
    #[arg(
        value_name = "DATABASE_URL",
        env = "DATABASE_URL",
        hide_env_values = true
    )]
    database: Option<String>,
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
    findings: Vec<Finding>,
    problems: usize,
    warnings: usize,
}

impl Doctor {
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let (cache, in_memory) = (self.target.open()?, self.target.open_in_memory()?);
        let mut subject = Subject::examine(cache, &in_memory, self.database.as_deref())?;
        let mut findings: Vec<_> = checks::ALL
            .iter()
            .flat_map(|check| check(&mut subject))
            .collect();
        // Most important first: without its catalog nothing of the database is cached.
        findings
            .sort_by_key(|it| !(it.level == Level::Problem && it.check == checks::catalog::CHECK));
        let count = |level| findings.iter().filter(|it| it.level == level).count();
        let answer = Answer {
            store: subject.cache.store_name(),
            namespace: subject.cache.namespace().to_owned(),
            problems: count(Level::Problem),
            warnings: count(Level::Warning),
            findings,
        };
        if self.json {
            output::json_line(out, &answer)?;
        } else {
            for finding in &answer.findings {
                writeln!(out, "{finding}")?;
            }
        }
        match answer.problems {
            0 => Ok(()),
            1 => Err(Failure::failed("1 problem found")),
            problems => Err(Failure::failed(format!("{problems} problems found"))),
        }
    }
}
