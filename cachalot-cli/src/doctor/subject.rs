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

/// How often a server is asked for its version, to know how fast it answers.
const ROUNDS: usize = 5;

/// What the checks look at, asked for once.
pub(super) struct Subject {
    pub(super) cache: Cachalot,
    /// None if the store is in the process.
    pub(super) servers: Vec<Server>,
    pub(super) database: Option<Result<Box<dyn Database>, String>>,
    /// What the database holds; none if it cannot be asked.
    pub(super) survey: Option<Result<Survey, String>>,
}

/// A memcached server and its answers, or why there are none.
pub(super) struct Server {
    pub(super) name: String,
    pub(super) answers: Result<Answers, String>,
}

/// What a memcached server says of itself.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) version: String,
    pub(super) stats: Statistics,
    pub(super) settings: Statistics,
    pub(super) items: Statistics,
    /// The quickest of a few exchanges.
    pub(super) round_trip: Duration,
    /// This machine's clock when it told its own, in seconds since 1970.
    pub(super) asked_at: u64,
}

impl Subject {
    /// `alike` has the cache's settings, and a store that need not be up.
    pub(super) fn examine(
        cache: Cachalot,
        alike: &Cachalot,
        url: Option<&str>,
    ) -> Result<Self, Failure> {
        let mut database = url.map(database::open).transpose()?;
        let survey = match &mut database {
            Some(Ok(database)) => Some(database.survey(alike)),
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
        for _ in 0..ROUNDS {
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
