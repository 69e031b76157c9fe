//! What statements change beyond the tables that they name: triggers, foreign keys, views, routines, rules.

mod analysis_truth;
mod cascades;
mod schema_changes;
mod schema_changes_of_others;
mod triggers;
mod unwatched_relations;
mod views;

on_sqlite! {
    #[path = "catalog/sqlite.rs"]
    mod catalog;
    mod conflicts;
    mod temporary;
    #[path = "analysis_truth/sqlite.rs"]
    mod truth;
}

on_postgres! {
    #[path = "catalog/postgres.rs"]
    mod catalog;
    #[path = "catalog_columns/postgres.rs"]
    mod catalog_columns;
    mod families;
    mod family_lists;
    mod inheritance;
    mod materialized;
    mod partitions;
    mod principals;
    mod reading_functions;
    #[path = "routine_statements/postgres.rs"]
    mod routine_statements;
    mod routines;
    mod row_security;
    mod rules;
    #[path = "special_cases/postgres.rs"]
    mod special_cases;
    mod trigger_functions;
    #[path = "analysis_truth/postgres.rs"]
    mod truth;
    #[path = "analysis_truth/postgres_views.rs"]
    mod truth_views;
    mod writing_functions;
}

on_mysql! {
    #[path = "catalog/mysql.rs"]
    mod catalog;
    #[path = "catalog_columns/mysql.rs"]
    mod catalog_columns;
    mod principals;
    mod privileges;
    mod procedures;
    #[path = "routine_statements/mysql.rs"]
    mod routine_statements;
    mod routines;
    #[path = "special_cases/mysql.rs"]
    mod special_cases;
    mod stored_functions;
    mod trigger_procedures;
    #[path = "analysis_truth/mysql.rs"]
    mod truth;
}

use super::dialect::{MOVING, drop_trigger, trigger};
use super::*;
