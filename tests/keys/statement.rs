//! Statements that are written once for all databases, by Diesel or as text, with values in the text or beside it.

use std::rc::Rc;

use cachalot_diesel::{CachalotConnection, CachedDsl as _};
use diesel::{
    connection::{LoadConnection, SimpleConnection as _},
    prelude::*,
    query_builder::{BoxedSqlQuery, SqlQuery},
    sql_query,
    sql_types::{Integer, Nullable, Text},
};

use super::{Conn, dialect::parameter, statements::TEXT};

/// A connection that caches every read.
pub(crate) type Client = CachalotConnection<Conn>;

pub(crate) type Backend = <Conn as diesel::Connection>::Backend;

/// A text to which values are bound.
pub(crate) type Raw = BoxedSqlQuery<'static, Backend, SqlQuery>;

/// Rows as text, or the database's error.
pub(crate) type Rows = Result<Vec<String>, String>;

type On<C, T> = Box<dyn Fn(&mut C) -> T>;

pub(crate) struct Read {
    pub(crate) name: String,
    /// By a plain call of Diesel, on a connection that caches.
    pub(crate) by_type: On<Client, Rows>,
    /// By `.cached(conn)`.
    pub(crate) cached: On<Conn, Rows>,
    /// Past any cache.
    pub(crate) plain: On<Conn, Rows>,
}

pub(crate) struct Write {
    pub(crate) name: String,
    /// On a connection that sees the binds.
    pub(crate) by_type: On<Client, QueryResult<usize>>,
    pub(crate) plain: On<Conn, QueryResult<usize>>,
    /// It may fail, or change nothing that is read.
    pub(crate) is_attempt: bool,
}

impl Write {
    pub(crate) fn attempt(self) -> Self {
        Self {
            is_attempt: true,
            ..self
        }
    }
}

/// A query of Diesel's; its rows are of the type.
macro_rules! read {
    ($type:ty: $query:expr) => {
        super::statement::Read {
            name: stringify!($query).to_owned(),
            by_type: Box::new(move |conn| {
                super::statement::told(diesel::RunQueryDsl::load::<$type>($query, conn))
            }),
            cached: Box::new(move |conn| {
                super::statement::told(
                    cachalot_diesel::CachedDsl::cached($query, conn).load::<$type>(),
                )
            }),
            plain: Box::new(move |conn| {
                super::statement::told(diesel::RunQueryDsl::load::<$type>($query, conn))
            }),
        }
    };
}

/// A change that Diesel builds.
macro_rules! write {
    ($statement:expr) => {
        super::statement::Write {
            name: stringify!($statement).to_owned(),
            by_type: Box::new(move |conn| diesel::RunQueryDsl::execute($statement, conn)),
            plain: Box::new(move |conn| diesel::RunQueryDsl::execute($statement, conn)),
            is_attempt: false,
        }
    };
}

/// What a call does with a connection.
macro_rules! call {
    ($conn:ident => $call:expr) => {
        super::statement::Write {
            name: stringify!($call).to_owned(),
            by_type: Box::new(move |$conn| $call),
            plain: Box::new(move |$conn| $call),
            is_attempt: false,
        }
    };
}

/// A text with `?`, and what is bound there.
macro_rules! sql {
    ($text:expr $(, $type:ty: $value:expr)* $(,)?) => {
        super::statement::Sql::new(
            $text,
            [$(concat!(stringify!($type), " ", stringify!($value))),*],
            move |query| query$(.bind::<$type, _>($value))*,
        )
    };
}

pub(crate) use {call, read, sql, write};

/// A text and its binds.
#[derive(Clone)]
pub(crate) struct Sql {
    text: String,
    name: String,
    bind: Rc<dyn Fn(Raw) -> Raw>,
}

impl Sql {
    pub(crate) fn new<const N: usize>(
        text: impl AsRef<str>,
        binds: [&str; N],
        bind: impl Fn(Raw) -> Raw + 'static,
    ) -> Self {
        let text = text.as_ref().to_owned();
        let name = match N {
            0 => text.clone(),
            _ => format!("{text} -- {}", binds.join(", ")),
        };
        Self {
            text,
            name,
            bind: Rc::new(bind),
        }
    }

    /// `WHERE id = {1} AND s = {'a'} AND up = {null}`, with the values in the text.
    pub(crate) fn literal(template: &str) -> Self {
        let text = parts(template).concat();
        Self::new(text, [], |query| query)
    }

    /// The same, with the values bound.
    pub(crate) fn bound(template: &str) -> Self {
        let mut text = String::new();
        let mut values = Vec::new();
        for (place, part) in parts(template).into_iter().enumerate() {
            if place % 2 == 0 {
                text.push_str(part);
            } else {
                text.push('?');
                values.push(part.to_owned());
            }
        }
        let name = values.join(", ");
        Self::new(text, [name.as_str()], move |query| {
            values.iter().fold(query, |query, value| bind(query, value))
        })
    }

