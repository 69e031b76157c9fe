//! What is loaded may be of any type that Diesel can load: nothing asks it to be serialisable.

use cachalot_diesel::Cacheable;
use chrono::NaiveDateTime;
use diesel::backend::Backend;
use diesel::connection::SimpleConnection as _;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::prelude::*;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, Bool, Text};

use super::CachedDsl as _;
use super::Conn;
use super::blog;
use super::schema::*;
use super::world::{World, assert_cached, assert_tables};

type Db = <Conn as Connection>::Backend;

/// A model that serde would give back incomplete.
#[derive(Debug, PartialEq, Queryable, Selectable, serde::Serialize, serde::Deserialize)]
#[diesel(table_name = authors)]
struct Partly {
    id: i32,
    #[serde(skip)]
    name: String,
    #[serde(skip_serializing)]
    #[serde(default)]
    email: Option<String>,
    #[serde(rename = "id2", default, skip_serializing_if = "is_active")]
    active: bool,
}

fn is_active(active: &bool) -> bool {
    *active
}

#[test]
fn r14_fields_that_serde_skips_come_back() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let rows = assert_cached!(
            world,
            Partly,
            authors::table
                .order(authors::id)
                .select(Partly::as_select()),
        );

        assert_eq!(rows[0].name, "Ada");
        assert_eq!(rows[0].email.as_deref(), Some("ada@example.org"));
        assert_eq!([rows[0].active, rows[1].active], [true, false]);
        let json = serde_json::to_string(&rows).unwrap();
        assert!(!json.contains("Ada"), "what serde keeps is not all: {json}");
    });
}

/// A number of votes, kept as such in the program and as a bigint in the database.
#[derive(Clone, Copy, Debug, PartialEq, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
struct Votes(u64);

impl FromSql<BigInt, Db> for Votes {
    fn from_sql(bytes: <Db as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let votes = <i64 as FromSql<BigInt, Db>>::from_sql(bytes)?;
        if votes == 13 {
            return Err("thirteen votes bring bad luck".into());
        }
        Ok(Self(votes.try_into()?))
    }
}

/// What a title begins with.
#[derive(Clone, Copy, Debug, PartialEq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
enum Greeting {
    Hello,
    Other,
}

impl FromSql<Text, Db> for Greeting {
    fn from_sql(bytes: <Db as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let title = <String as FromSql<Text, Db>>::from_sql(bytes)?;
        let is_hello = title.to_lowercase().starts_with("hello");
        Ok(if is_hello { Self::Hello } else { Self::Other })
    }
}

impl ToSql<Text, Db> for Greeting
where
    str: ToSql<Text, Db>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Db>) -> serialize::Result {
        let text: &'static str = match self {
            Self::Hello => "Hello",
            Self::Other => "Draft",
        };
        <str as ToSql<Text, Db>>::to_sql(text, out)
    }
}

#[derive(Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = posts)]
struct Tally {
    id: i32,
    title: Greeting,
    votes: Votes,
}

#[test]
fn r14_types_with_a_conversion_of_their_own() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || posts::table.order(posts::id).select(Tally::as_select());

        let rows = assert_cached!(world, Tally, query());
        let votes: Vec<_> = rows.iter().map(|row| row.votes.0).collect();
        assert_eq!(votes, [10, 0, 7, i64::MAX as u64 / 4]);
        let greetings: Vec<_> = rows.iter().map(|row| row.title).collect();
        let (hello, other) = (Greeting::Hello, Greeting::Other);
        assert_eq!(greetings, [hello, other, hello, other]);
        let found = |greeting: Greeting| {
            posts::table
                .filter(posts::title.eq(greeting))
                .select(posts::id)
        };
        assert_eq!(assert_cached!(world, i32, found(Greeting::Hello)), [1]);
        assert_eq!(assert_cached!(world, i32, found(Greeting::Other)), [2]);
    });
}

#[test]
fn r14_a_conversion_that_fails_fails_each_time() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let read = |conn: &mut Conn| {
            let query = posts::table.order(posts::id).select(posts::votes);
            query.cached(conn).load::<Votes>()
        };
        assert!(world.once(|conn| read(conn).is_ok()));

        diesel::update(posts::table.find(2))
            .set(posts::votes.eq(13))
            .execute(&mut world.conn)
            .unwrap();
        for _ in 0..2 {
            let error = format!("{:?}", read(&mut world.conn).unwrap_err());
            assert!(error.contains("bad luck"), "{error}");
        }
        // The rows are none the worse for those who can take them.
        let query = || posts::table.order(posts::id).select(posts::votes);
        assert_eq!(assert_cached!(world, i64, query())[1], 13);
        let error = format!("{:?}", read(&mut world.conn).unwrap_err());
        assert!(error.contains("bad luck"), "from the cache: {error}");
    });
}

