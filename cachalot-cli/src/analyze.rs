use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::PathBuf,
};

use cachalot_sql::{Dialect, Report};
use clap::Args;

use crate::Failure;

/// Show what SQL statements read and write: one statement per line in, one line of JSON each out
#[derive(Args)]
pub(crate) struct Analyze {
    /// postgres, mysql (also for MariaDB) or sqlite
    #[arg(long)]
    dialect: Dialect,
    /// A file with one SQL statement per line [default: standard input, as with `-`]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The output is always JSON; accepted because all other commands accept it
    #[arg(long, hide = true)]
    json: bool,
}

impl Analyze {
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let lines: Box<dyn BufRead> = match &self.file {
            Some(path) if path.as_os_str() != "-" => {
                let file = File::open(path).map_err(|error| {
                    Failure::failed(format!("cannot open `{}`: {error}", path.display()))
                })?;
                Box::new(BufReader::new(file))
            }
            _ => Box::new(io::stdin().lock()),
        };
        for (number, line) in lines.lines().enumerate() {
            let sql = line.map_err(|error| {
                Failure::failed(format!("cannot read line {}: {error}", number + 1))
            })?;
            if sql.trim().is_empty() {
                continue;
            }
            serde_json::to_writer(&mut *out, &Report::of(&sql, self.dialect))?;
            writeln!(out)?;
        }
        Ok(())
    }
}
