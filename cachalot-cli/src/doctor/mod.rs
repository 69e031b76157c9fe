//! `cachalot doctor`: looks at the store and the database, and says what is wrong and what to do.
//!
//! Each check is a file in `checks`: it looks at the [`Subject`] and gives [`Finding`]s.

mod checks;
mod finding;
mod subject;

use std::io::Write;

use clap::Args;
use serde::Serialize;

use crate::{Failure, Target, output};
use finding::{Finding, Level};
use subject::Subject;

/// Look for what is wrong with the store and the database, and say what to do
///
/// The database is looked at only if it is named. Nothing is changed. Ends with 1 if there is a problem; a warning is none.
#[derive(Args)]
pub(crate) struct Doctor {
    /// postgres://…, mysql://… or a SQLite file
    #[arg(
        value_name = "DATABASE_URL",
        env = "DATABASE_URL",
        hide_env_values = true
    )]
    database: Option<String>,
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
    findings: Vec<Finding>,
    problems: usize,
    warnings: usize,
}

impl Doctor {
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let (cache, alike) = (self.target.open()?, self.target.open_in_memory()?);
        let mut subject = Subject::examine(cache, &alike, self.database.as_deref())?;
        let mut findings: Vec<_> = checks::ALL
            .iter()
            .flat_map(|check| check(&mut subject))
            .collect();
        // Without its catalog nothing of the database is cached, however well all else works.
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
            1 => Err(Failure::could("there is a problem")),
            problems => Err(Failure::could(format!("there are {problems} problems"))),
        }
    }
}
