//! MySQL and MariaDB.

mod catalog;
mod foreign_keys;
mod grants;
mod privileges;
mod probe;
mod rows;
