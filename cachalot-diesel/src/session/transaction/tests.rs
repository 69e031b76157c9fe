mod rows;

use super::*;
use crate::protocol::WriteOutcome;
use cachalot_sql::Analysis;

struct Session(Transactions, Dialect);

impl Session {
    fn new(dialect: Dialect) -> Self {
        let mut transactions = Transactions::default();
        transactions.set_dialect(dialect);
        transactions.probed(Some(Isolation::ReadCommitted), true);
        Self(transactions, dialect)
    }

    /// Runs a text; returns the tables that it publishes, `*` for all.
    fn run(&mut self, sql: &str, outcome: WriteOutcome) -> Vec<String> {
        let analysis = Analysis::of(sql, self.1);
        let step = self.0.step(&analysis, RowWrites::from(analysis.writes()));
        let published = names(step.published());
        self.0.finished(&analysis, step, outcome, false);
        published
    }

    /// The database reports an error for a text.
    fn fail(&mut self, sql: &str, outcome: WriteOutcome) {
        let analysis = Analysis::of(sql, self.1);
        let step = self.0.step(&analysis, RowWrites::from(analysis.writes()));
        self.0.finished(&analysis, step, outcome, true);
    }

    fn ok(&mut self, sql: &str) -> Vec<String> {
        self.run(sql, WriteOutcome::Success)
    }
}

fn names(writes: &RowWrites) -> Vec<String> {
    match &writes.writes {
        Writes::Nothing => Vec::new(),
        Writes::Everything => vec!["*".to_owned()],
        Writes::Tables(tables) => tables.keys().map(ToString::to_string).collect(),
    }
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_lone_write_is_published_with_its_statement() {
    for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
        let mut session = Session::new(dialect);
        assert_eq!(session.ok("UPDATE a SET x = 1"), ["a"]);
        assert_eq!(session.0.snapshot(), Snapshot::Committed);
    }
}

#[test]
fn a_transaction_publishes_with_its_commit_and_not_before() {
    for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
        let mut session = Session::new(dialect);
        session.ok("BEGIN");
        assert_eq!(session.ok("UPDATE a SET x = 1"), NOTHING);
        assert!(session.0.wrote_to("a") && !session.0.wrote_to("b"));
        assert_eq!(session.ok("DELETE FROM b"), NOTHING);
        assert_eq!(session.ok("COMMIT"), ["a", "b"]);
        assert!(!session.0.wrote_to("a"));
    }
}

#[test]
fn a_rollback_publishes_nothing() {
    let mut session = Session::new(Dialect::Postgres);
    session.ok("BEGIN");
    session.ok("UPDATE a SET x = 1");
    assert_eq!(session.ok("ROLLBACK"), NOTHING);
    assert_eq!(session.ok("COMMIT"), NOTHING);
}

#[test]
fn only_what_was_not_rolled_back_to_a_savepoint_is_published() {
    let mut session = Session::new(Dialect::Postgres);
    for sql in [
        "BEGIN",
        "UPDATE a SET x = 1",
        "SAVEPOINT one",
        "UPDATE b SET x = 1",
        "SAVEPOINT two",
        "UPDATE c SET x = 1",
        "RELEASE SAVEPOINT two",
        "ROLLBACK TO SAVEPOINT one",
        "UPDATE d SET x = 1",
        "RELEASE SAVEPOINT one",
    ] {
        assert_eq!(session.ok(sql), NOTHING, "{sql}");
    }
    assert_eq!(session.ok("COMMIT"), ["a", "d"]);
}

#[test]
fn a_batch_is_applied_statement_by_statement() {
    let mut session = Session::new(Dialect::Sqlite);
    assert_eq!(
        session.ok("BEGIN; UPDATE a SET x = 1; COMMIT; BEGIN; UPDATE b SET x = 1"),
        ["a"]
    );
    assert!(session.0.wrote_to("b"));
    assert_eq!(session.ok("COMMIT"), ["b"]);
}

#[test]
fn a_chained_commit_opens_the_next_transaction() {
    let mut session = Session::new(Dialect::Postgres);
    session.ok("BEGIN");
    session.ok("UPDATE a SET x = 1");
    assert_eq!(session.ok("COMMIT AND CHAIN"), ["a"]);
    assert_eq!(session.ok("UPDATE b SET x = 1"), NOTHING);
    assert_eq!(session.ok("COMMIT"), ["b"]);
}

