//! Transactions, savepoints, and what ends them.

mod basics;

on_sqlite! {
    #[path = "implicit_ends/sqlite.rs"]
    mod implicit_ends;
}

on_mysql! {
    #[path = "implicit_ends/mysql.rs"]
    mod implicit_ends;
}

use super::*;
