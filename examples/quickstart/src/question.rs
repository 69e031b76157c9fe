//! One Diesel query, asked of the database and in both ways of the cache, timed and compared.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use cachalot_diesel::{Explanation, Outcome};
use diesel::QueryResult;

use crate::{Result, database::Database};

/// How often each way is asked; the median counts.
pub(crate) const ROUNDS: usize = 20;

type Ask<T> = Box<dyn Fn(&mut Database) -> QueryResult<T>>;

/// A query of any row type. [`question!`] makes one.
pub(crate) struct Question {
    pub(crate) title: &'static str,
    pub(crate) plain: Ask<Answer>,
    pub(crate) cached: Ask<Answer>,
    pub(crate) by_type: Ask<Answer>,
    pub(crate) explain: Ask<Explanation>,
}

/// `question!(title, query, text of a row)`. `query.load(conn)` is Diesel's own read on one of its
/// connections, and a cached one on a `CachalotConnection`. `query.cached(conn).load()` is cached on
/// either.
macro_rules! question {
    ($title:literal, $query:expr, $text:expr) => {
        $crate::question::Question {
            title: $title,
            plain: Box::new(move |db| {
                $crate::question::Answer::to(|| on!(db, plain => $query.load(plain)), $text)
            }),
            cached: Box::new(move |db| {
                $crate::question::Answer::to(
                    || on!(db, plain => $query.cached(plain).load()),
                    $text,
                )
            }),
            by_type: Box::new(move |db| {
                $crate::question::Answer::to(|| on!(db, caching => $query.load(caching)), $text)
            }),
            explain: Box::new(move |db| on!(db, plain => $query.cached(plain).explain())),
        }
    };
}
pub(crate) use question;

/// The rows of one read, as text, and how long the read took.
pub(crate) struct Answer {
    took: Duration,
    rows: usize,
    first: String,
    /// `Debug` of the rows tells any two different answers apart, floats included.
    all: String,
}

impl Answer {
    /// Reads, and takes the time of nothing but the reading.
    pub(crate) fn to<Row: Debug>(
        read: impl FnOnce() -> QueryResult<Vec<Row>>,
        text: impl Fn(&Row) -> String,
    ) -> QueryResult<Self> {
        let start = Instant::now();
        let rows = read()?;
        Ok(Self {
            took: start.elapsed(),
            rows: rows.len(),
            first: rows.first().map(text).unwrap_or_default(),
            all: format!("{rows:?}"),
        })
    }
}

/// What [`Question::time`] found.
pub(crate) struct Timing {
    pub(crate) title: &'static str,
    pub(crate) rows: usize,
    pub(crate) first: String,
    /// The first cached read: it asks the database and stores the rows.
    pub(crate) miss: Duration,
    /// Diesel's own read.
    pub(crate) database: Duration,
    /// A read with `.cached()` after the first.
    pub(crate) cached: Duration,
    /// A read on the `CachalotConnection`.
    pub(crate) by_type: Duration,
}

/// What [`Question::reread`] found.
pub(crate) struct Reread {
    pub(crate) title: &'static str,
    pub(crate) tables: Vec<String>,
    pub(crate) source: String,
    pub(crate) took: Duration,
    pub(crate) first: String,
}

impl Question {
    /// Asks for the first time and then [`ROUNDS`] times each way. Both ways share what is cached.
    ///
    /// # Errors
    /// A cached answer that is not the database's.
    pub(crate) fn time(&self, db: &mut Database) -> Result<Timing> {
        let miss = (self.cached)(db)?;
        // Not timed: the connection's first read queries the session's settings.
        self.check(&miss, (self.by_type)(db)?)?;
        // One way after the other: a read right after a slow query finds the processor's caches cold.
        let mut median_of = |ask: &Ask<Answer>| -> Result<Duration> {
            let answers = (0..ROUNDS).map(|_| Ok(self.check(&miss, ask(db)?)?.took));
            Ok(median(answers.collect::<Result<_>>()?))
        };
        let (database, cached, by_type) = (
            median_of(&self.plain)?,
            median_of(&self.cached)?,
            median_of(&self.by_type)?,
        );
        Ok(Timing {
            title: self.title,
            rows: miss.rows,
            miss: miss.took,
            first: miss.first,
            database,
            cached,
            by_type,
        })
    }

    /// Asks the cache once more, and says beforehand where the answer will come from.
    ///
    /// # Errors
    /// A cached answer that is not the database's.
    pub(crate) fn reread(&self, db: &mut Database) -> Result<Reread> {
        let explanation = (self.explain)(db)?;
        let source = match &explanation.outcome {
            Outcome::Hit => "cache".to_owned(),
            Outcome::Bypass(reason) => format!("database: {reason}"),
            _ => "recomputed".to_owned(),
        };
        let plain = (self.plain)(db)?;
        let cached = self.check(&plain, (self.cached)(db)?)?;
        self.check(&plain, (self.by_type)(db)?)?;
        Ok(Reread {
            title: self.title,
            tables: explanation.tables,
            source,
            took: cached.took,
            first: cached.first,
        })
    }

    fn check(&self, expected: &Answer, answer: Answer) -> Result<Answer> {
        if answer.all == expected.all {
            return Ok(answer);
        }
        Err(format!(
            "`{}`: the cache and the database answer differently",
            self.title
        )
        .into())
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
