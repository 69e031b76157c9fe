//! Settings of MariaDB's sessions.

#[path = "common.rs"]
mod common;

use diesel::connection::SimpleConnection as _;

use self::common::{are_kept_apart, are_shared};
use super::shared_connections::same;
use super::world::World;

#[test]
fn f08_variables_that_do_not_affect_results_share_entries() {
    are_shared(
        &mut World::new(),
        &[
            "SET innodb_lock_wait_timeout = 2",
            "SET SESSION lock_wait_timeout = 2, wait_timeout = 100",
            "SET @@net_read_timeout = 5",
            "SET net_write_timeout = 5",
            "SET max_statement_time = 100",
            "SET sort_buffer_size = 300000",
            "SET timestamp = 1000000000",
            "SET unique_checks = 0",
        ],
    );
}

#[test]
fn f02_variables_that_affect_results_are_part_of_the_key() {
    are_kept_apart(
        &mut World::new(),
        &[
            "SET sql_mode = 'PIPES_AS_CONCAT'",
            "SET optimizer_switch = 'derived_merge=off'",
            "SET old_mode = 'NO_PROGRESS_INFO'",
            "SET standard_compliant_cte = 0",
            "SET collation_database = 'utf8mb4_bin'",
            "SET old_passwords = 1",
        ],
    );
}

/// What the database refuses to one is not given to it from the entry of another.
#[test]
fn f02_a_limit_set_before_anybody_watched_is_kept() {
    let world = World::new();
    world
        .outsider()
        .batch_execute(
            "CREATE TABLE many (n INTEGER); INSERT INTO many WITH RECURSIVE n (n) AS \
             (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100) SELECT n FROM n",
        )
        .unwrap();
    let triples = "SELECT CAST(COUNT(*) AS CHAR) AS value FROM many AS a, many AS b, many AS c";
    same(&mut world.reader().conn, &[triples], "without a limit");
    let mut late = world.outsider();
    // MySQL compares it with the rows of the tables, MariaDB with those of their product.
    late.batch_execute("SET max_join_size = 10").unwrap();
    assert!(late.batch_execute(triples).is_err(), "it is refused");
    world.cache.watch(&mut late).unwrap();
    same(&mut late, &[triples], "with a limit");
}
