//! The databases that can be tortured.

use std::fmt;

use cachalot_diesel::Cachalot;
use clap::ValueEnum;
use diesel::connection::SimpleConnection as _;

use crate::{message::Line, mysql, postgres, sqlite};

/// A database, and how it is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    /// SQLite with a rollback journal
    Sqlite,
    /// SQLite with a write-ahead log
    SqliteWal,
    /// PostgreSQL
    Postgres,
    /// MariaDB
    Mysql,
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::SqliteWal => "sqlite-wal",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        })
    }
}

/// What there is for each database alike.
pub(crate) struct Doors {
    make: fn() -> cachalot_tests::Database,
    prepare: fn(&str),
    pub(crate) values: fn(&str) -> Vec<i64>,
    work_plain: Work,
    work_typed: Work,
}

/// Works as one thread.
type Work = fn(&str, Cachalot, Line, u64);

impl Doors {
    /// With connections of the type, or plain ones.
    pub(crate) fn work(&self, typed: bool) -> Work {
        if typed {
            self.work_typed
        } else {
            self.work_plain
        }
    }
}

macro_rules! doors {
    ($module:ident) => {
        Doors {
            make: cachalot_tests::$module::database,
            prepare: $module::plain::work::prepare,
            values: $module::plain::work::values,
            work_plain: $module::plain::work::work,
            work_typed: $module::typed::work::work,
        }
    };
}

impl Database {
    pub(crate) fn doors(self) -> Doors {
        match self {
            Self::Sqlite | Self::SqliteWal => doors!(sqlite),
            Self::Postgres => doors!(postgres),
            Self::Mysql => doors!(mysql),
        }
    }

    /// A database with all counters at 0.
    pub(crate) fn make(self) -> cachalot_tests::Database {
        let doors = self.doors();
        let database = (doors.make)();
        (doors.prepare)(database.url());
        if self == Self::SqliteWal {
            cachalot_tests::sqlite::establish(database.url())
                .batch_execute("PRAGMA journal_mode = WAL")
                .expect("a write-ahead log");
        }
        database
    }
}