    /// A text that has these in the places of its `@`.
    pub(crate) fn around(template: &str, parts: &[&Self]) -> Self {
        let mut texts = template.split('@');
        let mut text = texts.next().unwrap_or_default().to_owned();
        let mut name = text.clone();
        for (part, rest) in parts.iter().zip(texts) {
            text.push_str(&part.text);
            text.push_str(rest);
            name.push_str(&part.name);
            name.push_str(rest);
        }
        let binds: Vec<_> = parts.iter().map(|part| Rc::clone(&part.bind)).collect();
        Self {
            text,
            name,
            bind: Rc::new(move |query| binds.iter().fold(query, |query, bind| bind(query))),
        }
    }

    fn query(&self) -> Raw {
        (self.bind)(sql_query(here(&self.text)).into_boxed::<Backend>())
    }

    fn execute<C: LoadConnection<Backend = Backend>>(&self, conn: &mut C) -> QueryResult<usize> {
        self.query().execute(conn)
    }

    fn rows<C: LoadConnection<Backend = Backend>>(&self, conn: &mut C) -> Rows {
        let rows = self.query().load::<Row>(conn);
        told(rows.map(|rows| rows.iter().map(Row::line).collect()))
    }
}

impl From<Sql> for Read {
    fn from(sql: Sql) -> Self {
        let [one, other, third] = [sql.clone(), sql.clone(), sql.clone()];
        Self {
            name: sql.name,
            by_type: Box::new(move |conn| one.rows(conn)),
            cached: Box::new(move |conn| {
                let rows = other.query().cached(conn).load::<Row>();
                told(rows.map(|rows| rows.iter().map(Row::line).collect()))
            }),
            plain: Box::new(move |conn| third.rows(conn)),
        }
    }
}

impl From<Sql> for Write {
    fn from(sql: Sql) -> Self {
        let [one, other] = [sql.clone(), sql.clone()];
        Self {
            name: sql.name,
            by_type: Box::new(move |conn| one.execute(conn)),
            plain: Box::new(move |conn| other.execute(conn)),
            is_attempt: false,
        }
    }
}

/// A text that is sent as it is, as a batch.
pub(crate) fn batch(text: &str) -> Write {
    let [one, other] = [(); 2].map(|()| text.to_owned());
    Write {
        name: text.to_owned(),
        by_type: Box::new(move |conn| conn.batch_execute(&one).map(|()| 0)),
        plain: Box::new(move |conn| conn.batch_execute(&other).map(|()| 0)),
        is_attempt: false,
    }
}

/// What a text shows: up to three columns of text.
#[derive(Debug, diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Text>)]
    a: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    b: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    c: Option<String>,
}

impl Row {
    fn line(&self) -> String {
        let [a, b, c] = [&self.a, &self.b, &self.c].map(|it| it.as_deref().unwrap_or("NULL"));
        format!("{a} {b} {c}")
    }
}

/// Rows as text.
pub(crate) fn told<T: std::fmt::Debug>(rows: QueryResult<Vec<T>>) -> Rows {
    match rows {
        Ok(rows) => Ok(rows.iter().map(|row| format!("{row:?}")).collect()),
        Err(error) => Err(error.to_string()),
    }
}

/// The text and the values between its braces, by turns.
fn parts(template: &str) -> Vec<&str> {
    template.split(['{', '}']).collect()
}

fn bind(query: Raw, value: &str) -> Raw {
    if let Some(text) = value.strip_prefix('\'') {
        return query.bind::<Text, _>(text.trim_end_matches('\'').to_owned());
    }
    match value {
        "NULL" => query.bind::<Nullable<Integer>, _>(None::<i32>),
        number => query.bind::<Integer, _>(number.parse::<i32>().unwrap()),
    }
}

/// The text with the database's parameters, and `TEXT` as the type that everything can be shown as.
fn here(text: &str) -> String {
    let mut here = String::new();
    for (place, part) in text.split('?').enumerate() {
        if place > 0 {
            here.push_str(&parameter(place));
        }
        here.push_str(part);
    }
    here.replace(" AS TEXT)", &format!(" AS {TEXT})"))
}

/// Reads of these texts, of which every other has its values bound.
pub(crate) fn reads(texts: &[&str]) -> Vec<Read> {
    let forms = [Sql::bound, Sql::literal].into_iter().cycle();
    let reads = texts.iter().zip(forms);
    reads.map(|(text, form)| form(text).into()).collect()
}
