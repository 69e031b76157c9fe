//! Functions that are generic over the query name one trait.

use cachalot_diesel::{CacheConnection, prelude::*};
use diesel::{dsl::Limit, prelude::*, query_dsl::methods::LimitDsl};

use super::Conn;
use super::blog;
use super::schema::*;
use super::world::World;

fn all<'a, Q, U>(query: Q, conn: &'a mut Conn) -> QueryResult<Vec<U>>
where
    Q: CachedQuery<'a, Conn, U>,
{
    query.cached(conn).load()
}

fn one<'a, Q, C, U>(query: Q, conn: &'a mut C) -> QueryResult<U>
where
    C: CacheConnection,
    Q: CachedQuery<'a, C, U>,
{
    query.cached(conn).get_result()
}

fn first<'a, Q, C, U>(query: Q, conn: &'a mut C) -> QueryResult<U>
where
    C: CacheConnection,
    Q: CachedDsl + LimitDsl,
    Limit<Q>: CachedQuery<'a, C, U>,
{
    query.cached(conn).first()
}

#[derive(Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = tags)]
struct Tag {
    id: i32,
    label: String,
}

#[test]
fn a01_functions_that_are_generic_over_queries_name_one_trait() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let ids = world.once(|conn| all::<_, i32>(posts::table.select(posts::id), conn));
        assert_eq!(ids.unwrap().len(), 4);
        let count = world.once(|conn| one::<_, _, i64>(posts::table.count(), conn));
        assert_eq!(count, Ok(4));
        let boxed = || posts::table.select(posts::id).order(posts::id).into_boxed();
        let least = world.once(|conn| first::<_, _, i32>(boxed(), conn));
        assert_eq!(
            least,
            all(boxed(), &mut world.conn).map(|ids: Vec<i32>| ids[0])
        );
        let joined = || {
            let joined = posts::table.inner_join(authors::table);
            joined.select((posts::id, authors::id))
        };
        let pairs = world.once(|conn| all::<_, (i32, i32)>(joined(), conn));
        assert!(!pairs.unwrap().is_empty());
        let raw = || diesel::sql_query("SELECT id, label FROM tags ORDER BY id");
        let by_name = world.once(|conn| all::<_, TagByName>(raw(), conn).map(|tags| tags.len()));
        let tags = world.once(|conn| all::<_, Tag>(tags::table.select(Tag::as_select()), conn));
        assert_eq!(by_name, tags.map(|tags| tags.len()));
    });
}

#[allow(dead_code, reason = "only counted")]
#[derive(QueryableByName)]
#[diesel(table_name = tags)]
struct TagByName {
    id: i32,
    label: String,
}
