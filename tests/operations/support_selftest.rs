//! The fixture the other tests stand on: databases, schema, sample and counter.

use cachalot_tests::{Counter, Database, flights as sample, migrations};
use diesel::prelude::*;

use super::schema::*;
use super::{Conn, db};

/// A database and a connection to it.
fn connected() -> (Database, Conn) {
    let database = db::database();
    let conn = db::establish(database.url());
    (database, conn)
}

#[test]
fn the_sample_of_flights_loads_and_joins() {
    let (_database, mut conn) = connected();

    sample::load(&mut conn);

    let flights: i64 = flights::table.count().get_result(&mut conn).unwrap();
    assert_eq!(flights, i64::from(sample::COUNT));
    let ids: (Option<i32>, Option<i32>) = flights::table
        .select((diesel::dsl::min(flights::id), diesel::dsl::max(flights::id)))
        .first(&mut conn)
        .unwrap();
    assert_eq!(ids, (Some(1), Some(sample::COUNT)));
    let with_airline: i64 = flights::table
        .inner_join(airlines::table)
        .count()
        .get_result(&mut conn)
        .unwrap();
    assert_eq!(with_airline, flights);
    let with_plane: i64 = flights::table
        .inner_join(planes::table)
        .count()
        .get_result(&mut conn)
        .unwrap();
    assert!(
        (1..flights).contains(&with_plane),
        "some planes are unknown"
    );
}

#[test]
fn the_first_flight_of_the_sample_has_its_values() {
    let (_database, mut conn) = connected();

    sample::load(&mut conn);

    let first: (
        i32,
        Option<i32>,
        String,
        Option<String>,
        chrono::NaiveDateTime,
    ) = flights::table
        .find(1)
        .select((
            flights::year,
            flights::dep_time,
            flights::carrier,
            flights::tailnum,
            flights::time_hour,
        ))
        .first(&mut conn)
        .unwrap();
    let hour = "2013-01-01T10:00:00".parse().unwrap();
    assert_eq!(
        first,
        (2013, Some(517), "UA".into(), Some("N14228".into()), hour)
    );
}

#[test]
fn two_databases_have_rows_of_their_own() {
    let (_one, mut one) = connected();
    let (_other, mut other) = connected();

    diesel::insert_into(tags::table)
        .values(tags::label.eq("a"))
        .execute(&mut one)
        .unwrap();

    assert_eq!(tags::table.count().get_result(&mut one), Ok(1));
    assert_eq!(tags::table.count().get_result(&mut other), Ok(0));
}

#[test]
fn related_tables_take_rows_and_check_references() {
    let (_database, mut conn) = connected();
    let conn = &mut conn;

    diesel::insert_into(authors::table)
        .values((
            authors::id.eq(1),
            authors::name.eq("Ada"),
            authors::email.eq(None::<String>),
        ))
        .execute(conn)
        .unwrap();
    diesel::insert_into(posts::table)
        .values((
            posts::id.eq(1),
            posts::author_id.eq(1),
            posts::title.eq("Hello"),
        ))
        .execute(conn)
        .unwrap();
    diesel::insert_into(comments::table)
        .values((
            comments::id.eq(1),
            comments::post_id.eq(1),
            comments::body.eq("Hi"),
        ))
        .execute(conn)
        .unwrap();
    diesel::insert_into(tags::table)
        .values((tags::id.eq(1), tags::label.eq("first")))
        .execute(conn)
        .unwrap();
    diesel::insert_into(posts_tags::table)
        .values((posts_tags::post_id.eq(1), posts_tags::tag_id.eq(1)))
        .execute(conn)
        .unwrap();
    diesel::insert_into(counters::table)
        .values(counters::id.eq(1))
        .execute(conn)
        .unwrap();

    let author = authors::table
        .select((authors::active, authors::born, authors::created_at))
        .first::<(bool, Option<chrono::NaiveDate>, chrono::NaiveDateTime)>(conn);
    assert_eq!(
        author,
        Ok((true, None, "2000-01-01T00:00:00".parse().unwrap()))
    );
    let post = posts::table
        .select((
            posts::published,
            posts::votes,
            posts::rating,
            posts::published_at,
        ))
        .first::<(bool, i64, Option<f64>, Option<chrono::NaiveDateTime>)>(conn);
    assert_eq!(post, Ok((false, 0, None, None)));
    assert_eq!(
        counters::table.find(1).select(counters::value).first(conn),
        Ok(0i64)
    );
    let labels = posts::table
        .inner_join(posts_tags::table.inner_join(tags::table))
        .inner_join(authors::table)
        .select((authors::name, tags::label))
        .load::<(String, String)>(conn);
    assert_eq!(labels, Ok(vec![("Ada".into(), "first".into())]));
    let orphan = diesel::insert_into(comments::table)
        .values((comments::post_id.eq(99), comments::body.eq("?")))
        .execute(conn);
    assert!(orphan.is_err(), "no post 99");
}