#[test]
fn mysql_commits_before_a_second_begin() {
    let mut session = Session::new(Dialect::Mysql);
    session.ok("BEGIN");
    session.ok("UPDATE a SET x = 1");
    assert_eq!(session.ok("START TRANSACTION"), ["a"]);
}

#[test]
fn without_autocommit_writes_wait_for_the_commit() {
    let mut session = Session::new(Dialect::Mysql);
    session.ok("SET autocommit = 0");
    assert_eq!(session.ok("UPDATE a SET x = 1"), NOTHING);
    assert!(session.0.wrote_to("a"));
    assert_eq!(session.ok("COMMIT"), ["a"]);
    assert_eq!(session.ok("UPDATE b SET x = 1"), NOTHING);
    assert_eq!(session.ok("SET autocommit = 1"), ["b"]);
}

#[test]
fn while_autocommit_is_unknown_writes_are_published_at_once_and_with_the_commit() {
    let mut transactions = Transactions::default();
    transactions.set_dialect(Dialect::Mysql);
    let mut session = Session(transactions, Dialect::Mysql);
    assert_eq!(session.ok("UPDATE a SET x = 1"), ["a"]);
    assert_eq!(session.ok("COMMIT"), ["a"]);
}

#[test]
fn a_postgres_commit_that_fails_cleanly_ends_the_transaction() {
    let mut session = Session::new(Dialect::Postgres);
    session.ok("BEGIN");
    session.ok("UPDATE a SET x = 1");
    session.run("COMMIT", WriteOutcome::Failure);
    assert_eq!(session.ok("UPDATE b SET x = 1"), ["b"]);
}

#[test]
fn after_a_commit_of_unknown_outcome_nothing_is_missed() {
    for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
        let mut session = Session::new(dialect);
        session.ok("BEGIN");
        session.ok("UPDATE a SET x = 1");
        assert_eq!(session.run("COMMIT", WriteOutcome::Unknown), ["a"]);
        // Open or not: a write is published at once, and again with what ends the transaction.
        assert_eq!(session.ok("UPDATE b SET x = 1"), ["b"]);
        assert_eq!(session.0.snapshot(), Snapshot::Old);
        assert_eq!(session.ok("COMMIT"), ["a", "b"]);
        assert_eq!(session.0.snapshot(), Snapshot::Committed);
    }
}

#[test]
fn a_single_write_that_fails_publishes_nothing_later() {
    let mut session = Session::new(Dialect::Postgres);
    session.run("INSERT INTO a VALUES (1)", WriteOutcome::Failure);
    assert_eq!(session.0.snapshot(), Snapshot::Committed);
    assert!(!session.0.wrote_to("a"));
}

#[test]
fn a_failed_batch_may_have_been_carried_out_in_part() {
    let mut session = Session::new(Dialect::Mysql);
    assert_eq!(
        session.run(
            "UPDATE a SET x = 1; UPDATE b SET x = 1",
            WriteOutcome::Unknown
        ),
        ["a", "b"]
    );
}

#[test]
fn the_isolation_decides_what_a_read_sees() {
    for (begin, seen) in [
        ("BEGIN", Snapshot::CommittedAndOwn),
        (
            "BEGIN ISOLATION LEVEL READ COMMITTED",
            Snapshot::CommittedAndOwn,
        ),
        ("BEGIN ISOLATION LEVEL REPEATABLE READ", Snapshot::Old),
        (
            "BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY",
            Snapshot::Old,
        ),
    ] {
        let mut session = Session::new(Dialect::Postgres);
        session.ok(begin);
        assert_eq!(session.0.snapshot(), seen, "{begin}");
    }
}

#[test]
fn read_uncommitted_is_dirty_in_and_out_of_transactions() {
    let mut session = Session::new(Dialect::Mysql);
    session.ok("SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED");
    assert_eq!(session.0.snapshot(), Snapshot::Dirty);
    session.ok("BEGIN");
    assert_eq!(session.0.snapshot(), Snapshot::Dirty);
}

