#![allow(clippy::duplicate_mod, unused, clippy::unwrap_used)]
#[path = "."]
mod sqlite {
    pub(crate) use cachalot_tests::{schema::sqlite as schema, sqlite as db};
    pub(crate) use diesel::SqliteConnection as Conn;
    pub(crate) const DATABASE: &str = "sqlite";
    #[path = "needless/sqlite.rs"]
    mod needless;
    #[path = "temporary/sqlite.rs"]
    mod temporary;
    mod world;
}
#[path = "."]
mod postgres {
    pub(crate) use cachalot_tests::{postgres as db, schema::postgres as schema};
    pub(crate) use diesel::PgConnection as Conn;
    pub(crate) const DATABASE: &str = "postgres";
    #[path = "behind/postgres.rs"]
    mod behind;
    #[path = "needless/postgres.rs"]
    mod needless;
    #[path = "session_settings/postgres.rs"]
    mod session_settings;
    #[path = "temporary/postgres.rs"]
    mod temporary;
    mod world;
}
#[path = "."]
mod mysql {
    pub(crate) use cachalot_tests::{mysql as db, schema::mysql as schema};
    pub(crate) use diesel::MysqlConnection as Conn;
    pub(crate) const DATABASE: &str = "mysql";
    #[path = "needless/mysql.rs"]
    mod needless;
    #[path = "temporary/mysql.rs"]
    mod temporary;
    mod world;
}
