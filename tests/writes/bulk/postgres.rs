//! Writes that only PostgreSQL has: TRUNCATE, COPY, MERGE, CTEs that write, materialized views.

use std::fs;

use cachalot_tests::{folder, unique};
use diesel::{
    connection::SimpleConnection as _, pg::CopyFormat, prelude::*, result::Error, sql_query,
    sql_types::BigInt,
};

use super::CachedDsl as _;
use super::Conn;
use super::bulk::{batch, bodies, makes_labels};
use super::raw_sql::{Scene, labels, titles};
use super::returning::returns_one_id_and_is_seen;
use super::schema::*;

fn tagged(conn: &mut Conn) -> i64 {
    posts_tags::table.count().cached(conn).get_result().unwrap()
}

#[test]
fn w05_truncate_is_seen() {
    for sql in [
        "TRUNCATE comments",
        "truncate table only public.comments restart identity",
        "TRUNCATE counters, comments * RESTRICT",
    ] {
        Scene::new().changes(bodies, batch(sql), sql);
    }
}

#[test]
fn w05_truncate_cascade_invalidates_all_tables_that_it_empties() {
    let sql = "TRUNCATE authors CASCADE";
    for reached in [titles, bodies] {
        Scene::new().changes_all(reached, batch(sql), sql);
    }
    Scene::new().changes_all(tagged, batch(sql), sql);
}

#[test]
fn w05_truncate_in_a_transaction_is_seen_only_after_its_commit() {
    let mut scene = Scene::new();
    let before = bodies(&mut scene.world.conn);
    for ends in ["ROLLBACK", "COMMIT"] {
        scene.writer.conn.batch_execute("BEGIN").unwrap();
        scene.writer.conn.batch_execute("SAVEPOINT one").unwrap();
        scene
            .writer
            .conn
            .batch_execute("TRUNCATE comments")
            .unwrap();
        assert_eq!(bodies(&mut scene.writer.conn), Vec::<String>::new());
        scene.writer.conn.batch_execute(ends).unwrap();
        let expected = if ends == "COMMIT" {
            (Vec::new(), 1)
        } else {
            (before.clone(), 0)
        };
        assert_eq!(scene.world.sent(bodies), expected, "{ends}");
    }
}

#[test]
fn w05_copy_from_insertable_rows_is_seen() {
    #[derive(Insertable)]
    #[diesel(table_name = tags, treat_none_as_default_value = false)]
    struct Tag {
        id: i32,
        label: &'static str,
    }
    let copy = |conn: &mut Conn| {
        let rows = vec![
            Tag {
                id: 90,
                label: "copied",
            },
            Tag {
                id: 91,
                label: "too",
            },
        ];
        let copied = diesel::copy_from(tags::table)
            .from_insertable(rows)
            .execute(conn);
        assert_eq!(copied, Ok(2));
    };
    Scene::new().changes(labels, copy, "copied rows");
    let in_transaction = |conn: &mut Conn| {
        conn.transaction(|conn| {
            copy(conn);
            Ok::<_, Error>(())
        })
        .unwrap();
    };
    Scene::new().changes(labels, in_transaction, "rows copied in a transaction");
}

#[test]
fn w05_copy_from_raw_data_is_seen_and_one_that_fails_changes_nothing() {
    let copy = |conn: &mut Conn, text: &'static str| {
        diesel::copy_from(tags::table)
            .from_raw_data(tags::table, move |sink| {
                sink.write_all(text.as_bytes())
                    .map_err(|error| Error::QueryBuilderError(error.into()))
            })
            .with_format(CopyFormat::Csv)
            .execute(conn)
    };
    let mut scene = Scene::new();
    scene.changes(
        labels,
        |conn| assert_eq!(copy(conn, "90,copied\n"), Ok(1)),
        "CSV",
    );
    let before = labels(&mut scene.world.conn);
    assert!(copy(&mut scene.writer.conn, "91,fine\nno number,bad\n").is_err());
    assert_eq!(labels(&mut scene.world.conn), before);
    // If the program fails to produce the data, COPY fails.
    let stopped = diesel::copy_from(tags::table)
        .from_raw_data(tags::table, |_| Err::<(), _>(Error::RollbackTransaction))
        .execute(&mut scene.writer.conn);
    assert!(stopped.is_err());
    assert_eq!(labels(&mut scene.world.conn), before);
    scene.changes(
        labels,
        |conn| assert_eq!(copy(conn, "92,after\n"), Ok(1)),
        "after an error",
    );
}

