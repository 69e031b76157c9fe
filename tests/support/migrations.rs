//! Bringing a database to the newest schema, and back.

use diesel::backend::Backend;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};

/// The demo schema, then the tests' own: each database's module has one.
pub type Migrations = [EmbeddedMigrations; 2];

/// Brings `conn`'s database to the newest version of both.
///
/// # Panics
///
/// If a migration fails.
pub fn run<DB: Backend>(conn: &mut impl MigrationHarness<DB>, migrations: Migrations) {
    for source in migrations {
        conn.run_pending_migrations(source)
            .unwrap_or_else(|error| panic!("the migrations do not run: {error}"));
    }
}

/// Takes both back, the tests' own first.
///
/// # Panics
///
/// If a migration fails.
pub fn revert<DB: Backend>(conn: &mut impl MigrationHarness<DB>, migrations: Migrations) {
    for source in migrations.into_iter().rev() {
        // One at a time: Diesel takes everything back only if one source has everything.
        conn.revert_last_migration(source)
            .unwrap_or_else(|error| panic!("the migrations cannot be reverted: {error}"));
    }
}
