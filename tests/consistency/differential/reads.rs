//! The reads that are compared.

use cachalot_diesel::{CachedDsl as _, disabled};
use diesel::{
    sql_query,
    sql_types::{Nullable, Text},
};
use fastrand::Rng;

use super::Conn;
use super::dialect::TEXT;
use super::schema::{LONE, Schema};
use super::typed::TYPED;

/// A query, by itself or by Diesel.
#[derive(Clone, Debug)]
pub(crate) enum Read {
    Sql(String),
    Typed(usize),
}

/// Rows, or the database's error.
pub(crate) type Rows = Result<Vec<String>, String>;

#[derive(Debug, diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Text>)]
    a: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    b: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    c: Option<String>,
}

const ORDER: &str = " ORDER BY 1, 2, 3";

/// How many reads are compared after each write.
const SET: usize = 14;

/// Relations by themselves, and questions about several; other ones each time.
pub(crate) fn of(schema: &Schema, rng: &mut Rng) -> Vec<Read> {
    let relations = schema.relations().into_iter();
    let mut reads: Vec<_> = relations.map(|it| all_of(it)).collect();
    reads.extend((0..4).map(|_| shown(&format!("({}) q", schema.select(rng)))));
    reads.extend((0..TYPED.len()).map(Read::Typed));
    rng.shuffle(&mut reads);
    reads.truncate(SET - 1);
    reads.push(all_of(LONE));
    reads
}

fn all_of(relation: &str) -> Read {
    shown(relation)
}

fn shown(from: &str) -> Read {
    Read::Sql(format!(
        "SELECT CAST(id AS {TEXT}) AS a, CAST(n AS {TEXT}) AS b, s AS c FROM {from}{ORDER}"
    ))
}

impl Read {
    pub(crate) fn is_of(&self, relation: &str) -> bool {
        self.relation() == Some(relation)
    }

    /// The one relation that it shows, if it is such a read.
    pub(crate) fn relation(&self) -> Option<&str> {
        let Self::Sql(text) = self else { return None };
        let (_, from) = text.split_once(" FROM ")?;
        from.strip_suffix(ORDER).filter(|from| !from.contains(' '))
    }

    /// Through the cache.
    pub(crate) fn cached(&self, conn: &mut Conn) -> Rows {
        match self {
            Self::Sql(text) => {
                let rows = sql_query(text).cached(conn).load::<Row>();
                told(rows.map(|rows| rows.iter().map(Row::line).collect()))
            }
            Self::Typed(number) => told(TYPED[*number].read(conn)),
        }
    }

    /// Past it.
    pub(crate) fn plain(&self, conn: &mut Conn) -> Rows {
        disabled(|| self.cached(conn))
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Sql(text) => text.clone(),
            Self::Typed(number) => TYPED[*number].name.to_owned(),
        }
    }
}

impl Row {
    fn line(&self) -> String {
        let field = |field: &Option<String>| field.clone().unwrap_or_else(|| "NULL".to_owned());
        format!("{} {} {}", field(&self.a), field(&self.b), field(&self.c))
    }
}

fn told<T>(result: diesel::QueryResult<T>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}
