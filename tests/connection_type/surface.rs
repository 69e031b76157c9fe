//! What Diesel's own connections can do besides.

use cachalot_diesel::CachalotConnection;
use cachalot_tests::Recorder;
use diesel::{
    connection::{BoxableConnection, CacheSize},
    expression::BoxableExpression,
    prelude::*,
    sql_types::Bool,
};

use super::{Typed, blog::Author, filled, rename, schema::*};

type Conn = CachalotConnection<super::Conn>;
type Backend = <Conn as Connection>::Backend;

#[diesel::dsl::auto_type]
fn written_by(id: i32) -> _ {
    let of: diesel::dsl::Eq<posts::author_id, i32> = posts::author_id.eq(id);
    posts::table
        .filter(of)
        .select(posts::title)
        .order(posts::id)
}

#[test]
fn n01_queries_that_are_put_together_are_read_once() {
    let (_world, mut typed) = filled();
    let titles = typed.once(|conn| written_by(1).load::<String>(conn));
    assert!(!titles.is_empty());
    let conditions =
        || -> [Box<dyn BoxableExpression<authors::table, Backend, SqlType = Bool>>; 2] {
            [
                Box::new(authors::active.eq(true)),
                Box::new(authors::name.eq("Björn")),
            ]
        };
    for place in 0..2 {
        let rows = typed.once(|conn| {
            let [first, second] = conditions();
            let condition = if place == 0 { first } else { second };
            authors::table
                .filter(condition)
                .order(authors::id)
                .load::<Author>(conn)
        });
        assert!(!rows.is_empty());
    }
    for limit in [1, 2] {
        let rows = typed.once(|conn| {
            let query = authors::table.into_boxed().order(authors::id);
            query.limit(limit).load::<Author>(conn)
        });
        assert_eq!(i64::try_from(rows.len()), Ok(limit));
    }
}

#[test]
fn n02_a_boxed_connection_is_itself_again() {
    let (world, mut typed) = filled();
    let mut other = Typed::of(&world);
    let name = |conn: &mut Conn| {
        authors::table
            .find(1)
            .select(authors::name)
            .first::<String>(conn)
            .unwrap()
    };
    assert_eq!(
        (name(&mut typed.conn), name(&mut other.conn)),
        ("Ada".to_owned(), "Ada".to_owned())
    );
    let mut boxed: Box<dyn BoxableConnection<Backend>> = Box::new(typed.conn);
    boxed
        .batch_execute("UPDATE authors SET name = 'boxed' WHERE id = 1")
        .unwrap();
    assert_eq!(name(&mut other.conn), "boxed");
    assert!(boxed.downcast_mut::<super::Conn>().is_none());
    let conn = boxed.downcast_mut::<Conn>().unwrap();
    assert_eq!(name(conn), "boxed");
    rename(conn, "again").unwrap();
    assert_eq!(name(&mut other.conn), "again");
}

#[test]
fn n02_statements_need_not_be_kept_prepared() {
    let (world, mut typed) = filled();
    let mut other = Typed::of(&world);
    let recorder = Recorder::new();
    typed.conn.set_instrumentation(recorder.instrumentation());
    typed
        .conn
        .set_prepared_statement_cache_size(CacheSize::Disabled);
    for to in ["one", "two"] {
        rename(&mut typed.conn, to).unwrap();
        for conn in [&mut typed.conn, &mut other.conn] {
            assert_eq!(
                authors::table
                    .find(1)
                    .select(authors::name)
                    .first::<String>(conn)
                    .unwrap(),
                to
            );
        }
        let events = recorder.take();
        assert!(
            events
                .iter()
                .any(|event| event.starts_with("starts UPDATE")),
            "{events:#?}"
        );
        assert!(
            !events.iter().any(|event| event.starts_with("prepares")),
            "{events:#?}"
        );
    }
}

super::on_sqlite! {
    mod functions {
        #[diesel::declare_sql_function]
        extern "SQL" {
            fn shout(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
        }
    }

    #[test]
    fn n02_a_function_that_is_registered_on_the_inner_connection_is_never_stale() {
        let (world, mut typed) = filled();
        let mut other = Typed::of(&world);
        let shouted = |conn: &mut Conn| {
            let query = authors::table.find(1).select(functions::shout(authors::name));
            query.get_result::<String>(conn)
        };
        let plain = |conn: &mut Conn| authors::table.order(authors::id).load::<Author>(conn);
        typed.once(plain);
        assert!(shouted(&mut typed.conn).is_err(), "there is no such function");
        for mark in ["!", "!!"] {
            functions::shout_utils::register_impl(typed.conn.inner_mut(), move |text: String| text + mark).unwrap();
            for _ in 0..2 {
                assert_eq!(shouted(&mut typed.conn).unwrap(), format!("Ada{mark}"));
            }
            assert_eq!(typed.sent(plain).1, 0, "what does not call it is the same entry");
            assert!(shouted(&mut other.conn).is_err());
        }
    }
}

super::on_postgres! {
    #[test]
    fn n02_notifications_come_through_the_inner_connection() {
        use diesel::connection::SimpleConnection as _;
        let (world, mut typed) = filled();
        let mut other = Typed::of(&world);
        typed.conn.batch_execute("LISTEN renamed").unwrap();
        let author = typed.once(|conn| authors::table.find(1).first::<Author>(conn));
        other.conn.transaction(|conn| {
            rename(conn, "notified")?;
            conn.batch_execute("NOTIFY renamed, 'one'")
        })
        .unwrap();
        let next = |conn: &mut Conn| {
            let mut notifications = conn.inner_mut().notifications_iter();
            notifications.next().transpose().unwrap().map(|it| it.payload)
        };
        cachalot_tests::wait_until("a notification", std::time::Duration::from_secs(60), || {
            next(&mut typed.conn).as_deref() == Some("one")
        });
        let renamed = typed.once(|conn| authors::table.find(1).first::<Author>(conn));
        assert_eq!((author.name.as_str(), renamed.name.as_str()), ("Ada", "notified"));
    }
}