#[test]
fn w05_copy_from_a_file_or_a_program_of_the_server_is_seen() {
    let file = folder::shared().join(unique::name("copy"));
    fs::write(&file, "90\tfrom a file\n").unwrap();
    let sql = format!("COPY tags FROM '{}'", file.display());
    Scene::new().changes(labels, batch(&sql), &sql);
    let sql =
        "copy public.tags (id, label) from program 'echo 90,from a program' with (format csv)";
    Scene::new().changes(labels, batch(sql), sql);
}

#[test]
fn w05_copy_to_changes_nothing() {
    let mut scene = Scene::new();
    let copy = |conn: &mut Conn| {
        use std::io::BufRead as _;
        let lines = diesel::copy_to(tags::table)
            .with_format(CopyFormat::Csv)
            .load_raw(super::connections::uncached(conn))
            .unwrap();
        assert_eq!(lines.lines().count(), 3);
        conn.batch_execute("COPY (SELECT id FROM tags) TO PROGRAM 'cat >/dev/null'")
            .unwrap();
    };
    scene.changes_nothing(copy, "COPY TO");
}

#[test]
fn w05_merge_is_seen() {
    for actions in [
        "WHEN MATCHED AND t.id = 1 THEN UPDATE SET label = 'merged'",
        "WHEN MATCHED AND t.id = 3 THEN DELETE WHEN NOT MATCHED THEN DO NOTHING",
        "WHEN NOT MATCHED THEN INSERT (id, label) VALUES (90 + a.id, a.name)",
    ] {
        let sql = format!(
            "MERGE INTO tags AS t USING (SELECT id * 2 - 1 AS id, name FROM authors) AS a \
             ON t.id = a.id {actions}"
        );
        Scene::new().changes(labels, batch(&sql), &sql);
    }
}

#[test]
fn w05_ctes_that_write_are_seen_however_they_are_sent() {
    for cte in [
        "UPDATE tags SET label = label || '!' RETURNING id",
        "INSERT INTO tags (id, label) VALUES (90, 'new') RETURNING id",
        "DELETE FROM tags WHERE id = 3 RETURNING id",
    ] {
        let sql = format!("WITH x AS ({cte}) SELECT id FROM x ORDER BY id LIMIT 1");
        returns_one_id_and_is_seen(&sql);
    }
    // Two tables are written: one by a CTE, one by the main statement.
    let sql = "WITH gone AS (DELETE FROM comments RETURNING body), \
               more AS (SELECT body FROM gone LIMIT 1) \
               INSERT INTO tags SELECT 90, body FROM more";
    Scene::new().changes(labels, batch(sql), sql);
    Scene::new().changes(bodies, batch(sql), sql);
}

#[test]
fn w05_a_materialized_view_is_seen_when_it_is_refreshed() {
    #[derive(Debug, PartialEq, QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }
    fn read(conn: &mut Conn) -> Vec<Count> {
        sql_query("SELECT number FROM tag_count")
            .cached(conn)
            .load()
            .unwrap()
    }
    for refresh in [
        "REFRESH MATERIALIZED VIEW tag_count",
        "refresh materialized view concurrently public.tag_count with data",
    ] {
        let mut scene = Scene::new();
        scene
            .world
            .outsider()
            .batch_execute(
                "CREATE MATERIALIZED VIEW tag_count AS SELECT 1 AS one, count(*) AS number FROM tags; \
                 CREATE UNIQUE INDEX tag_count_one ON tag_count (one)",
            )
            .unwrap();
        assert_eq!(read(&mut scene.world.conn), [Count { number: 3 }]);
        scene
            .writer
            .conn
            .batch_execute("DELETE FROM tags WHERE id = 3")
            .unwrap();
        assert_eq!(
            read(&mut scene.world.conn),
            [Count { number: 3 }],
            "not refreshed"
        );
        scene.changes(read, batch(refresh), refresh);
    }
}

#[test]
fn w05_a_table_that_select_makes_is_seen() {
    makes_labels("SELECT id, label INTO labels FROM tags");
}
