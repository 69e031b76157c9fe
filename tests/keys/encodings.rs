//! Texts that a session sends in another encoding than the others. SQLite has one encoding for a database.

use diesel::{connection::SimpleConnection as _, prelude::*, sql_query, sql_types::Text};

use super::{
    DATABASE, catalog_fixture::run, connection_type::Typed, dialect, statement::Read,
    statement::Sql, world::World,
};

const ENCODINGS: &[&str] = match DATABASE.len() {
    // `mysql`
    5 => &[
        "SET NAMES latin1",
        "SET character_set_client = latin1",
        "SET CHARACTER SET latin1",
    ],
    _ => &[
        "SET client_encoding TO 'LATIN1'",
        "SET NAMES 'LATIN1'",
        "SELECT set_config('client_encoding', 'LATIN1', false)",
    ],
};

/// A key that is compared by its bytes.
fn schema() -> String {
    let collation = match (DATABASE, dialect::is_mysql()) {
        ("mysql", true) => "CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin",
        ("mysql", false) => "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
        _ => "",
    };
    // The bytes of the first, in Latin 1, are the second.
    format!(
        "CREATE TABLE words (k VARCHAR(20) {collation} PRIMARY KEY, v INTEGER); INSERT INTO words VALUES ('ä', 1), ('Ã¤', 2), ('a', 3)"
    )
}

#[test]
fn k08_texts_in_another_encoding_are_what_the_database_takes_them_for() {
    let world = World::new();
    run(&mut world.outsider(), &schema());
    let mut outsider = world.outsider();
    let mut reader = Typed::of(&world);
    let reads = ["ä", "Ã¤", "a"].map(|k| -> Read {
        Sql::bound(&format!(
            "SELECT CAST(v AS TEXT) AS a, NULL AS b, NULL AS c FROM words WHERE k = {{'{k}'}}"
        ))
        .into()
    });
    for encoding in ENCODINGS {
        let mut writer = Typed::on(&world.database, &world.other_process());
        for read in &reads {
            (read.by_type)(&mut reader.conn).unwrap();
            (read.by_type)(&mut writer.conn).unwrap();
        }
        writer.conn.batch_execute(encoding).unwrap();
        let placeholder = dialect::parameter(1);
        let bound = format!("UPDATE words SET v = v + 10 WHERE k = {placeholder}");
        let bound = sql_query(bound).bind::<Text, _>("ä");
        assert_eq!(bound.execute(&mut writer.conn), Ok(1), "{encoding}");
        for statement in [
            "UPDATE words SET v = v + 10 WHERE k = 'ä'",
            "INSERT INTO words (k, v) VALUES ('ö', 5)",
            "DELETE FROM words WHERE k = 'ö'",
        ] {
            compare(&reads, &mut reader, &mut outsider, encoding);
            writer.conn.batch_execute(statement).unwrap();
            compare(&reads, &mut reader, &mut outsider, statement);
        }
        for read in &reads {
            // What it decodes is its own affair.
            let _ = (read.by_type)(&mut writer.conn);
        }
        compare(&reads, &mut reader, &mut outsider, "its reads");
    }
}

fn compare(reads: &[Read], reader: &mut Typed, outsider: &mut super::Conn, when: &str) {
    for read in reads {
        let shown = (read.plain)(outsider);
        assert_eq!(
            (read.by_type)(&mut reader.conn),
            shown,
            "{when}: {}",
            read.name
        );
    }
}
