//! The behaviour of cachalot-diesel, case by case: each file of tests runs once on each database.
//!
//! A file says `super::` for what differs between databases: `super::Conn` is the connection type,
//! `super::db` makes databases and connections, `super::schema` has the tables. What only one
//! database has stands in a folder, in a file named after that database, like `every_type`.

#![allow(clippy::duplicate_mod, reason = "the same tests run on every database")]
#![allow(
    clippy::unwrap_used,
    reason = "a helper of tests fails by panicking, like a test"
)]

mod memcached_works;

#[path = "."]
mod sqlite {
    pub(crate) use cachalot_tests::{schema::sqlite as schema, sqlite as db};
    pub(crate) use diesel::SqliteConnection as Conn;

    #[path = "every_type/sqlite.rs"]
    mod every_type;
    mod races;
    mod support_works;
    mod world;
}

#[path = "."]
mod postgres {
    pub(crate) use cachalot_tests::{postgres as db, schema::postgres as schema};
    pub(crate) use diesel::PgConnection as Conn;

    #[path = "every_type/postgres.rs"]
    mod every_type;
    mod races;
    mod races_postgres;
    mod support_works;
    mod world;
}

#[path = "."]
mod mysql {
    pub(crate) use cachalot_tests::{mysql as db, schema::mysql as schema};
    pub(crate) use diesel::MysqlConnection as Conn;

    #[path = "every_type/mysql.rs"]
    mod every_type;
    mod races;
    mod support_works;
    mod world;
}
