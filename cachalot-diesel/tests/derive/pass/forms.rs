//! Every way to say which table.
#![forbid(unsafe_code)]
#![deny(missing_docs, warnings)]

use cachalot_diesel::Cacheable;

/// Tables.
#[allow(missing_docs)]
pub mod schema {
    diesel::table! { users { id -> Integer } }
    diesel::table! { blog_posts { id -> Integer, #[sql_name = "author"] author_ -> Nullable<Integer>, slug -> Text } }
    diesel::table! { other.things { id -> Integer } }
    diesel::table! {
        #[sql_name = "Odd Name"]
        odd { id -> Integer }
    }
}

use schema::{blog_posts, users};

/// Inferred from the name.
#[derive(Debug, Cacheable)]
pub struct BlogPost;

/// A path, among keys that are other derives' business.
#[derive(Cacheable)]
#[diesel(table_name = crate::schema::users, check_for_backend(diesel::sqlite::Sqlite))]
#[diesel(primary_key(id), treat_none_as_null = true)]
pub struct User<'a, T: Clone = u8, const N: usize = 3>
where
    T: 'a,
{
    /// A field.
    pub names: [&'a T; N],
}

/// A schema.
#[derive(Cacheable)]
#[diesel(table_name = schema::things)]
pub struct Thing;

/// A name that only SQL knows.
#[derive(Cacheable)]
#[diesel(table_name = schema::odd)]
#[cachalot(ttl = "1h 30m")]
pub struct Odd(pub i32);

/// A view without a `table!`.
#[derive(Cacheable)]
#[cachalot(table = "late_flights", depends_on(users, schema::blog_posts, "Planes"))]
pub struct LateFlight {}

/// Names as SQL writes them.
#[derive(Cacheable)]
#[cachalot(table = "public.\"we.ird\"", depends_on("other.Planes"))]
pub struct Weird;

/// Values with commas and angles, before the key that counts.
#[derive(Cacheable)]
#[diesel(base_query_type = Filter<users::table, Eq<users::id, i32>>, table_name = users)]
#[diesel(base_query = if 1 < 2 { one } else { other }, sql_type = Nullable<Text>)]
#[deprecated]
pub struct Old;

/// Keys by the names of the `table!` module and of SQL.
#[derive(Cacheable)]
#[diesel(table_name = blog_posts)]
#[cachalot(keys(author_, slug, "id"))]
pub struct Keyed;

/// Keys of a table without a `table!`.
#[derive(Cacheable)]
#[cachalot(table = "late_flights", keys("flight"), ttl = "1s")]
pub struct KeyedByName;

/// No query of it is cached.
#[derive(Cacheable)]
#[diesel(table_name = users)]
#[cachalot(uncacheable)]
pub struct Secret;

#[allow(deprecated)]
fn main() {
    assert_eq!(BlogPost::tables(), ["blog_posts"]);
    assert_eq!(User::<'_, u8, 3>::tables(), ["users"]);
    assert_eq!(Thing::tables(), ["things"]);
    assert_eq!(Odd::tables(), ["Odd Name"]);
    assert_eq!(LateFlight::tables(), ["late_flights", "users", "blog_posts", "Planes"]);
    assert_eq!(Weird::tables(), ["we.ird", "Planes"]);
    assert_eq!(Old::tables(), ["users"]);
    assert_eq!(Secret::tables(), ["users"]);
    let _ = blog_posts::table;
}
