//! `#[derive(MultiConnection)]` with arms of the type.

use cachalot_diesel::CachalotConnection;
use cachalot_tests::Counter;
use diesel::{
    MultiConnection, MysqlConnection, PgConnection, SqliteConnection, prelude::*, result::Error,
};

use super::{Typed, blog, db, schema::*, world::World};

// The derive takes no types with parameters.
type Postgres = CachalotConnection<PgConnection>;
type Mysql = CachalotConnection<MysqlConnection>;
type Sqlite = CachalotConnection<SqliteConnection>;

#[derive(MultiConnection)]
enum AnyConnection {
    Postgres(Postgres),
    Mysql(Mysql),
    Sqlite(Sqlite),
}

super::on_sqlite! {
    use self::AnyConnection::Sqlite as Arm;
}

super::on_postgres! {
    use self::AnyConnection::Postgres as Arm;
}

super::on_mysql! {
    use self::AnyConnection::Mysql as Arm;
}

fn filled() -> (World, AnyConnection, Counter, Typed) {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    let (typed, other) = (Typed::of(&world), Typed::of(&world));
    (world, Arm(typed.conn), typed.counter, other)
}

type Row = (i32, String, Option<String>);

fn rows(conn: &mut AnyConnection) -> Vec<Row> {
    let query = authors::table.order(authors::id);
    let query = query.select((authors::id, authors::name, authors::email));
    query.load(conn).unwrap()
}

fn found(conn: &mut AnyConnection, name: &str) -> Option<i32> {
    let query = authors::table.filter(authors::name.eq(name));
    query.select(authors::id).first(conn).optional().unwrap()
}

fn rename<C>(conn: &mut C, to: &str) -> QueryResult<usize>
where
    C: diesel::connection::LoadConnection,
    for<'a> diesel::dsl::Update<
        diesel::dsl::Find<authors::table, i32>,
        diesel::dsl::Eq<authors::name, &'a str>,
    >: diesel::query_dsl::methods::ExecuteDsl<C>,
{
    let author = diesel::update(authors::table.find(1));
    author.set(authors::name.eq(to)).execute(conn)
}

#[test]
fn n01_arms_of_a_multi_connection_are_read_once() {
    let (_world, mut conn, counter, _) = filled();
    let (first, sent) = counter.during(|| rows(&mut conn));
    assert_eq!((first.len(), sent), (3, 1));
    assert_eq!(counter.during(|| rows(&mut conn)), (first, 0));
    for (name, id) in [
        ("Ada", Some(1)),
        ("Björn", Some(2)),
        ("Nobody", None),
        ("", None),
    ] {
        assert_eq!(counter.during(|| found(&mut conn, name)), (id, 1), "{name}");
        assert_eq!(counter.during(|| found(&mut conn, name)), (id, 0), "{name}");
    }
}

#[test]
fn n02_writes_of_a_multi_connection_are_seen() {
    let (world, mut conn, _, mut other) = filled();
    let mut names = || {
        authors::table
            .find(1)
            .select(authors::name)
            .first::<String>(&mut other.conn)
            .unwrap()
    };
    assert_eq!((names(), rows(&mut conn).len()), ("Ada".to_owned(), 3));
    rename(&mut conn, "one").unwrap();
    assert_eq!((names().as_str(), &*rows(&mut conn)[0].1), ("one", "one"));
    let committed = conn.transaction(|conn| {
        rename(conn, "two")?;
        assert_eq!((names().as_str(), &*rows(conn)[0].1), ("one", "two"));
        conn.transaction(|conn| {
            rename(conn, "never")?;
            Err::<(), _>(Error::RollbackTransaction)
        })
        .unwrap_err();
        QueryResult::Ok(())
    });
    committed.unwrap();
    assert_eq!((names().as_str(), &*rows(&mut conn)[0].1), ("two", "two"));
    diesel::insert_into(tags::table)
        .values((tags::id.eq(70), tags::label.eq("new")))
        .execute(&mut conn)
        .unwrap();
    let label = tags::table
        .find(70)
        .select(tags::label)
        .first::<String>(&mut conn);
    assert_eq!(label.as_deref(), Ok("new"));
    conn.begin_test_transaction().unwrap();
    rename(&mut conn, "test").unwrap();
    assert_eq!(&*rows(&mut conn)[0].1, "test");
    drop(conn);
    assert_eq!(names(), "two");
    drop(world);
}

#[test]
fn n02_a_multi_connection_migrates() {
    use diesel_migrations::MigrationHarness as _;
    let (_world, mut conn, ..) = filled();
    let [migrations, own] = db::MIGRATIONS;
    assert!(!conn.has_pending_migration(migrations).unwrap());
    assert!(conn.run_pending_migrations(own).unwrap().is_empty());
    assert!(!conn.applied_migrations().unwrap().is_empty());
    assert_eq!(rows(&mut conn).len(), 3);
}

super::on_postgres! {
    mod with_an_enum {
        use diesel::{
            MultiConnection,
            deserialize::{self, FromSql},
            prelude::*,
            serialize::{self, IsNull, Output, ToSql},
            sql_types::HasSqlType,
        };

        use super::{
            super::{Typed, schema::{Mood, every_type, sql_types}, world::World},
            Postgres,
        };

        #[derive(MultiConnection)]
        enum Only {
            Postgres(Postgres),
        }

        impl HasSqlType<sql_types::Mood> for MultiBackend {
            fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
                Self::lookup_sql_type::<sql_types::Mood>(lookup)
            }
        }

        impl FromSql<sql_types::Mood, MultiBackend> for Mood {
            fn from_sql(bytes: MultiRawValue<'_>) -> deserialize::Result<Self> {
                bytes.from_sql::<Self, sql_types::Mood>()
            }
        }

        impl ToSql<sql_types::Mood, MultiBackend> for Mood {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
                out.set_value((sql_types::Mood, self));
                Ok(IsNull::No)
            }
        }

        #[test]
        fn n01_a_type_is_looked_up_through_a_multi_connection() {
            let world = World::new();
            let (typed, mut other) = (Typed::of(&world), Typed::of(&world));
            let mut conn = Only::Postgres(typed.conn);
            let moods = every_type::table.select(every_type::a_mood);
            for mood in [Mood::Calm, Mood::Naive] {
                diesel::insert_into(every_type::table)
                    .values((every_type::id.eq(mood as i32), every_type::a_mood.eq(mood)))
                    .execute(&mut conn)
                    .unwrap();
                let query = || moods.filter(every_type::a_mood.eq(mood));
                for sent in [1, 0] {
                    let read = || query().load::<Option<Mood>>(&mut conn);
                    assert_eq!(typed.counter.during(read), (Ok(vec![Some(mood)]), sent), "{:?}", typed.counter.statements());
                }
                assert_eq!(query().load(&mut other.conn), Ok(vec![Some(mood)]));
            }
        }
    }
}
