//! The reads: what each asks for, and which counters its values are of.

use cachalot_diesel::CachedDsl as _;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable},
};
use fastrand::Rng;

use super::super::schema::{counters, posts};
use super::super::{Conn, dialect};
use super::Plain;
use crate::{
    client::Client as _,
    message::{COUNTERS, ROWS},
};

/// A read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Read {
    One(usize),
    /// Two rows, by their keys.
    Two(usize, usize),
    /// The posts of an author.
    Children(usize),
    Table(usize),
    Join,
    Sum,
}

/// Where a read goes.
pub(super) enum Source<'c> {
    Cache(&'c mut Conn),
    Database(&'c mut Plain),
}

macro_rules! load {
    ($query:expr, $source:expr) => {
        match $source {
            Source::Cache(conn) if Conn::TYPED => $query.load(conn),
            Source::Cache(conn) => $query.cached(conn).load(),
            Source::Database(conn) => $query.load(conn),
        }
    };
}

impl Read {
    pub(super) fn any(rng: &mut Rng) -> Self {
        match rng.u8(..10) {
            0..=2 => Self::One(rng.usize(..COUNTERS)),
            3 => {
                let table = ROWS * rng.usize(..2);
                let row = rng.usize(..ROWS - 1);
                Self::Two(table + row, table + row + 1)
            }
            4 => Self::Children(rng.usize(..AUTHORS)),
            5 | 6 => Self::Table(rng.usize(..2)),
            7 | 8 => Self::Join,
            _ => Self::Sum,
        }
    }

    pub(super) fn run(self, source: Source<'_>) -> QueryResult<Vec<i64>> {
        let join = || counters::table.inner_join(posts::table.on(posts::id.eq(counters::id)));
        match self {
            Self::One(counter) if counter < ROWS => {
                load!(
                    counters::table.find(id(counter)).select(counters::value),
                    source
                )
            }
            Self::One(counter) => {
                load!(posts::table.find(id(counter)).select(posts::votes), source)
            }
            Self::Two(one, other) if one < ROWS => {
                let rows = counters::table.filter(counters::id.eq_any([id(one), id(other)]));
                load!(rows.order(counters::id).select(counters::value), source)
            }
            Self::Two(one, other) => {
                let rows = posts::table.filter(posts::id.eq_any([id(one), id(other)]));
                load!(rows.order(posts::id).select(posts::votes), source)
            }
            Self::Children(author) => {
                let rows = posts::table.filter(posts::author_id.eq(author_id(author)));
                load!(rows.order(posts::id).select(posts::votes), source)
            }
            Self::Table(0) => {
                load!(
                    counters::table.order(counters::id).select(counters::value),
                    source
                )
            }
            Self::Table(_) => {
                load!(posts::table.order(posts::id).select(posts::votes), source)
            }
            Self::Join => {
                let query = join()
                    .order(counters::id)
                    .select((counters::value, posts::votes));
                let rows: Vec<(i64, i64)> = load!(query, source)?;
                Ok(rows
                    .into_iter()
                    .flat_map(|(value, votes)| [value, votes])
                    .collect())
            }
            Self::Sum => {
                let sum = diesel::dsl::sql::<Nullable<BigInt>>(dialect::SUM);
                let rows: Vec<Option<i64>> = load!(join().select(sum), source)?;
                Ok(rows.into_iter().flatten().collect())
            }
        }
    }

    /// The counters whose sum each of the values is.
    pub(super) fn covers(self) -> Vec<Vec<usize>> {
        match self {
            Self::One(counter) => vec![vec![counter]],
            Self::Two(one, other) => vec![vec![one], vec![other]],
            Self::Children(author) => (ROWS..COUNTERS)
                .filter(|counter| author_of(*counter) == author)
                .map(|counter| vec![counter])
                .collect(),
            Self::Table(table) => (0..ROWS).map(|row| vec![table * ROWS + row]).collect(),
            Self::Join => (0..ROWS)
                .flat_map(|row| [vec![row], vec![ROWS + row]])
                .collect(),
            Self::Sum => vec![(0..COUNTERS).collect()],
        }
    }
}

/// The id of a counter's row.
pub(super) fn id(counter: usize) -> i32 {
    i32::try_from(counter % ROWS).expect("a small number") + 1
}

/// How many authors have the posts.
pub(super) const AUTHORS: usize = 2;

/// The author of a counter's post.
pub(super) fn author_of(counter: usize) -> usize {
    counter % AUTHORS
}

pub(super) fn author_id(author: usize) -> i32 {
    i32::try_from(author).expect("a small number") + 1
}
