//! Connections of both kinds: those of Diesel's own, and those that cache every read.

use std::fmt::Write as _;

use diesel::{
    Connection, QueryResult, RunQueryDsl as _,
    connection::{SimpleConnection as _, TransactionManager as _},
    query_builder::{BoxedSqlQuery, SqlQuery},
    sql_query,
    sql_types::Integer,
};
use fastrand::Rng;

use super::Conn;
use super::connection_type::Typed;
use super::fixtures_dialect::parameter;
use super::world::Reader;

pub(crate) type Backend = <Conn as Connection>::Backend;

/// A connection whose reads are cached.
pub(crate) enum Client {
    /// By `.cached(conn)`.
    Plain(Reader),
    /// By any call of Diesel.
    Typed(Typed),
}

/// The same for each kind.
macro_rules! on {
    ($client:expr, $conn:ident => $call:expr) => {
        match $client {
            super::client::Client::Plain(reader) => {
                let $conn = &mut reader.conn;
                $call
            }
            super::client::Client::Typed(typed) => {
                let $conn = &mut typed.conn;
                $call
            }
        }
    };
}

pub(crate) use on;

impl Client {
    pub(crate) fn batch(&mut self, sql: &str) -> QueryResult<()> {
        on!(self, conn => conn.batch_execute(sql))
    }

    pub(crate) fn execute(&mut self, sql: &str, binds: &[i32]) -> QueryResult<()> {
        let query = query(sql, binds);
        on!(self, conn => query.execute(conn)).map(drop)
    }

    pub(crate) fn begin(&mut self) -> QueryResult<()> {
        on!(self, conn => begin(conn))
    }

    pub(crate) fn commit(&mut self) -> QueryResult<()> {
        on!(self, conn => commit(conn))
    }

    pub(crate) fn roll_back(&mut self) -> QueryResult<()> {
        on!(self, conn => roll_back(conn))
    }

    /// What `work` returns, and the number of statements that it sent.
    pub(crate) fn sent<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> (T, usize) {
        let counter = match self {
            Self::Plain(reader) => reader.counter.clone(),
            Self::Typed(typed) => typed.counter.clone(),
        };
        counter.during(|| work(self))
    }
}

fn begin<C: Connection>(conn: &mut C) -> QueryResult<()> {
    C::TransactionManager::begin_transaction(conn)
}

fn commit<C: Connection>(conn: &mut C) -> QueryResult<()> {
    C::TransactionManager::commit_transaction(conn)
}

fn roll_back<C: Connection>(conn: &mut C) -> QueryResult<()> {
    C::TransactionManager::rollback_transaction(conn)
}

pub(crate) fn query(text: &str, binds: &[i32]) -> BoxedSqlQuery<'static, Backend, SqlQuery> {
    let query = sql_query(text).into_boxed::<Backend>();
    binds
        .iter()
        .fold(query, |query, bind| query.bind::<Integer, _>(*bind))
}

/// One statement by itself, with its numbers in the text or bound, or a batch. What it was.
pub(crate) fn run(client: &mut Client, sql: &str, rng: &mut Rng) -> (String, QueryResult<()>) {
    let takes_binds = ["INSERT", "UPDATE", "DELETE", "REPLACE"];
    let begins_with = |words: &[&str]| words.iter().any(|word| sql.starts_with(word));
    let returns_rows = begins_with(&["SELECT", "CALL", "VALUES", "WITH"]);
    if sql.contains("; ") || returns_rows || rng.bool() {
        return (sql.to_owned(), client.batch(sql));
    }
    if rng.bool() && begins_with(&takes_binds) {
        let (text, binds) = bound(sql);
        let result = client.execute(&text, &binds);
        return (format!("{text} -- {binds:?}"), result);
    }
    (sql.to_owned(), client.execute(sql, &[]))
}

/// A text with its whole numbers bound.
pub(crate) fn bound(sql: &str) -> (String, Vec<i32>) {
    let (mut text, mut binds) = (String::new(), Vec::new());
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '\'' | '"' | '`');
    let mut rest = sql;
    while let Some(start) = rest.find(is_word) {
        let length = rest[start..].find(|c| !is_word(c));
        let (before, word) = rest.split_at(start);
        let (word, after) = word.split_at(length.unwrap_or(word.len()));
        text.push_str(before);
        match word.parse() {
            Ok(number) => {
                binds.push(number);
                let _ = write!(text, "{}", parameter(binds.len()));
            }
            Err(_) => text.push_str(word),
        }
        rest = after;
    }
    text.push_str(rest);
    (text, binds)
}
