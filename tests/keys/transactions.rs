//! Transactions of several keyed writes: what each connection reads at every step, and afterwards.

use cachalot_diesel::disabled;
use diesel::{
    connection::{SimpleConnection as _, TransactionManager},
    prelude::*,
};

use super::{
    blog,
    connection_type::Typed,
    reads,
    schema::*,
    statement::{Client, Read, Sql},
    world::World,
};

type Manager = <Client as diesel::Connection>::TransactionManager;

/// A step of a transaction.
#[derive(Clone, Copy, Debug)]
enum Step {
    Begin,
    Savepoint,
    Release,
    /// To the innermost savepoint, which ends.
    Back,
    Commit,
    Rollback,
    /// With its values bound.
    Write(&'static str),
}

use Step::*;

const TRANSACTIONS: &[&[Step]] = &[
    &[
        Begin,
        Write("UPDATE posts SET votes = votes + 1 WHERE id = {1}"),
        Write("UPDATE posts SET votes = votes + 1 WHERE id = {2}"),
        Write("UPDATE posts SET votes = votes + 1 WHERE author_id = {3} AND id = {4}"),
        Commit,
    ],
    &[
        Begin,
        Write("UPDATE posts SET author_id = {2} WHERE id = {1} AND author_id = {1}"),
        Write("UPDATE posts SET author_id = {3} WHERE id = {1} AND author_id = {2}"),
        Commit,
    ],
    // The same row at three keys.
    &[
        Begin,
        Write("UPDATE posts SET id = {60} WHERE id = {2}"),
        Write("UPDATE posts SET id = {50} WHERE id = {60}"),
        Commit,
        Begin,
        Write("UPDATE posts SET id = {2} WHERE id = {50}"),
        Rollback,
        Write("UPDATE posts SET id = {2} WHERE id = {50}"),
    ],
    &[
        Begin,
        Write("UPDATE posts SET votes = votes + 1 WHERE id = {1}"),
        Rollback,
        Begin,
        Write("UPDATE posts SET votes = votes + 1 WHERE id = {2}"),
        Commit,
    ],
    // A savepoint is undone; what came before it and after it is not.
    &[
        Begin,
        Write("UPDATE posts SET votes = votes + 1 WHERE id = {1}"),
        Savepoint,
        Write("UPDATE posts SET votes = votes + 1 WHERE id = {2}"),
        Write("UPDATE posts SET author_id = {2} WHERE id = {4}"),
        Back,
        Write("UPDATE posts SET votes = votes + 1 WHERE id = {4}"),
        Commit,
    ],
    &[
        Begin,
        Savepoint,
        Write("UPDATE posts SET votes = votes + 1 WHERE id = {1}"),
        Savepoint,
        Write("UPDATE posts SET votes = votes + 1 WHERE id = {2}"),
        Release,
        Write("INSERT INTO posts (id, author_id, title) VALUES ({50}, {2}, {'new'})"),
        Release,
        Savepoint,
        Write("DELETE FROM posts WHERE id = {50}"),
        Back,
        Commit,
        Write("DELETE FROM posts WHERE id = {50}"),
    ],
    // One write of certain keys, one of unknown.
    &[
        Begin,
        Write("UPDATE posts SET votes = votes + 1 WHERE id = {1}"),
        Write("UPDATE posts SET votes = votes + 1 WHERE title = {'Draft'}"),
        Commit,
    ],
    &[
        Begin,
        Write("UPDATE posts SET votes = votes + 1 WHERE votes > {3}"),
        Savepoint,
        Write("UPDATE posts SET votes = votes + 1 WHERE id = {2}"),
        Back,
        Write("UPDATE posts SET votes = votes + 1 WHERE id = {1}"),
        Commit,
    ],
    // By different columns: of neither all values are known.
    &[
        Begin,
        Write("UPDATE posts SET votes = votes + 1 WHERE id = {1}"),
        Write("UPDATE posts SET votes = votes + 1 WHERE author_id = {2}"),
        Commit,
    ],
    &[
        Begin,
        Savepoint,
        Write("UPDATE posts SET id = {60} WHERE id = {2}"),
        Back,
        Savepoint,
        Write("UPDATE posts SET id = {50} WHERE id = {2}"),
        Release,
        Commit,
        Begin,
        Write("UPDATE posts SET id = {2}, author_id = {1} WHERE id = {50} AND author_id = {1}"),
        Commit,
    ],
];

/// Two processes, of which the first writes.
struct Pair {
    reads: Vec<Read>,
    writer: Typed,
    other: Typed,
    _world: World,
}

impl Pair {
    fn new() -> Self {
        let mut world = World::new();
        blog::fill(&mut world.conn);
        Self {
            reads: reads::of_posts(),
            writer: Typed::of(&world),
            other: Typed::on(&world.database, &world.other_process()),
            _world: world,
        }
    }

