//! The behaviour of cachalot-diesel, case by case.
//!
//! Each folder has one subject and lists its modules once, in its `mod.rs`; they run on each database. Tests
//! that only one database has are listed in `on_sqlite!`, `on_postgres!` or `on_mysql!`, in a file named after
//! the database. `super::` gives a test what differs between databases: `super::Conn` is the connection's
//! type, `super::db` creates databases and connections, `super::schema` has the tables.
//!
//! Reads, writes and transactions run a second time, in `sqlite_type` and so on: there `Conn` is a
//! `CachalotConnection`, and `.cached(conn)` makes plain Diesel calls on it.

#![allow(clippy::duplicate_mod, reason = "the same tests run on every database")]
#![allow(
    clippy::unwrap_used,
    reason = "a helper of tests fails by panicking, like a test"
)]

mod project;

macro_rules! run {
    ($($item:item)*) => { $($item)* };
}

macro_rules! skip {
    ($($item:item)*) => {};
}

use {run, skip};

/// A tree of modules for one database and one type of connection. What is `run` and what is `skip` belongs to
/// SQLite, PostgreSQL, MySQL, plain connections and the connection type, in this order.
macro_rules! tree {
    (
        $feature:literal $tree:ident $database:ident
        $sqlite:ident $postgres:ident $mysql:ident $plain:ident $typed:ident;
        $($visible:vis mod $subject:ident;)*
    ) => {
        #[cfg(feature = $feature)]
        #[path = "."]
        mod $tree {
            use cachalot_tests::{$database as db, schema::$database as schema};

            use crate::{
                $mysql as on_mysql, $plain as on_plain_connections, $postgres as on_postgres,
                $sqlite as on_sqlite, $typed as on_connection_type,
            };

            use self::fixtures::{
                blog, catalog_fixture,
                connections::{self, CachedDsl, Conn},
                counter, dialect, spy_store, values, world,
            };

            const DATABASE: &str = stringify!($database);

            $($visible mod $subject;)*
        }
    };
}

/// The same modules for each database whose feature is on, for plain connections and for the connection type.
macro_rules! on_each_database {
    (plain { $($plain:tt)* } connection_type { $($typed:tt)* }) => {
        tree! { "sqlite" sqlite sqlite run skip skip run skip; $($plain)* }
        tree! { "postgres" postgres postgres skip run skip run skip; $($plain)* }
        tree! { "mysql" mysql mysql skip skip run run skip; $($plain)* }
        tree! { "sqlite" sqlite_type sqlite run skip skip skip run; $($typed)* }
        tree! { "postgres" postgres_type postgres skip run skip skip run; $($typed)* }
        tree! { "mysql" mysql_type mysql skip skip run skip run; $($typed)* }
    };
}

on_each_database! {
    plain {
        mod connection_type;
        mod consistency;
        pub(crate) mod fixtures;
        mod keys;
        mod operations;
        mod reads;
        mod sessions;
        mod side_effects;
        mod transactions;
        mod writes;
    }
    connection_type {
        mod fixtures;
        mod reads;
        mod transactions;
        mod writes;
    }
}
