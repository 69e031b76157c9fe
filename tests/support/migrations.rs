//! The demo schema and the tests' own, for each database.

use diesel::backend::Backend;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

/// The demo schema, then the tests' own.
pub(crate) const POSTGRES: [EmbeddedMigrations; 2] = [
    embed_migrations!("../migrations/postgres"),
    embed_migrations!("migrations/postgres"),
];
/// The demo schema, then the tests' own.
pub(crate) const MYSQL: [EmbeddedMigrations; 2] = [
    embed_migrations!("../migrations/mysql"),
    embed_migrations!("migrations/mysql"),
];
/// The demo schema, then the tests' own.
pub(crate) const SQLITE: [EmbeddedMigrations; 2] = [
    embed_migrations!("../migrations/sqlite"),
    embed_migrations!("migrations/sqlite"),
];

/// Brings `conn`'s database to the newest version of both.
pub(crate) fn run<DB: Backend>(
    conn: &mut impl MigrationHarness<DB>,
    schemas: [EmbeddedMigrations; 2],
) {
    for schema in schemas {
        conn.run_pending_migrations(schema)
            .unwrap_or_else(|error| panic!("the migrations do not run: {error}"));
    }
}
