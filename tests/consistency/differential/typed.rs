//! Reads and writes that Diesel builds.

use cachalot_diesel::CachedDsl as _;
use diesel::{
    dsl::{count, exists},
    prelude::*,
};
use fastrand::Rng;

use super::client::{Client, on};
use super::writes::Values as _;

macro_rules! tables {
    ($($table:ident),*) => {$(
        diesel::table! {
            $table (id) {
                id -> Integer,
                n -> Nullable<Integer>,
                s -> Nullable<Text>,
                up -> Nullable<Integer>,
                code -> Nullable<Integer>,
            }
        }
    )*};
}

tables!(t0, t1, t2);
diesel::allow_tables_to_appear_in_same_query!(t0, t1, t2);

/// A query that Diesel builds; its rows as text.
pub(crate) struct Typed {
    pub(crate) name: &'static str,
    load: fn(&mut Client) -> QueryResult<Vec<String>>,
}

impl Typed {
    pub(crate) fn read(&self, client: &mut Client) -> QueryResult<Vec<String>> {
        (self.load)(client)
    }
}

macro_rules! typed {
    ($($type:ty: $query:expr;)*) => {
        &[$(Typed {
            name: stringify!($query),
            load: |client| {
                let rows = match client {
                    Client::Plain(reader) => $query.cached(&mut reader.conn).load::<$type>()?,
                    Client::Typed(typed) => RunQueryDsl::load::<$type>($query, &mut typed.conn)?,
                };
                Ok(rows.iter().map(|row| format!("{row:?}")).collect())
            },
        }),*]
    };
}

pub(crate) const TYPED: &[Typed] = typed! {
    (i32, Option<i32>, Option<String>):
        t0::table.filter(t0::n.gt(2)).order(t0::id).select((t0::id, t0::n, t0::s));
    (i32, Option<String>):
        t0::table
            .inner_join(t1::table.on(t0::up.eq(t1::id.nullable())))
            .order(t0::id)
            .select((t0::id, t1::s));
    i64: t2::table.count();
    (i32, Option<i32>, Option<String>): t0::table.find(3).select((t0::id, t0::n, t0::s));
    (i32, Option<i32>): t1::table.filter(t1::up.eq(4)).order(t1::id).select((t1::id, t1::n));
    i32: t2::table.filter(t2::id.eq_any([2, 5, 7])).order(t2::id).select(t2::id);
    i32:
        t1::table
            .filter(exists(t2::table.filter(t2::up.eq(t1::id.nullable()))))
            .order(t1::id)
            .select(t1::id);
    (Option<i32>, i64):
        t2::table.group_by(t2::n).order(t2::n).select((t2::n, count(t2::id)));
};

/// What a random write of Diesel's is, and what came of it.
pub(crate) fn write(client: &mut Client, rng: &mut Rng) -> (String, QueryResult<usize>) {
    let (id, number) = (i32::from(rng.number()), i32::from(rng.u8(..7)));
    macro_rules! run {
        ($statement:expr) => {
            (
                format!("{} for {id} and {number}", stringify!($statement)),
                on!(client, conn => $statement.execute(conn)),
            )
        };
    }
    match rng.u8(..8) {
        0 => run!(diesel::insert_into(t0::table).values((t0::id.eq(id), t0::n.eq(number)))),
        1 => run!(diesel::insert_into(t2::table).values(vec![
            (t2::id.eq(id), t2::n.eq(number)),
            (t2::id.eq(id + 1), t2::n.eq(number)),
        ])),
        2 => run!(diesel::update(t1::table.filter(t1::n.lt(number))).set(t1::s.eq("typed"))),
        3 => run!(diesel::update(t0::table.find(id)).set(t0::id.eq(number))),
        4 => run!(diesel::update(t0::table.find(id)).set(t0::n.eq(number))),
        5 => run!(diesel::update(t1::table.filter(t1::up.eq(id))).set(t1::n.eq(number))),
        6 => run!(diesel::update(t1::table.find(id).filter(t1::up.eq(number))).set(t1::up.eq(4))),
        _ => run!(diesel::delete(t1::table.filter(t1::id.eq(id)))),
    }
}
