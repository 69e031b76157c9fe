//! A blog over HTTP, whose pages come from the cache: posts, comments, authors, tags.
//!
//! `DATABASE_URL` says where its rows are, and the `CACHALOT_*` variables where its cache is; its
//! README tells the rest.

mod data;
mod database;
mod schema;
mod web;

use std::{
    env::{self, VarError},
    io::{self, Write},
    process::ExitCode,
};

use tokio::{net::TcpListener, runtime::Runtime, signal};

use crate::web::App;

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    // What goes wrong in the cache fails no request: it is said here.
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

/// An error and what caused it.
fn with_causes(mut error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string().trim_end().to_owned();
    while let Some(cause) = error.source() {
        text = format!("{text}: {cause}");
        error = cause;
    }
    text
}

fn run() -> Result<(), Error> {
    let listen = variable("BLOG_LISTEN", "127.0.0.1:3000")?;
    let database_url = variable("DATABASE_URL", "sqlite://blog.sqlite")?;

    let cache = cachalot_diesel::install()?; // every connection opened from here on reports its writes
    let pool = database::open(&database_url)?;
    Runtime::new()?.block_on(serve(&listen, App { pool, cache }))
}

async fn serve(listen: &str, app: App) -> Result<(), Error> {
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| format!("cannot listen on {listen} (BLOG_LISTEN): {error}"))?;
    writeln!(
        io::stdout(),
        "listening on http://{}",
        listener.local_addr()?
    )?;
    axum::serve(listener, web::routes(app))
        .with_graceful_shutdown(asked_to_stop())
        .await?;
    Ok(())
}

/// Ctrl-C at a terminal, or the SIGTERM of a service manager. Requests under way are answered, and
/// their writes told to the cache, before the program ends.
async fn asked_to_stop() {
    let interrupted = async { signal::ctrl_c().await.is_ok() };
    #[cfg(unix)]
    let terminated = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await.is_some(),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<bool>();
    tokio::select! {
        _ = interrupted => {}
        _ = terminated => {}
    }
}

/// The value of an environment variable; its text is in no error, as it may hold a password.
fn variable(name: &str, default: &str) -> Result<String, Error> {
    match env::var(name) {
        Ok(value) => Ok(value),
        Err(VarError::NotPresent) => Ok(default.to_owned()),
        Err(VarError::NotUnicode(_)) => Err(format!("{name} is not valid UTF-8").into()),
    }
}