    /// Both read as without a cache.
    #[track_caller]
    fn agree(&mut self, when: &str) {
        for conn in [&mut self.other.conn, &mut self.writer.conn] {
            for read in &self.reads {
                let cached = (read.by_type)(conn);
                let plain = disabled(|| (read.by_type)(conn));
                assert_eq!(cached, plain, "{when}: {}", read.name);
            }
        }
    }

    fn run(&mut self, step: Step, by_diesel: bool, depth: usize) {
        let conn = &mut self.writer.conn;
        let write = match step {
            Write(text) => Some(Sql::bound(text)),
            _ => None,
        };
        if let Some(write) = write {
            let write: super::statement::Write = write.into();
            let rows = (write.by_type)(conn);
            assert!(matches!(rows, Ok(1..)), "{step:?}: {rows:?}");
            return;
        }
        if by_diesel {
            match step {
                Begin | Savepoint => Manager::begin_transaction(conn),
                Release | Commit => Manager::commit_transaction(conn),
                _ => Manager::rollback_transaction(conn),
            }
            .unwrap();
            return;
        }
        let text = match step {
            Begin => "BEGIN".to_owned(),
            Commit => "COMMIT".to_owned(),
            Rollback => "ROLLBACK".to_owned(),
            Savepoint => format!("SAVEPOINT s{depth}"),
            Release => format!("RELEASE SAVEPOINT s{}", depth - 1),
            _ => format!(
                "ROLLBACK TO SAVEPOINT s{0}; RELEASE SAVEPOINT s{0}",
                depth - 1
            ),
        };
        conn.batch_execute(&text).unwrap();
    }
}

#[test]
fn k12_several_keyed_writes_of_a_transaction_are_seen_when_they_are_committed() {
    let mut pair = Pair::new();
    for by_diesel in [true, false] {
        for (number, steps) in TRANSACTIONS.iter().enumerate() {
            let mut depth = 0_usize;
            pair.agree("before");
            for (place, step) in steps.iter().enumerate() {
                pair.run(*step, by_diesel, depth);
                match step {
                    Begin | Savepoint => depth += 1,
                    Write(_) => {}
                    _ => depth -= 1,
                }
                pair.agree(&format!(
                    "transaction {number}, after step {place}: {step:?}"
                ));
            }
            assert_eq!(depth, 0, "transaction {number}");
        }
        restore(&mut pair.writer.conn);
    }
}

/// As it was filled.
fn restore(conn: &mut Client) {
    conn.batch_execute(
        "DELETE FROM comments; DELETE FROM posts_tags; DELETE FROM posts; INSERT INTO posts (id, author_id, title) \
         VALUES (1, 1, 'a'), (2, 1, 'Draft'), (3, 2, 'c'), (4, 3, 'd'); \
         INSERT INTO comments (id, post_id, author_id, body) VALUES (1, 1, 2, 'e'), (2, 1, NULL, 'f'), (3, 3, 1, 'g'); \
         INSERT INTO posts_tags VALUES (1, 1), (1, 2), (3, 2)",
    )
    .unwrap();
}

/// What a transaction that fails, or panics, has written is not there.
#[test]
fn k12_writes_of_a_transaction_that_fails_change_nothing() {
    let mut pair = Pair::new();
    let conn = &mut pair.writer.conn;
    let failed = conn.transaction(|conn| {
        diesel::update(posts::table.find(1))
            .set(posts::votes.eq(77))
            .execute(conn)?;
        let failed = conn.transaction(|conn| {
            diesel::update(posts::table.find(2))
                .set(posts::author_id.eq(2))
                .execute(conn)?;
            Err::<(), _>(diesel::result::Error::RollbackTransaction)
        });
        assert!(failed.is_err());
        // There is such a row.
        diesel::insert_into(posts::table)
            .values((
                posts::id.eq(1),
                posts::author_id.eq(1),
                posts::title.eq("x"),
            ))
            .execute(conn)
    });
    assert!(failed.is_err());
    pair.agree("after the failure");
    let conn = &mut pair.writer.conn;
    conn.test_transaction::<_, diesel::result::Error, _>(|conn| {
        diesel::delete(posts::table.find(4)).execute(conn)
    });
    pair.agree("after the test");
}
