//! What is known of the rows that a transaction has written.

use std::collections::{BTreeMap, BTreeSet};

use cachalot_sql::KeyValue;

use super::*;
use crate::protocol::Buckets;

/// What a text writes. The integers in it are the buckets.
fn writes(analysis: &Analysis) -> RowWrites {
    let mut all = BTreeMap::new();
    if let Writes::Tables(tables) = analysis.writes() {
        for table in tables.keys() {
            let keys = analysis.keys(table).into_iter().flat_map(|it| it.iter());
            let columns = keys.filter_map(|(column, values)| {
                let buckets = values.iter().map(|value| match value {
                    KeyValue::Integer(number) => u16::try_from(*number).ok(),
                    _ => None,
                });
                Some((
                    Box::<str>::from(&**column),
                    buckets.collect::<Option<BTreeSet<_>>>()?,
                ))
            });
            all.insert(table.clone(), columns.collect::<Buckets>());
        }
    }
    RowWrites::new(analysis.writes().clone(), all)
}

/// `a.id=1,2 b`: the tables, with what is known of their rows.
fn shown(published: &RowWrites) -> String {
    let tables = names(published).into_iter().map(|table| {
        let columns = published.buckets(&table).iter();
        let columns = columns.map(|(column, buckets)| {
            let buckets: Vec<_> = buckets.iter().map(ToString::to_string).collect();
            format!(".{column}={}", buckets.join(","))
        });
        table.clone() + &columns.collect::<String>()
    });
    tables.collect::<Vec<_>>().join(" ")
}

impl Session {
    /// Runs a text; returns what it publishes.
    fn publishes(&mut self, sql: &str, outcome: WriteOutcome) -> String {
        let analysis = Analysis::of(sql, self.1);
        let step = self.0.step(&analysis, writes(&analysis));
        let published = shown(step.published());
        self.0.finished(&analysis, step, outcome, false);
        published
    }

    fn all_publish(&mut self, texts: &[&str]) -> String {
        let published = texts
            .iter()
            .map(|sql| self.publishes(sql, WriteOutcome::Success));
        published.last().unwrap_or_default()
    }
}

const UPDATE_1: &str = "UPDATE a SET x = 1 WHERE id = 1";
const UPDATE_2: &str = "UPDATE a SET x = 1 WHERE id = 2";
const UPDATE_ALL: &str = "UPDATE a SET x = 1";

#[test]
fn k12_a_lone_write_is_published_with_its_rows() {
    for dialect in Dialect::ALL {
        let mut session = Session::new(dialect);
        assert_eq!(session.all_publish(&[UPDATE_1]), "a.id=1");
        assert_eq!(session.all_publish(&[UPDATE_ALL]), "a");
        let moved = "UPDATE a SET k = 2 WHERE k = 1";
        assert_eq!(session.all_publish(&[moved]), "a.k=1,2");
        assert_eq!(session.all_publish(&["CREATE TABLE b (id INT)"]), "*");
    }
}

#[test]
fn k12_a_commit_publishes_the_rows_of_all_its_writes() {
    for (texts, published) in [
        (&["BEGIN", UPDATE_1, UPDATE_2, "COMMIT"][..], "a.id=1,2"),
        (
            &["BEGIN", UPDATE_1, "DELETE FROM b WHERE id = 3", "COMMIT"],
            "a.id=1 b.id=3",
        ),
        (&["BEGIN", UPDATE_1, UPDATE_ALL, "COMMIT"], "a"),
        (&["BEGIN", UPDATE_ALL, UPDATE_1, "COMMIT"], "a"),
        // Only one of them knows `k`.
        (
            &[
                "BEGIN",
                "INSERT INTO a (id, k) VALUES (3, 4)",
                UPDATE_1,
                "COMMIT",
            ],
            "a.id=1,3",
        ),
        (&["BEGIN", UPDATE_1, "DELETE FROM b", "COMMIT"], "a.id=1 b"),
        (
            &["BEGIN", UPDATE_1, "DROP TABLE b", UPDATE_2, "COMMIT"],
            "*",
        ),
        (
            &["BEGIN", UPDATE_1, "ROLLBACK", "BEGIN", UPDATE_2, "COMMIT"],
            "a.id=2",
        ),
        (&["BEGIN", UPDATE_1, "COMMIT", UPDATE_2], "a.id=2"),
    ] {
        let mut session = Session::new(Dialect::Postgres);
        assert_eq!(session.all_publish(texts), published, "{texts:?}");
    }
}

#[test]
fn k12_rows_that_were_rolled_back_to_a_savepoint_are_not_published() {
    for (texts, published) in [
        (
            &[
                "BEGIN",
                UPDATE_1,
                "SAVEPOINT s",
                UPDATE_2,
                "ROLLBACK TO s",
                "COMMIT",
            ][..],
            "a.id=1",
        ),
        (
            &[
                "BEGIN",
                UPDATE_1,
                "SAVEPOINT s",
                UPDATE_ALL,
                "ROLLBACK TO s",
                "COMMIT",
            ],
            "a.id=1",
        ),
        (
            &[
                "BEGIN",
                UPDATE_1,
                "SAVEPOINT s",
                UPDATE_2,
                "RELEASE s",
                "COMMIT",
            ],
            "a.id=1,2",
        ),
        (
            &[
                "BEGIN",
                UPDATE_1,
                "SAVEPOINT s",
                UPDATE_ALL,
                "RELEASE s",
                UPDATE_2,
                "COMMIT",
            ],
            "a",
        ),
        (
            &[
                "BEGIN",
                "SAVEPOINT s",
                UPDATE_1,
                "SAVEPOINT t",
                UPDATE_ALL,
                "ROLLBACK TO s",
                UPDATE_2,
                "RELEASE s",
                "COMMIT",
            ],
            "a.id=2",
        ),
    ] {
        for dialect in Dialect::ALL {
            let mut session = Session::new(dialect);
            assert_eq!(session.all_publish(texts), published, "{texts:?}");
        }
    }
}

