//! MySQL and MariaDB.

mod catalog;
mod grants;
mod privileges;
mod probe;
mod rows;