/// A flag in the database, a word in the program, by way of `deserialize_as`.
#[derive(Debug, PartialEq)]
struct State(&'static str);

impl From<bool> for State {
    fn from(published: bool) -> Self {
        Self(if published { "published" } else { "draft" })
    }
}

#[derive(Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = posts)]
struct Times {
    #[diesel(deserialize_as = bool)]
    published: State,
    published_at: Option<NaiveDateTime>,
}

#[derive(Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = posts)]
struct Whole {
    id: i32,
    #[diesel(embed)]
    times: Times,
    #[diesel(embed)]
    tally: Tally,
}

#[test]
fn r14_embedded_structs() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let query = || posts::table.order(posts::id).select(Whole::as_select());

        let rows = assert_cached!(world, Whole, query());
        assert_eq!(rows[0].times.published, State("published"));
        assert_eq!(
            rows[1].times,
            Times {
                published: State("draft"),
                published_at: None
            }
        );
        assert_eq!(rows[2].tally.votes, Votes(7));
        assert_eq!(rows[3].id, rows[3].tally.id);
        assert_tables!(world, query(), ["posts"]);
    });
}

#[derive(Debug, PartialEq, QueryableByName)]
struct Summary {
    #[diesel(embed)]
    line: Line,
    #[diesel(sql_type = BigInt)]
    votes: Votes,
}

#[derive(Debug, PartialEq, QueryableByName)]
#[diesel(table_name = posts)]
struct Line {
    id: i32,
    #[diesel(column_name = "title")]
    heading: String,
    #[diesel(sql_type = Bool)]
    published: bool,
}

#[test]
fn r14_structs_by_name() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        // The order of columns is not that of the fields.
        let query = || {
            diesel::sql_query(
                "SELECT votes, published, title, id FROM posts WHERE id < 4 ORDER BY id",
            )
        };

        let rows = assert_cached!(world, Summary, query());
        assert_eq!((rows[2].line.id, rows[2].votes), (3, Votes(7)));
        assert_eq!(rows[2].line.heading, "hello, again");
        assert_eq!(
            [rows[1].line.published, rows[2].line.published],
            [false, true]
        );
    });
}

#[derive(Debug, PartialEq, Queryable, Selectable, Cacheable)]
#[diesel(table_name = owners)]
struct Owner {
    id: i32,
    name: String,
}

// Tables of these tests' own: what a model brings along holds for every read of its table.
diesel::table! {
    shelves (id) {
        id -> Integer,
    }
}

diesel::table! {
    books (id) {
        id -> Integer,
    }
}

#[derive(Debug, PartialEq, Queryable, Selectable, Cacheable)]
#[diesel(table_name = shelves)]
#[cachalot(depends_on(books))]
struct Shelf {
    id: i32,
}

fn keep(world: &mut World) {
    let conn = &mut world.conn;
    diesel::insert_into(owners::table)
        .values((owners::id.eq(1), owners::name.eq("Ada")))
        .execute(conn)
        .unwrap();
}

#[test]
fn r14_cacheable_models() {
    World::each(|world| {
        keep(world);
        assert_eq!(Owner::tables(), ["owners"]);
        let owners = assert_cached!(world, Owner, owners::table.select(Owner::as_select()));
        assert_eq!(
            owners,
            [Owner {
                id: 1,
                name: "Ada".to_owned()
            }]
        );
        assert_tables!(world, owners::table, ["owners"]);
    });
}

#[test]
fn r14_a_cacheable_model_brings_what_it_depends_on() {
    World::each(|world| {
        world
            .conn
            .batch_execute(
                "CREATE TABLE shelves (id INTEGER NOT NULL PRIMARY KEY); \
                 CREATE TABLE books (id INTEGER NOT NULL PRIMARY KEY); \
                 INSERT INTO shelves VALUES (1)",
            )
            .unwrap();
        let query = || shelves::table.select(Shelf::as_select());

        let shelves = assert_cached!(world, Shelf, query());
        assert_eq!(shelves, [Shelf { id: 1 }]);
        assert_tables!(world, query(), ["books", "shelves"]);
        diesel::insert_into(books::table)
            .values(books::id.eq(1))
            .execute(&mut world.conn)
            .unwrap();
        assert_eq!(assert_cached!(world, Shelf, query()), shelves);
    });
}

#[test]
fn r14_dependencies_that_only_the_query_names() {
    World::each(|world| {
        keep(world);
        let read = |conn: &mut Conn| {
            let query = tags::table.count().cached(conn);
            query
                .depends_on::<Owner>()
                .depends_on_tables(["Counters"])
                .get_result::<i64>()
        };
        assert_eq!(world.once(read), Ok(0));

        diesel::update(owners::table)
            .set(owners::name.eq("Bo"))
            .execute(&mut world.conn)
            .unwrap();
        assert_eq!(world.once(read), Ok(0));
        diesel::insert_into(counters::table)
            .values(counters::id.eq(1))
            .execute(&mut world.conn)
            .unwrap();
        assert_eq!(world.once(read), Ok(0));
    });
}