/// A statement at a time is known, of a text with several none.
#[test]
fn k12_of_a_text_with_several_statements_no_rows_are_known() {
    let mut session = Session::new(Dialect::Sqlite);
    let both = format!("{UPDATE_1}; {UPDATE_2}");
    assert_eq!(session.all_publish(&[&both]), "a");
    let transaction = format!("BEGIN; {UPDATE_1}; COMMIT");
    assert_eq!(session.all_publish(&[&transaction]), "a");
    assert_eq!(
        session.all_publish(&["BEGIN", UPDATE_1, &both, "COMMIT"]),
        "a"
    );
}

#[test]
fn k12_after_an_unknown_outcome_no_rows_are_missed() {
    for dialect in Dialect::ALL {
        let mut session = Session::new(dialect);
        session.all_publish(&["BEGIN", UPDATE_1]);
        assert_eq!(session.publishes("COMMIT", WriteOutcome::Unknown), "a.id=1");
        // Open or not: published at once, and with what ends the transaction.
        assert_eq!(session.all_publish(&[UPDATE_2]), "a.id=2");
        session.all_publish(&[
            "SAVEPOINT s",
            "UPDATE a SET x = 1 WHERE id = 3",
            "ROLLBACK TO s",
        ]);
        assert_eq!(session.all_publish(&["COMMIT"]), "a.id=1,2,3");
        assert_eq!(session.all_publish(&[UPDATE_2]), "a.id=2");
    }
}

#[test]
fn k12_the_rows_of_a_failed_statement_are_published_only_if_it_may_have_happened() {
    for (outcome, of_postgres, of_others) in [
        (WriteOutcome::Failure, "a.id=1", "a.id=1"),
        (WriteOutcome::Unknown, "a.id=1,2", "a.id=1,2"),
    ] {
        for dialect in Dialect::ALL {
            let mut session = Session::new(dialect);
            session.all_publish(&["BEGIN", UPDATE_1]);
            let analysis = Analysis::of(UPDATE_2, dialect);
            let step = session.0.step(&analysis, writes(&analysis));
            session.0.finished(&analysis, step, outcome, true);
            let expected = match dialect {
                Dialect::Postgres => of_postgres,
                _ => of_others,
            };
            assert_eq!(session.all_publish(&["COMMIT"]), expected, "{dialect:?}");
        }
    }
}

#[test]
fn k12_a_failed_batch_is_published_again_with_the_commit() {
    let mut session = Session::new(Dialect::Sqlite);
    session.all_publish(&["BEGIN", UPDATE_1, "UPDATE b SET x = 1 WHERE id = 3"]);
    let both = format!("{UPDATE_1}; {UPDATE_2}");
    session.publishes(&both, WriteOutcome::Unknown);
    assert_eq!(session.all_publish(&["COMMIT"]), "a b.id=3");
}

#[test]
fn k11_where_a_write_may_reach_anything_no_rows_are_known() {
    let mut session = Session::new(Dialect::Sqlite);
    session.0.set_writes_unbounded();
    assert_eq!(session.all_publish(&[UPDATE_1]), "*");
    assert_eq!(session.all_publish(&["BEGIN", UPDATE_1, "COMMIT"]), "*");
    session.all_publish(&["BEGIN", UPDATE_1]);
    session.publishes("COMMIT", WriteOutcome::Unknown);
    assert_eq!(session.all_publish(&["COMMIT"]), "*");
}

#[test]
fn k12_a_transaction_that_was_open_before_publishes_everything() {
    let mut transactions = Transactions::default();
    transactions.set_already_open();
    let mut session = Session(transactions, Dialect::Postgres);
    assert_eq!(session.all_publish(&[UPDATE_1]), "a.id=1");
    assert_eq!(session.all_publish(&["COMMIT"]), "*");
}

#[test]
fn k12_writes_without_autocommit_keep_their_rows() {
    let mut session = Session::new(Dialect::Mysql);
    let published = session.all_publish(&["SET autocommit = 0", UPDATE_1, UPDATE_2, "COMMIT"]);
    assert_eq!(published, "a.id=1,2");
    let mut transactions = Transactions::default();
    transactions.set_dialect(Dialect::Mysql);
    let mut unprobed = Session(transactions, Dialect::Mysql);
    assert_eq!(unprobed.all_publish(&[UPDATE_1]), "a.id=1");
    assert_eq!(unprobed.all_publish(&[UPDATE_2]), "a.id=2");
    assert_eq!(unprobed.all_publish(&["COMMIT"]), "a.id=1,2");
}