#[test]
fn foreign_keys_act_two_levels_deep() {
    let (_database, mut conn) = connected();
    let conn = &mut conn;
    diesel::insert_into(owners::table)
        .values((owners::id.eq(1), owners::name.eq("Ada")))
        .execute(conn)
        .unwrap();
    diesel::insert_into(pets::table)
        .values((pets::id.eq(1), pets::owner_id.eq(1), pets::name.eq("Rex")))
        .execute(conn)
        .unwrap();
    diesel::insert_into(toys::table)
        .values((toys::id.eq(1), toys::pet_id.eq(1), toys::name.eq("ball")))
        .execute(conn)
        .unwrap();
    diesel::insert_into(walks::table)
        .values((walks::id.eq(1), walks::pet_id.eq(1)))
        .execute(conn)
        .unwrap();

    diesel::update(owners::table)
        .set(owners::id.eq(2))
        .execute(conn)
        .unwrap();
    assert_eq!(pets::table.select(pets::owner_id).load(conn), Ok(vec![2]));

    diesel::delete(owners::table).execute(conn).unwrap();
    assert_eq!(toys::table.count().get_result(conn), Ok(0i64));
    assert_eq!(
        walks::table.select(walks::pet_id).load(conn),
        Ok(vec![None::<i32>])
    );
}

#[test]
fn tables_whose_names_need_care_take_rows() {
    let (_database, mut conn) = connected();
    let conn = &mut conn;

    diesel::insert_into(creme::table)
        .values((creme::id.eq(1), creme::groesse.eq("klein")))
        .execute(conn)
        .unwrap();
    diesel::insert_into(gadgets::table)
        .values((gadgets::id.eq(1), gadgets::name.eq("Lamp")))
        .execute(conn)
        .unwrap();
    diesel::insert_into(order_::table)
        .values((order_::id.eq(1), order_::group_.eq("first")))
        .execute(conn)
        .unwrap();
    diesel::insert_into(two_words::table)
        .values((two_words::id.eq(1), two_words::first_name.eq("Ada")))
        .execute(conn)
        .unwrap();

    assert_eq!(creme::table.load(conn), Ok(vec![(1, "klein".to_owned())]));
    assert_eq!(gadgets::table.load(conn), Ok(vec![(1, "Lamp".to_owned())]));
    assert_eq!(order_::table.load(conn), Ok(vec![(1, "first".to_owned())]));
    assert_eq!(two_words::table.load(conn), Ok(vec![(1, "Ada".to_owned())]));
}

#[test]
fn the_schema_can_be_taken_back_and_put_up_again() {
    let (_database, mut conn) = connected();
    let tags = |conn: &mut Conn| tags::table.count().get_result::<i64>(conn);

    migrations::revert(&mut conn, db::MIGRATIONS);
    assert!(tags(&mut conn).is_err(), "the table is gone");

    migrations::run(&mut conn, db::MIGRATIONS);
    assert_eq!(tags(&mut conn), Ok(0));
}

#[test]
fn a_counter_sees_each_statement_and_no_binds() {
    let (_database, mut conn) = connected();
    let counter = Counter::new();
    conn.set_instrumentation(counter.instrumentation());

    let (rows, sent) = counter.during(|| {
        tags::table
            .filter(tags::label.eq("secret"))
            .count()
            .get_result(&mut conn)
    });

    assert_eq!((rows, sent), (Ok(0i64), 1));
    let statements = counter.statements();
    assert!(
        statements[0].starts_with("SELECT") && statements[0].contains("tags"),
        "{statements:?}"
    );
    assert!(!statements[0].contains("secret"), "{statements:?}");
    counter.reset();
    conn.transaction(|conn| tags::table.count().get_result::<i64>(conn))
        .unwrap();
    assert_eq!(counter.count(), 3, "{:?}", counter.statements());
    assert_eq!(counter.containing("COMMIT").len(), 1);
}

#[test]
fn a_thread_counts_the_connections_it_opens_itself() {
    let (_database, mut conn) = connected();
    let elsewhere = std::thread::spawn(Counter::default_instrumentation)
        .join()
        .unwrap();
    assert!(elsewhere.is_none(), "no counter was asked for there");

    let mine = Counter::of_this_thread();
    // What Diesel does when it opens a connection on this thread.
    conn.set_instrumentation(Counter::default_instrumentation());

    let (_, sent) = mine.during(|| tags::table.count().get_result::<i64>(&mut conn));
    assert_eq!(sent, 1, "{:?}", mine.statements());
}
