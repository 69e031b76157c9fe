use std::{
    io,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use cachalot_diesel::Cachalot;

use crate::{
    Failure,
    database::{self, Database, Survey},
    memcached::{self, Connection, Statistics},
};

/// How many exchanges are timed with each server.
const ROUND_TRIPS: usize = 5;

/// The data that the checks examine, collected once.
pub(super) struct Subject {
    pub(super) cache: Cachalot,
    /// Empty if the store is in-process.
    pub(super) servers: Vec<Server>,
    pub(super) database: Option<Result<Box<dyn Database>, String>>,
    /// `None` without a connection to the database.
    pub(super) survey: Option<Result<Survey, String>>,
}

/// A memcached server and its answers, or the error.
pub(super) struct Server {
    pub(super) name: String,
    pub(super) answers: Result<Answers, String>,
}

/// The version, statistics and settings of a memcached server.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) version: String,
    pub(super) stats: Statistics,
    pub(super) settings: Statistics,
    pub(super) items: Statistics,
    /// The fastest of [`ROUND_TRIPS`] exchanges.
    pub(super) round_trip: Duration,
    /// This machine's clock when `stats` was read, in seconds since 1970.
    pub(super) asked_at: u64,
}

impl Subject {
    /// `in_memory` has the cache's settings and an in-process store, so it works if the store is down.
    pub(super) fn examine(
        cache: Cachalot,
        in_memory: &Cachalot,
        url: Option<&str>,
    ) -> Result<Self, Failure> {
        let mut database = url.map(database::open).transpose()?;
        let survey = match &mut database {
            Some(Ok(database)) => Some(database.survey(in_memory)),
            _ => None,
        };
        let servers = memcached::servers(&cache);
        Ok(Self {
            servers: servers.into_iter().map(Server::ask).collect(),
            cache,
            database,
            survey,
        })
    }

    /// The servers that answer.
    pub(super) fn answering(&self) -> impl Iterator<Item = (&str, &Answers)> {
        let servers = self.servers.iter();
        servers.filter_map(|server| Some((&*server.name, server.answers.as_ref().ok()?)))
    }
}

impl Server {
    fn ask(name: String) -> Self {
        let answers = Answers::of(&name).map_err(|error| error.to_string());
        Self { name, answers }
    }
}

impl Answers {
    fn of(server: &str) -> io::Result<Self> {
        let mut connection = Connection::open(server)?;
        let mut version = String::new();
        let mut round_trip = Duration::MAX;
        for _ in 0..ROUND_TRIPS {
            let start = Instant::now();
            version = connection.version()?;
            round_trip = round_trip.min(start.elapsed());
        }
        let stats = connection.statistics("stats")?;
        let asked_at = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        Ok(Self {
            version,
            stats,
            settings: connection.statistics("stats settings")?,
            items: connection.statistics("stats items")?,
            round_trip,
            asked_at,
        })
    }
}
