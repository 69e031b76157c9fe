//! What differs between the databases: for each what a connection answers about itself (`probe`), how
//! the catalog is read (`catalog`), how rows become bytes and rows again (`rows`), and what binds say (`values`).

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use crate::rows::{Value, private::Bind};
use cachalot_sql::Dialect;

/// The value of a bind. `None` if it is of another type than a table can be told apart by.
pub(crate) fn value_of(bind: &Bind, dialect: Dialect) -> Option<Value<'_>> {
    match dialect {
        #[cfg(feature = "mysql")]
        Dialect::Mysql => mysql::values::of_bind(bind),
        #[cfg(feature = "postgres")]
        Dialect::Postgres => postgres::values::of_bind(bind),
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => sqlite::values::of_bind(bind),
        #[allow(unreachable_patterns, reason = "all backends may be there")]
        _ => {
            _ = bind;
            None
        }
    }
}

/// The elements of a bind that is an array. `None` if there are more than `max`, or others than values.
pub(crate) fn elements_of(bind: &Bind, dialect: Dialect, max: usize) -> Option<Vec<Value<'_>>> {
    match dialect {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => postgres::values::elements(bind, max),
        // Others have none.
        _ => {
            _ = (bind, max);
            None
        }
    }
}
