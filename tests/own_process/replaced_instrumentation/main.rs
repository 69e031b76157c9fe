//! Instrumentations that the program replaces after `install`: each case in a process of its own,
//! as Diesel's default is one for the process, and what is found out stays.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of tests fails by panicking, like a test"
)]
#![allow(
    clippy::duplicate_mod,
    reason = "the same cases for each database, by its own types"
)]

#[path = "../apart.rs"]
mod apart;

#[cfg(feature = "sqlite")]
#[path = "."]
mod sqlite {
    use cachalot_tests::{schema::sqlite as schema, sqlite as db};
    use diesel::SqliteConnection as Conn;

    mod cases;
}

#[cfg(feature = "postgres")]
#[path = "."]
mod postgres {
    use cachalot_tests::{postgres as db, schema::postgres as schema};
    use diesel::PgConnection as Conn;

    mod cases;
}

#[cfg(feature = "mysql")]
#[path = "."]
mod mysql {
    use cachalot_tests::{mysql as db, schema::mysql as schema};
    use diesel::MysqlConnection as Conn;

    mod cases;
}