#[test]
fn a_set_transaction_counts_for_one_transaction() {
    let mut session = Session::new(Dialect::Mysql);
    session.ok("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    session.ok("BEGIN");
    assert_eq!(session.0.snapshot(), Snapshot::Old);
    session.ok("COMMIT");
    session.ok("BEGIN");
    assert_eq!(session.0.snapshot(), Snapshot::CommittedAndOwn);
}

#[test]
fn sqlite_transactions_are_snapshots() {
    let mut session = Session::new(Dialect::Sqlite);
    session.0.probed(Some(Isolation::Serializable), true);
    session.ok("BEGIN IMMEDIATE");
    assert_eq!(session.0.snapshot(), Snapshot::Old);
}

#[test]
fn a_sqlite_savepoint_outside_a_transaction_commits_when_released() {
    let mut session = Session::new(Dialect::Sqlite);
    session.ok("SAVEPOINT one");
    assert_eq!(session.ok("UPDATE a SET x = 1"), NOTHING);
    assert_eq!(session.ok("RELEASE one"), ["a"]);
    assert_eq!(session.0.snapshot(), Snapshot::Committed);
}

#[test]
fn a_transaction_that_was_open_before_the_connection_was_watched_publishes_everything() {
    let mut transactions = Transactions::default();
    transactions.set_already_open();
    let mut session = Session(transactions, Dialect::Postgres);
    assert_eq!(session.0.snapshot(), Snapshot::Old);
    assert!(session.0.wrote_to("anything"));
    assert_eq!(session.ok("COMMIT"), ["*"]);
    assert_eq!(session.0.snapshot(), Snapshot::Committed);
}

#[test]
fn a_prepared_transaction_is_published_by_the_connection_that_commits_it() {
    let mut session = Session::new(Dialect::Postgres);
    session.ok("BEGIN");
    session.ok("UPDATE a SET x = 1");
    assert_eq!(session.ok("PREPARE TRANSACTION 'one'"), NOTHING);
    assert_eq!(session.ok("COMMIT PREPARED 'one'"), ["*"]);
}

#[test]
fn an_isolation_level_reset_to_its_default_is_unknown() {
    let mut session = Session::new(Dialect::Postgres);
    session.ok("SET default_transaction_isolation = DEFAULT");
    session.ok("BEGIN");
    assert_eq!(session.0.snapshot(), Snapshot::Old);
}

#[test]
fn a_transaction_that_began_before_the_probe_has_the_isolation_level_of_the_session() {
    let mut session = Session(Transactions::default(), Dialect::Postgres);
    session.ok("BEGIN");
    assert_eq!(session.0.snapshot(), Snapshot::Old);
    session.0.probed(Some(Isolation::ReadCommitted), true);
    assert_eq!(session.0.snapshot(), Snapshot::CommittedAndOwn);
}

#[test]
fn after_an_error_only_postgres_certainly_has_its_transaction_open() {
    for outcome in [WriteOutcome::Failure, WriteOutcome::Unknown] {
        for (dialect, published) in [
            (Dialect::Postgres, &[][..]),
            (Dialect::Mysql, &["b"]),
            (Dialect::Sqlite, &["b"]),
        ] {
            let mut session = Session::new(dialect);
            session.ok("BEGIN");
            session.ok("UPDATE a SET x = 1");
            session.fail("INSERT INTO c VALUES (1)", outcome);
            assert_eq!(session.ok("UPDATE b SET x = 1"), published, "{dialect:?}");
            assert!(session.ok("COMMIT").starts_with(&["a".into(), "b".into()]));
            assert_eq!(session.0.snapshot(), Snapshot::Committed);
        }
    }
}

/// The step is worked out before the error is known.
#[test]
fn an_error_has_the_same_effect_whether_the_step_was_computed_before_or_after_it() {
    for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
        for before in [
            "",
            "BEGIN",
            "BEGIN; SAVEPOINT one; UPDATE a SET x = 1",
            "CALL p()",
        ] {
            for sql in [
                "SELECT 1",
                "UPDATE b SET x = 1",
                "UPDATE b SET x = 1; DELETE FROM c",
                "CREATE TEMPORARY TABLE t (id INT)",
                "SAVEPOINT two",
                "ROLLBACK TO one",
                "COMMIT",
            ] {
                for outcome in [WriteOutcome::Failure, WriteOutcome::Unknown] {
                    let run = |error_first: bool| {
                        let mut session = Session::new(dialect);
                        session.ok(before);
                        if error_first {
                            session.0.on_statement_error();
                            session.run(sql, outcome);
                        } else {
                            session.fail(sql, outcome);
                        }
                        format!("{:?}", session.0)
                    };
                    assert_eq!(run(true), run(false), "{dialect:?}: {before}; {sql}");
                }
            }
        }
    }
}

