//! What a piece of SQL reads, what it writes, and what it does to the transaction and the session.
//!
//! This room knows SQL and nothing of Diesel, databases or caches: text in, [`Analysis`] out. It
//! never fails and never panics. Whatever it does not understand it takes for the worst: a
//! statement that writes everything and whose result may not be cached.
//!
//! The path of a text:
//!
//! 1. `lexer` cuts it into tokens by the rules of the dialect (strings, comments, quoting);
//! 2. `split` finds the statements;
//! 3. short fixed forms are read from the tokens: `transaction`, `session`, `utility`;
//! 4. queries and changes of rows go through `sqlparser` (`query`);
//! 5. what that parser refuses is read by `guess`, which takes every identifier for a table.
//!
//! The server's default lexical rules are assumed: `standard_conforming_strings` on in PostgreSQL,
//! backslash escapes in MySQL strings. A program that changes them says so with a `SET`, which is
//! reported as a [`SessionChange`].

mod aims;
mod analysis;
#[cfg(any(test, fuzzing))]
pub(crate) mod any_text;
mod body;
mod classify;
mod clauses;
mod collations;
mod commits;
mod cursor;
#[cfg(feature = "sqlite")]
mod definition;
mod depth;
mod dialect;
mod effect;
mod fallback;
mod functions;
mod grammar;
mod keywords;
mod left_out;
mod lexer;
mod memo;
mod names;
mod own_tables;
mod prepared;
mod query;
mod report;
mod session;
mod shared;
mod split;
mod step_counter;
mod temporary;
mod text;
mod times;
mod token_scan;
mod transaction;
mod uncacheable;
mod utility;
mod write_targets;

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod pathological_tests;
#[cfg(test)]
mod properties;

pub use crate::protocol::{Events, Writes};
pub(crate) use aims::aims;
pub use analysis::{Analysis, Kind, Statement};
pub(crate) use body::Body;
pub(crate) use collations::Named;
#[cfg(feature = "sqlite")]
pub(crate) use definition::Definition;
pub use dialect::{Dialect, UnknownDialect};
pub use effect::{Effect, Isolation, IsolationScope, SessionChange};
pub(crate) use functions::is_known_function;
pub use memo::Memo;
pub(crate) use names::last_component;
pub use names::table_name;
pub(crate) use names::{Owner, folded as relation_name, owner};
pub(crate) use prepared::{Prepared, prepared};
pub use report::Report;
pub(crate) use shared::analysis;
pub(crate) use temporary::{TableName, made_permanent, made_temporary};
pub(crate) use times::{Sources, Times};
#[cfg(feature = "postgres")]
pub(crate) use token_scan::moving_date;
pub use uncacheable::Uncacheable;
