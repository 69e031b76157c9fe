//! What the questions load. Rows of several tables and aggregates load into tuples.

use std::fmt;

use cachalot_diesel::prelude::*;
use diesel::prelude::*;

use crate::schema::flights;

#[derive(Debug, Queryable, Selectable, Cacheable)]
#[diesel(table_name = flights)]
pub(crate) struct Flight {
    pub(crate) carrier: String,
    pub(crate) flight: i32,
    pub(crate) origin: String,
    pub(crate) dest: String,
    /// Minutes; `None` for a flight that was cancelled or diverted.
    pub(crate) arr_delay: Option<i32>,
}

impl fmt::Display for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            carrier,
            flight,
            origin,
            dest,
            arr_delay,
        } = self;
        write!(f, "{carrier} {flight} {origin}-{dest}: ")?;
        match arr_delay {
            Some(minutes) => write!(f, "{minutes:+} min"),
            None => f.write_str("did not arrive"),
        }
    }
}
