//! The behaviour of cachalot-diesel, case by case.
//!
//! Each folder has one subject and lists its modules once, in its `mod.rs`; they run on each database. Tests
//! that only one database has are listed in `on_sqlite!`, `on_postgres!` or `on_mysql!`, in a file named after
//! the database. `super::` gives a test what differs between databases: `super::Conn` is the connection's
//! type, `super::db` creates databases and connections, `super::schema` has the tables.

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

/// The same modules for each database whose feature is on.
macro_rules! on_each_database {
    ($($(#[$attribute:meta])* mod $subject:ident;)*) => {
        #[cfg(feature = "sqlite")]
        #[path = "."]
        mod sqlite {
            use cachalot_tests::{schema::sqlite as schema, sqlite as db};
            use diesel::SqliteConnection as Conn;

            use crate::{run as on_sqlite, skip as on_mysql, skip as on_postgres};

            use self::fixtures::{blog, catalog_fixture, dialect, spy_store, values, world};

            const DATABASE: &str = "sqlite";

            $($(#[$attribute])* mod $subject;)*
        }

        #[cfg(feature = "postgres")]
        #[path = "."]
        mod postgres {
            use cachalot_tests::{postgres as db, schema::postgres as schema};
            use diesel::PgConnection as Conn;

            use crate::{run as on_postgres, skip as on_mysql, skip as on_sqlite};

            use self::fixtures::{blog, catalog_fixture, dialect, spy_store, values, world};

            const DATABASE: &str = "postgres";

            $($(#[$attribute])* mod $subject;)*
        }

        #[cfg(feature = "mysql")]
        #[path = "."]
        mod mysql {
            use cachalot_tests::{mysql as db, schema::mysql as schema};
            use diesel::MysqlConnection as Conn;

            use crate::{run as on_mysql, skip as on_postgres, skip as on_sqlite};

            use self::fixtures::{blog, catalog_fixture, dialect, spy_store, values, world};

            const DATABASE: &str = "mysql";

            $($(#[$attribute])* mod $subject;)*
        }
    };
}

on_each_database! {
    mod connection_type;
    mod consistency;
    mod fixtures;
    mod operations;
    mod reads;
    mod sessions;
    mod side_effects;
    mod transactions;
    mod writes;
}
