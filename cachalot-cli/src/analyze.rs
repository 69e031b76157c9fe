use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::PathBuf,
};

use cachalot_diesel::statement::{Dialect, Report};
use clap::Args;

use crate::Failure;

/// Tell what SQL statements read and write: one a line in, one line of JSON each out
#[derive(Args)]
pub(crate) struct Analyze {
    /// postgres, mysql (also for MariaDB) or sqlite
    #[arg(long)]
    dialect: Dialect,
    /// A file with one SQL statement a line; without it, or with `-`, standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Answers are always JSON; here so that every command takes it
    #[arg(long, hide = true)]
    json: bool,
}

impl Analyze {
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let lines: Box<dyn BufRead> = match &self.file {
            Some(path) if path.as_os_str() != "-" => {
                let file = File::open(path).map_err(|error| {
                    Failure::could(format!("`{}` could not be opened: {error}", path.display()))
                })?;
                Box::new(BufReader::new(file))
            }
            _ => Box::new(io::stdin().lock()),
        };
        for (number, line) in lines.lines().enumerate() {
            let sql = line.map_err(|error| {
                Failure::could(format!("line {} could not be read: {error}", number + 1))
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
