//! The `cachalot` command: invalidates and inspects the cache of cachalot-diesel.

mod analyze;
mod database;
mod doctor;
mod failure;
mod invalidate;
mod memcached;
mod output;
mod status;
mod stop;
mod watch;

use std::{io::Write, process::ExitCode};

use cachalot_diesel::{Builder, Cachalot};
use clap::{Args, Parser, Subcommand};

use failure::Failure;

/// Invalidate and inspect the cache of a Diesel program.
///
/// Settings come from the same CACHALOT_* variables that the program reads.
/// Exit codes: 0 success, 1 failure, 2 usage error.
#[derive(Parser)]
#[command(name = "cachalot", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Each subcommand is documented in its own module.
#[derive(Subcommand)]
enum Command {
    Invalidate(invalidate::Invalidate),
    Status(status::Status),
    Watch(watch::Watch),
    Doctor(doctor::Doctor),
    Analyze(analyze::Analyze),
}

/// Options that override the environment.
#[derive(Args)]
struct Target {
    /// The store, instead of CACHALOT_URL
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The namespace, instead of CACHALOT_NAMESPACE
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
}

impl Target {
    fn builder(&self) -> Result<Builder, Failure> {
        let mut builder = Builder::from_env().map_err(Failure::usage)?;
        if let Some(url) = &self.url {
            builder = builder.url(url);
        }
        if let Some(namespace) = &self.namespace {
            builder = builder.namespace(namespace);
        }
        Ok(builder)
    }

    fn open(&self) -> Result<Cachalot, Failure> {
        self.builder()?.build().map_err(Failure::usage)
    }

    /// A cache with the same settings and an in-process store.
    fn open_in_memory(&self) -> Result<Cachalot, Failure> {
        let builder = self.builder()?.url("memory://");
        builder.build().map_err(Failure::usage)
    }

    /// As [`open`](Self::open), but rejects an in-process store.
    fn open_shared(&self) -> Result<Cachalot, Failure> {
        let cache = self.open()?;
        if cache.store_name() == "memory://" {
            return Err(Failure::usage(
                "memory:// is a store within each process, which this command cannot access: \
                 set the program's store with --url or CACHALOT_URL",
            ));
        }
        Ok(cache)
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let out = &mut std::io::stdout().lock();
    let done = match &cli.command {
        Command::Invalidate(command) => command.run(out),
        Command::Status(command) => command.run(out),
        Command::Watch(command) => command.run(out),
        Command::Doctor(command) => command.run(out),
        Command::Analyze(command) => command.run(out),
    };
    match done.and_then(|()| out.flush().map_err(Failure::from)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
