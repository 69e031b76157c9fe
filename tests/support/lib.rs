//! What the tests stand on: throwaway servers, a database for each test, and a count of the
//! statements that reach it. Nothing else in the project starts a server.
//!
//! - `postgres`, `mysql` (each a feature) and [`sqlite`] have the same items: `database()` gives a test a
//!   migrated database of its own, `empty_database()` one without any table, `establish(url)` a
//!   connection to it.
//! - [`memcached::shared()`] is one server for the whole process, so a test takes a namespace of its
//!   own from [`unique::name`]; [`memcached::start`] is for tests that stop or freeze it.
//! - [`proxy::Proxy`] is a way to a server that can be cut, or on which answers come late or never.
//! - [`log::Log`] keeps what is told to `tracing`.
//! - [`program::Program`] is a program of this project that serves, such as an example.
//! - [`corpus::cases`] are the statements on which the analysis is tested.
//! - [`Counter`] counts statements, [`wait_until`] waits for a condition, [`folder::shared()`] is a
//!   place for files.
//!
//! A server starts with the first test that asks for it, on a free loopback port, with its files in
//! the folder for temporary files, and never as root. A watchdog ends it and removes its
//! folder when the test process ends, however that happens. With these variables set, servers that
//! run already are used instead:
//!
//! | variable | example |
//! |---|---|
//! | `CACHALOT_TEST_POSTGRES_URL` | `postgres://postgres@127.0.0.1:5432` (may create databases) |
//! | `CACHALOT_TEST_MYSQL_URL` | `mysql://root@127.0.0.1:3306` (may create databases) |
//! | `CACHALOT_TEST_MEMCACHED_URL` | `memcache://127.0.0.1:11211` |
//!
//! Being test code, it panics where something is missing or broken, and says what to do.

mod binary;
pub mod corpus;
mod counter;
pub mod database;
pub mod flights;
pub mod folder;
pub mod gate;
pub mod log;
pub mod memcached;
pub mod migrations;
#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod program;
pub mod proxy;
mod recorder;
pub mod schema;
pub mod sqlite;
pub mod unique;
mod wait;
mod watchdog;
pub mod wire;

pub use counter::Counter;
pub use database::Database;
pub use recorder::Recorder;
pub use wait::wait_until;