#[test]
fn an_error_outside_a_transaction_leaves_the_state_certain() {
    for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
        let mut session = Session::new(dialect);
        session.fail("UPDATE a SET x = 1", WriteOutcome::Failure);
        assert_eq!(session.0.snapshot(), Snapshot::Committed);
    }
}

#[test]
fn a_savepoint_of_sqlite_may_commit_while_it_is_not_known_whether_a_transaction_is_open() {
    let mut session = Session::new(Dialect::Sqlite);
    session.ok("BEGIN");
    session.run("COMMIT", WriteOutcome::Unknown);
    session.ok("SAVEPOINT one");
    session.ok("UPDATE a SET x = 1");
    assert_eq!(session.ok("RELEASE one"), ["a"]);
    assert_eq!(session.0.snapshot(), Snapshot::Old);
}

#[test]
fn a_begin_that_sqlite_accepts_ends_the_uncertainty() {
    let mut session = Session::new(Dialect::Sqlite);
    session.ok("BEGIN");
    session.ok("UPDATE a SET x = 1");
    session.run("COMMIT", WriteOutcome::Unknown);
    assert_eq!(session.ok("BEGIN"), ["a"]);
    assert_eq!(session.ok("UPDATE b SET x = 1"), NOTHING);
    assert_eq!(session.ok("COMMIT"), ["b"]);
}

#[test]
fn after_a_possible_commit_writes_are_published_at_once_and_with_the_next_commit() {
    for statement in [
        "UNLOCK TABLES",
        "SET autocommit = 1",
        "CALL p()",
        "EXECUTE s",
        "BEGIN NOT ATOMIC COMMIT; END",
        "SET STATEMENT max_statement_time = 1 FOR COMMIT",
        "/*!50003 COMMIT */",
        "BACKUP LOCK a",
    ] {
        let mut session = Session::new(Dialect::Mysql);
        session.ok("BEGIN");
        session.ok("UPDATE a SET x = 1");
        let published = session.ok(statement);
        assert!(published == ["a"] || published == ["*"], "{statement}");
        assert_eq!(session.ok("UPDATE b SET x = 1"), ["b"], "{statement}");
        assert_eq!(session.0.snapshot(), Snapshot::Old, "{statement}");
        assert_ne!(session.ok("COMMIT"), NOTHING, "{statement}");
        assert_eq!(session.ok("UPDATE b SET x = 1"), ["b"], "{statement}");
        assert_eq!(session.0.snapshot(), Snapshot::Committed, "{statement}");
    }
}

#[test]
fn a_server_that_reports_its_transaction_state_ends_the_uncertainty() {
    for (open, snapshot, published) in [
        (None, Snapshot::Old, &["*"][..]),
        (Some(true), Snapshot::Old, &["*"]),
        (Some(false), Snapshot::Committed, &NOTHING),
    ] {
        let mut session = Session::new(Dialect::Mysql);
        session.ok("CALL p()");
        session.0.found(open);
        assert_eq!(session.0.snapshot(), snapshot, "{open:?}");
        assert_eq!(session.ok("COMMIT"), published, "{open:?}");
    }
}

#[test]
fn a_postgres_transaction_that_has_failed_reads_nothing_until_it_is_rolled_back() {
    let mut session = Session::new(Dialect::Postgres);
    session.ok("BEGIN");
    session.ok("SAVEPOINT one");
    session.0.on_statement_error();
    assert_eq!(session.0.snapshot(), Snapshot::Old);
    session.ok("ROLLBACK TO one");
    assert_eq!(session.0.snapshot(), Snapshot::CommittedAndOwn);
    session.0.on_statement_error();
    session.ok("ROLLBACK");
    assert_eq!(session.0.snapshot(), Snapshot::Committed);
}

#[test]
fn after_a_commit_that_may_begin_another_transaction_the_state_is_uncertain() {
    let mut session = Session::new(Dialect::Mysql);
    session.ok("SET completion_type = CHAIN");
    session.ok("COMMIT");
    assert_eq!(session.ok("UPDATE a SET x = 1"), ["a"]);
    session.ok("SET completion_type = NO_CHAIN");
    session.0.probed(Some(Isolation::ReadCommitted), true);
    assert_eq!(session.0.snapshot(), Snapshot::Old);
    assert_eq!(session.ok("COMMIT"), ["a"]);
    assert_eq!(session.0.snapshot(), Snapshot::Committed);
}
