//! The reads that are compared.

use cachalot_diesel::{CachedDsl as _, disabled};
use diesel::{
    RunQueryDsl as _,
    sql_types::{Nullable, Text},
};
use fastrand::Rng;

use super::client::{Client, bound};
use super::dialect::TEXT;
use super::schema::{LONE, Schema};
use super::typed::TYPED;
use super::writes::Values as _;

/// A query, by itself or by Diesel.
#[derive(Clone, Debug)]
pub(crate) enum Read {
    Sql(String),
    /// A text with these values bound.
    Bound(String, Vec<i32>),
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

/// How many reads are compared after each write, beside those by key.
const SET: usize = 10;
const KEYED: usize = 4;

/// Relations by themselves, and questions about several; other ones each time.
pub(crate) fn of(schema: &Schema, rng: &mut Rng) -> Vec<Read> {
    let relations = schema.relations().into_iter();
    let mut reads: Vec<_> = relations.map(|it| all_of(it)).collect();
    reads.extend((0..4).map(|_| shown(&format!("({}) q", schema.select(rng)))));
    reads.extend((0..TYPED.len()).map(Read::Typed));
    rng.shuffle(&mut reads);
    reads.truncate(SET - 1);
    reads.push(all_of(LONE));
    reads.extend((0..KEYED).map(|_| keyed(schema, rng)));
    reads
}

/// Rows of a table by a column that may be a key.
fn keyed(schema: &Schema, rng: &mut Rng) -> Read {
    let [table, other] = [(); 2].map(|()| schema.some_table(rng));
    let column = ["id", "id", "up", "code"][rng.usize(..4)];
    let [one, two] = [(); 2].map(|()| rng.number());
    let condition = match rng.u8(..6) {
        0..3 => format!("a.{column} = {one}"),
        3 => format!("a.{column} IN ({one}, {two})"),
        4 => format!("a.{column} = {one} AND a.n < {two}"),
        _ => format!("a.{column} = {one} OR a.id = {two}"),
    };
    let from = match rng.u8(..6) {
        0..4 => format!("{table} a WHERE {condition}"),
        4 => format!("{table} a INNER JOIN {other} b ON b.id = a.up WHERE {condition}"),
        _ => format!(
            "{table} a LEFT JOIN {other} b ON b.id = a.up AND b.id = {two} WHERE {condition}"
        ),
    };
    let text = format!(
        "SELECT CAST(a.id AS {TEXT}) AS a, CAST(a.n AS {TEXT}) AS b, a.s AS c FROM {from}{ORDER}"
    );
    if rng.bool() {
        return Read::Sql(text);
    }
    let (start, condition) = text.split_once(" FROM ").unwrap_or_default();
    let (from, order) = condition.split_once(" ORDER BY ").unwrap_or_default();
    let (from, binds) = bound(from);
    Read::Bound(format!("{start} FROM {from} ORDER BY {order}"), binds)
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
    pub(crate) fn cached(&self, client: &mut Client) -> Rows {
        let rows = match self {
            Self::Sql(text) => client.cached_rows(text, &[]),
            Self::Bound(text, binds) => client.cached_rows(text, binds),
            Self::Typed(number) => return told(TYPED[*number].read(client)),
        };
        told(rows.map(|rows| rows.iter().map(Row::line).collect()))
    }

    /// Past it.
    pub(crate) fn plain(&self, client: &mut Client) -> Rows {
        disabled(|| self.cached(client))
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Sql(text) => text.clone(),
            Self::Bound(text, binds) => format!("{text} -- {binds:?}"),
            Self::Typed(number) => TYPED[*number].name.to_owned(),
        }
    }
}

impl Client {
    fn cached_rows(&mut self, text: &str, binds: &[i32]) -> diesel::QueryResult<Vec<Row>> {
        let query = super::client::query(text, binds);
        match self {
            Self::Plain(reader) => query.cached(&mut reader.conn).load(),
            Self::Typed(typed) => query.load(&mut typed.conn),
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
