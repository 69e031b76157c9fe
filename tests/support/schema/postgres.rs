//! PostgreSQL's tables.

use std::io::Write as _;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

pub use super::shared::*;

/// The SQL types that the migrations create.
pub mod sql_types {
    /// The enum `mood`.
    #[derive(
        Clone, Copy, Debug, Default, diesel::query_builder::QueryId, diesel::sql_types::SqlType,
    )]
    #[diesel(postgres_type(name = "mood"))]
    pub struct Mood;
}

/// A value of the enum `mood`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::Mood)]
pub enum Mood {
    /// `calm`
    Calm,
    /// `curious`
    Curious,
    /// `naïve`
    Naive,
}

impl ToSql<sql_types::Mood, Pg> for Mood {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let label = match self {
            Self::Calm => "calm",
            Self::Curious => "curious",
            Self::Naive => "naïve",
        };
        out.write_all(label.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<sql_types::Mood, Pg> for Mood {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match std::str::from_utf8(value.as_bytes())? {
            "calm" => Ok(Self::Calm),
            "curious" => Ok(Self::Curious),
            "naïve" => Ok(Self::Naive),
            other => Err(format!("`{other}` is no mood").into()),
        }
    }
}

table! {
    use diesel::sql_types::*;
    use super::sql_types::Mood;

    every_type (id) {
        id -> Integer,
        a_smallint -> Nullable<SmallInt>,
        an_integer -> Nullable<Integer>,
        a_bigint -> Nullable<BigInt>,
        an_oid -> Nullable<Oid>,
        a_real -> Nullable<Float>,
        a_double -> Nullable<Double>,
        a_numeric -> Nullable<Numeric>,
        a_money -> Nullable<Money>,
        a_bool -> Nullable<Bool>,
        a_text -> Nullable<Text>,
        a_varchar -> Nullable<VarChar>,
        a_char -> Nullable<Bpchar>,
        bytes -> Nullable<Bytea>,
        a_date -> Nullable<Date>,
        a_time -> Nullable<Time>,
        a_timestamp -> Nullable<Timestamp>,
        a_timestamptz -> Nullable<Timestamptz>,
        an_interval -> Nullable<Interval>,
        a_uuid -> Nullable<Uuid>,
        a_json -> Nullable<Json>,
        a_jsonb -> Nullable<Jsonb>,
        an_inet -> Nullable<Inet>,
        a_cidr -> Nullable<Cidr>,
        a_macaddr -> Nullable<MacAddr>,
        integers -> Nullable<Array<Nullable<Integer>>>,
        texts -> Nullable<Array<Nullable<Text>>>,
        integer_range -> Nullable<Range<Integer>>,
        numeric_range -> Nullable<Range<Numeric>>,
        date_range -> Nullable<Range<Date>>,
        timestamptz_range -> Nullable<Range<Timestamptz>>,
        a_mood -> Nullable<Mood>,
    }
}

table! {
    /// Go to owner 0 when their owner is deleted.
    kennels (id) {
        id -> Integer,
        owner_id -> Integer,
    }
}

table! {
    /// A table in a schema that is not on the search path.
    other.things (id) {
        id -> Integer,
        name -> Text,
    }
}

joinable!(kennels -> owners (owner_id));
allow_tables_to_appear_in_same_query!(kennels, owners);
allow_tables_to_appear_in_same_query!(things, posts);
allow_tables_to_appear_in_same_query!(every_type, posts);
