//! What an SQL text reads, what it writes, and what it does to the transaction and the session, for
//! PostgreSQL, MySQL, MariaDB and SQLite.
//!
//! Text in, [`Analysis`] out. The analysis needs no connection and no schema, and it never fails: a
//! statement that it does not understand [writes everything](Writes::Everything), and its result
//! [may not be cached](Analysis::uncacheable).
//!
//! ```
//! use cachalot_sql::{Analysis, Changes, Columns, Dialect, Events, Uncacheable, Writes};
//!
//! let read = Analysis::of(r#"SELECT name FROM public."Users" JOIN posts USING (id)"#, Dialect::Postgres);
//! assert_eq!(read.reads(), ["posts".into(), "users".into()]);
//! assert_eq!(read.columns("users"), Columns::from_iter(["id", "name"]));
//! assert_eq!(read.uncacheable(), None);
//!
//! let write = Analysis::of("UPDATE users SET name = 'a'", Dialect::Postgres);
//! let changes = Changes { events: Events::UPDATE, updated: Columns::from_iter(["name"]) };
//! assert_eq!(*write.writes(), Writes::table("users".into(), changes));
//!
//! let volatile = Analysis::of("SELECT id, now() FROM users", Dialect::Postgres);
//! let reason = Uncacheable::VolatileFunction("now".to_owned());
//! assert_eq!(volatile.uncacheable(), Some(&reason));
//! ```
//!
//! This crate is the SQL analysis of [cachalot-diesel](https://docs.rs/cachalot-diesel) and is
//! released with it.
//!
//! # How a text is analysed
//!
//! 1. `lexer` splits it into tokens by the rules of the dialect (strings, comments, quoting).
//! 2. `split` finds the statements.
//! 3. `transaction`, `session` and `utility` read short fixed forms from the tokens.
//! 4. `sqlparser` parses queries and changes of rows (`query`; `columns` finds the columns in a query, and
//!    `keys` the rows that a statement is limited to).
//! 5. `fallback` reads what that parser rejects. It takes every identifier for a table.
//!
//! The server's default lexical rules are assumed: `standard_conforming_strings` is on in PostgreSQL,
//! and MySQL strings have backslash escapes. A program that changes them does so with a `SET`, which is
//! reported as a [`SessionChange`].
#![forbid(unsafe_code)]

mod analysis;
mod assignments;
mod body;
mod classify;
mod collations;
mod columns;
mod commits;
mod create;
mod cursor;
mod definition;
mod depth;
mod dialect;
mod effect;
mod fallback;
mod functions;
mod grammar;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod invariants;
mod keys;
mod keywords;
mod lexer;
mod memo;
mod names;
mod own_tables;
mod possible_targets;
mod prepared;
mod query;
mod report;
mod session;
mod split;
mod statement;
mod temporary;
mod text;
mod times;
mod token_scan;
mod transaction;
mod uncacheable;
mod unsupported_syntax;
mod utility;
mod write_targets;
mod writes;

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod pathological_tests;
#[cfg(test)]
mod properties;

pub use analysis::Analysis;
pub use dialect::{Dialect, UnknownDialect};
pub use effect::{Effect, Isolation, IsolationScope, SessionChange};
pub use keys::{KeyValue, Keys};
pub use memo::{Memo, analysis};
pub use names::{last_component, qualifier, table_name};
pub use report::Report;
pub use statement::{Kind, Statement};
pub use text::Text;
pub use uncacheable::Uncacheable;
pub use writes::{Changes, Columns, Events, Writes};

/// The code that a database keeps in its catalog: definitions of views and tables, bodies of triggers and
/// routines, expressions of generated columns.
pub mod catalog {
    pub use crate::{
        assignments::{assigned_columns, column},
        body::Body,
        collations::Named,
        definition::Definition,
        functions::is_known_function,
        names::{Owner, folded as relation_name, owner},
        times::{Sources, Times},
    };
}

/// What a connection does beside reading and writing: prepared statements and temporary tables, and the
/// meaning of what the parser rejects.
pub mod connection {
    pub use crate::{
        possible_targets::possible_targets,
        prepared::{Prepared, prepared},
        temporary::{TableName, made_permanent, made_temporary},
        token_scan::volatile_date,
    };
}
