//! The blog as its visitors see it: real servers, over HTTP, with the cache and without.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of tests fails by panicking, like a test"
)]

mod changes;
mod client;
mod compare;
mod counts;
mod crowd;
mod servers;

#[cfg(feature = "mysql")]
use cachalot_tests::mysql;
use cachalot_tests::{Database, memcached, postgres, sqlite};

fn sqlite() -> (Database, String) {
    let database = sqlite::empty_database();
    let url = format!("sqlite://{}", database.url());
    (database, url)
}

fn postgres() -> (Database, String) {
    let database = postgres::empty_database();
    let url = database.url().to_owned();
    (database, url)
}

#[cfg(feature = "mysql")]
fn mysql() -> (Database, String) {
    let database = mysql::empty_database();
    let url = database.url().to_owned();
    (database, url)
}

#[test]
fn every_page_is_the_databases_after_every_write_on_sqlite() {
    let (_database, url) = sqlite();
    compare::after_every_write(&url, &memcached::shared().url());
}

#[test]
fn every_page_is_the_databases_after_every_write_on_postgres() {
    let (_database, url) = postgres();
    compare::after_every_write(&url, &memcached::shared().url());
}

#[cfg(feature = "mysql")]
#[test]
fn every_page_is_the_databases_after_every_write_on_mysql() {
    let (_database, url) = mysql();
    compare::after_every_write(&url, &memcached::shared().url());
}

#[test]
fn every_page_is_the_databases_with_the_cache_in_the_process() {
    let (_database, url) = sqlite();
    compare::after_every_write_of_one_process(&url);
}

#[test]
fn a_write_makes_anew_what_it_touched_and_nothing_else_on_sqlite() {
    let (_database, url) = sqlite();
    counts::of_a_post_page(&url);
}

#[test]
fn a_write_makes_anew_what_it_touched_and_nothing_else_on_postgres() {
    let (_database, url) = postgres();
    counts::of_a_post_page(&url);
}

#[cfg(feature = "mysql")]
#[test]
fn a_write_makes_anew_what_it_touched_and_nothing_else_on_mysql() {
    let (_database, url) = mysql();
    counts::of_a_post_page(&url);
}

#[test]
fn a_comment_is_there_for_everyone_once_it_is_answered_on_sqlite() {
    let (_database, url) = sqlite();
    crowd::comments(&url);
}

#[test]
fn a_comment_is_there_for_everyone_once_it_is_answered_on_postgres() {
    let (_database, url) = postgres();
    crowd::comments(&url);
}

#[cfg(feature = "mysql")]
#[test]
fn a_comment_is_there_for_everyone_once_it_is_answered_on_mysql() {
    let (_database, url) = mysql();
    crowd::comments(&url);
}
