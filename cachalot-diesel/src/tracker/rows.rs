//! The rows that a statement changes, as far as its text and its binds tell.

use std::sync::Arc;

use super::WriteReporter;
use crate::{
    planner::{CatalogSnapshot, KeyValues, WrittenRows},
    protocol::RowWrites,
    rows::private::Bind,
    session::Session,
};
use cachalot_sql::{Analysis, Writes};

impl WriteReporter {
    /// The catalogs that tell which rows a statement changes: one of each cache that has loaded one.
    ///
    /// To be asked for before its side effects are, which then are those of these catalogs or of newer ones.
    pub(super) fn catalogs_of_rows(
        &self,
        session: &Session,
        analysis: &Analysis,
    ) -> Vec<CatalogSnapshot> {
        let is_keyed = match (analysis.statements.as_slice(), analysis.writes()) {
            ([_], Writes::Tables(tables)) => tables.keys().any(|it| analysis.keys(it).is_some()),
            _ => false,
        };
        if !is_keyed || session.may_have_attached() {
            return Vec::new();
        }
        let Some(database) = self.database(session) else {
            return Vec::new();
        };
        let caches = self.caches.iter();
        caches
            .filter_map(|cache| cache.planner().catalog_of_writes(&database))
            .collect()
    }
}

/// What a text writes, with the rows that are known. `by_itself`: its analysis without its side effects. If there are
/// any, no rows are known.
pub(super) fn written(
    session: &Session,
    by_itself: &Arc<Analysis>,
    analysis: &Arc<Analysis>,
    catalogs: &[CatalogSnapshot],
    binds: &[Bind],
) -> RowWrites {
    let writes = analysis.writes().clone();
    if catalogs.is_empty() || !Arc::ptr_eq(by_itself, analysis) {
        return RowWrites::of_unknown_rows(writes);
    }
    let values = KeyValues {
        dialect: session.dialect(),
        binds,
        exact_texts: session.sends_exact_texts(),
    };
    // The columns have other names in each catalog, unless these are of one epoch.
    let mut rows = WrittenRows::new();
    for catalog in catalogs {
        catalog.add_written_rows(analysis, &values, &mut rows);
    }
    let rows = rows.into_iter();
    let rows = rows.map(|(table, columns)| (table, columns.into_iter().collect()));
    RowWrites::new(writes, rows.collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        cache::Cache,
        catalog::{
            Facts,
            facts::{Code, Routine, Trigger, Volatility},
            tracked::{Class, Tracked, named},
        },
        config::Config,
        protocol::Writes,
        store::{MemoryStore, Store},
        tracker::{Statement, Tracker},
    };
    use cachalot_sql::{Dialect, Events, KeyValue};

    const ID: Tracked = Tracked {
        class: Class::signed(64),
        unique: true,
    };
    const PARENT: Tracked = Tracked {
        unique: false,
        ..ID
    };
    const NAME: Tracked = Tracked {
        class: Class::Text { max: None },
        unique: false,
    };

    fn facts(dialect: Dialect) -> Facts {
        let mut facts = Facts::with_tables(dialect, &["t", "u", "plain"]);
        for relation in &mut facts.relations[..2] {
            relation.tracked = named([("id", ID), ("parent", PARENT), ("name", NAME)]);
        }
        facts
    }

    /// A process, and a connection of it that no read has probed.
    struct Process {
        cache: Cache,
        tracker: Tracker,
        dialect: Dialect,
    }

    impl Process {
        fn without_catalog(dialect: Dialect, store: &Arc<dyn Store>) -> Self {
            let cache = Cache::new(Config::default(), Arc::clone(store));
            let mut tracker = Tracker::new(cache.clone(), None);
            let session = tracker.session.as_mut().unwrap();
            session.opened("a://url", Some(dialect));
            cache
                .planner()
                .learn_database(session.url().unwrap(), &"db".into());
            Self {
                cache,
                tracker,
                dialect,
            }
        }

        fn new(facts: Facts) -> Self {
            let store: Arc<dyn Store> = Arc::new(MemoryStore::new(1 << 20));
            let mut process = Self::without_catalog(facts.dialect, &store);
            process.load(facts);
            process
        }

        fn load(&mut self, facts: Facts) -> CatalogSnapshot {
            let load = || Ok::<_, String>(Some(facts));
            let planner = self.cache.planner();
            planner.catalog(&"db".into(), true, load).unwrap()
        }

        /// Runs a statement; returns what it publishes.
        fn run(&mut self, sql: &str, binds: &[Bind]) -> RowWrites {
            let statement = Statement {
                analysis: Some(cachalot_sql::analysis(sql, self.dialect)),
                binds: binds.to_vec(),
            };
            self.tracker.start(statement).unwrap();
            let running = self.tracker.writes.running.last().unwrap();
            let published = match &running.step {
                Some((_, step)) => step.published().clone(),
                None => RowWrites::NOTHING,
            };
            self.tracker.finish(None);
            published
        }

        /// `t.id=7,8`: the tables, with what is known of their rows. The numbers are from 0 to 99.
        fn shown(&mut self, sql: &str, binds: &[Bind]) -> String {
            let published = self.run(sql, binds);
            let Writes::Tables(tables) = &published.writes else {
                return format!("{:?}", published.writes);
            };
            let tables = tables.keys().map(|table| {
                let columns = published.buckets(table).iter();
                let columns = columns.map(|(column, buckets)| {
                    let name = column.split('@').next().unwrap();
                    let numbers = numbers(column, buckets);
                    format!(".{name}={}", numbers.join(","))
                });
                table.to_string() + &columns.collect::<String>()
            });
            tables.collect::<Vec<_>>().join(" ")
        }
    }

    fn numbers(column: &str, buckets: &BTreeSet<u16>) -> Vec<String> {
        let values = KeyValues {
            dialect: Dialect::Postgres,
            binds: &[],
            exact_texts: true,
        };
        let is_in = |number: &i64| {
            let value = [KeyValue::Integer(*number)];
            let of = values.written_buckets(column, ID.class, &value).unwrap();
            of.is_subset(buckets)
        };
        let found: Vec<_> = (0..100).filter(is_in).collect();
        assert_eq!(found.len(), buckets.len(), "others than these numbers");
        found.iter().map(ToString::to_string).collect()
    }

    fn integer(number: i64) -> Bind {
        Bind {
            type_code: 1,
            value: Some(number.to_le_bytes().to_vec()),
        }
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn k06_a_change_has_the_rows_of_its_binds_and_of_its_text() {
        let mut process = Process::new(facts(Dialect::Sqlite));
        let binds = [integer(7), integer(8), integer(9)];
        for (sql, published) in [
            (
                "INSERT INTO t (id, parent) VALUES (?, ?)",
                "t.id=7.parent=8",
            ),
            ("INSERT INTO t (id) VALUES (?), (?)", "t.id=7,8"),
            ("INSERT INTO t (id, x) VALUES (?, 5) RETURNING x", "t.id=7"),
            ("INSERT INTO t (x) VALUES (?)", "t"),
            ("INSERT INTO t (id, parent) VALUES (NULL, 5)", "t.parent=5"),
            ("INSERT INTO t (id) SELECT x FROM u", "t"),
            ("UPDATE t SET x = ? WHERE id = ?", "t.id=8"),
            (
                "UPDATE t SET parent = ? WHERE parent = ? AND id = ?",
                "t.id=9.parent=7,8",
            ),
            ("UPDATE t SET parent = ? WHERE id = ?", "t.id=8"),
            ("UPDATE t SET id = id + 1 WHERE id = ?", "t"),
            ("DELETE FROM t WHERE id IN (?, ?) AND x = ?", "t.id=7,8"),
            ("DELETE FROM t WHERE x = ?", "t"),
            ("DELETE FROM t WHERE id = 5", "t.id=5"),
            ("DELETE FROM plain WHERE id = ?", "plain"),
            ("DELETE FROM unknown WHERE id = ?", "unknown"),
            ("SELECT x FROM t WHERE id = ?", "Nothing"),
        ] {
            assert_eq!(process.shown(sql, &binds), published, "{sql}");
        }
        // A text of integers is none.
        let text = [Bind {
            type_code: 3,
            value: Some(b"7".to_vec()),
        }];
        assert_eq!(process.shown("DELETE FROM t WHERE id = ?", &text), "t");
        process.tracker.session.as_mut().unwrap().established();
        assert_eq!(
            process
                .run("DELETE FROM t WHERE name = ?", &text)
                .buckets("t")
                .len(),
            1
        );
        // On a plain connection the binds are not seen.
        assert_eq!(process.shown("DELETE FROM t WHERE id = ?", &[]), "t");
    }

    #[test]
    fn k12_a_commit_publishes_the_rows_of_all_statements() {
        let mut process = Process::new(facts(Dialect::Sqlite));
        let mut run = |sql: &str| process.shown(sql, &[]);
        assert_eq!(run("BEGIN"), "Nothing");
        assert_eq!(run("UPDATE t SET x = 1 WHERE id = 1"), "Nothing");
        run("SAVEPOINT s");
        run("UPDATE t SET x = 1");
        run("ROLLBACK TO s");
        run("UPDATE t SET x = 1 WHERE id = 2");
        run("DELETE FROM u WHERE parent = 3");
        assert_eq!(run("COMMIT"), "t.id=1,2 u.parent=3");
        let batch = "UPDATE t SET x = 1 WHERE id = 1; UPDATE t SET x = 1 WHERE id = 2";
        assert_eq!(run(batch), "t");
    }

    #[test]
    fn without_a_catalog_no_rows_are_known_and_none_is_loaded() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(1 << 20));
        let mut process = Process::without_catalog(Dialect::Sqlite, &store);
        let delete = "DELETE FROM t WHERE id = 5";
        assert_eq!(process.shown(delete, &[]), "t");
        process.load(facts(Dialect::Sqlite));
        assert_eq!(process.shown(delete, &[]), "t.id=5");
        // It may be that of a database that the catalog does not have.
        process.run("ATTACH 'x.db' AS x", &[]);
        assert_eq!(process.shown(delete, &[]), "t");
    }

    /// Of another database, whose triggers this catalog does not have.
    #[test]
    fn k11_the_rows_of_a_table_of_another_schema_are_not_known() {
        let mut process = Process::new(facts(Dialect::Mysql));
        let known = |process: &mut Process, sql: &str| process.shown(sql, &[]);
        assert_eq!(known(&mut process, "DELETE FROM t WHERE id = 5"), "t.id=5");
        for sql in [
            "DELETE FROM other.t WHERE id = 5",
            "DELETE FROM other.t WHERE other.t.id = 5",
            "UPDATE other.t SET x = 1 WHERE id = 5",
            "UPDATE other.t AS a SET x = 1 WHERE a.id = 5",
            "INSERT INTO other.t (id) VALUES (5)",
        ] {
            assert_eq!(known(&mut process, sql), "t", "{sql}");
        }
        let mut facts = facts(Dialect::Mysql);
        facts.skipped_schemas = BTreeSet::from(["other".into()]);
        let mut process = Process::new(facts);
        let sql = "DELETE FROM t WHERE id = 5 AND x IN (SELECT x FROM other.u)";
        assert_eq!(known(&mut process, sql), "t");
        assert_eq!(known(&mut process, "USE other"), "Nothing");
        assert_eq!(known(&mut process, "DELETE FROM t WHERE id = 5"), "t");
    }

    #[test]
    fn k11_changes_that_cause_others_have_no_rows() {
        let mut facts = facts(Dialect::Postgres);
        let stamp = "BEGIN UPDATE t SET x = 1 WHERE parent = NEW.id; END";
        facts.triggers = vec![Trigger {
            table: "t".into(),
            events: Events::UPDATE,
            code: Code::Text(stamp.to_owned()),
        }];
        let mut process = Process::new(facts);
        for (sql, published) in [
            ("UPDATE t SET x = 1 WHERE id = 5", "t"),
            ("DELETE FROM t WHERE id = 5", "t.id=5"),
            ("UPDATE u SET x = 1 WHERE id = 5", "u.id=5"),
        ] {
            assert_eq!(process.shown(sql, &[]), published, "{sql}");
        }
    }

    #[test]
    fn k11_a_statement_that_does_more_than_its_text_says_has_no_rows() {
        let mut facts = facts(Dialect::Postgres);
        facts.builtins = BTreeSet::from(["now".into()]);
        let mut add = |name: &str, text: &str, volatility| {
            facts.routines.push(Routine {
                name: name.into(),
                code: Code::Text(text.to_owned()),
                volatility,
                trusted: false,
                times: Default::default(),
            });
        };
        let moves = "BEGIN UPDATE t SET x = 1; END";
        add("moves", moves, Volatility::Volatile);
        add("reads", "SELECT 1", Volatility::Stable);
        let mut process = Process::new(facts);
        for (sql, published) in [
            ("UPDATE t SET x = 1 WHERE id = 5 AND x = reads()", "t.id=5"),
            ("UPDATE t SET x = moves() WHERE id = 5", "t"),
            ("UPDATE t SET x = unknown() WHERE id = 5", "Everything"),
            ("PREPARE p AS UPDATE t SET x = 1 WHERE id = 5", "Nothing"),
            ("EXECUTE p", "t"),
        ] {
            assert_eq!(process.shown(sql, &[]), published, "{sql}");
        }
    }

    #[test]
    fn k08_texts_are_known_only_while_they_are_sent_as_they_are() {
        let mut process = Process::new(facts(Dialect::Postgres));
        let mut known = |sql: &str| {
            process.run(sql, &[]);
            let delete = "DELETE FROM t WHERE name = 'a' AND id = 1";
            process.run(delete, &[]).buckets("t").len()
        };
        // It is not known how the connection was opened.
        assert_eq!(known("SELECT 1 FROM plain"), 1);
        process.tracker.session.as_mut().unwrap().established();
        let mut known = |sql: &str| {
            process.run(sql, &[]);
            let delete = "DELETE FROM t WHERE name = 'a' AND id = 1";
            process.run(delete, &[]).buckets("t").len()
        };
        assert_eq!(known("SET statement_timeout = 1"), 2);
        assert_eq!(known("SET client_encoding = 'LATIN1'"), 1);
    }

    /// A new catalog may have a trigger that the old one does not.
    #[test]
    fn k11_the_rows_of_an_outdated_catalog_are_unknown_to_a_newer_one() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(1 << 20));
        let mut processes: Vec<_> = (0..2)
            .map(|_| Process::without_catalog(Dialect::Postgres, &store))
            .collect();
        let columns = |process: &mut Process| -> Vec<Box<str>> {
            let published = process.run("DELETE FROM t WHERE id = 5", &[]);
            published.buckets("t").keys().cloned().collect()
        };
        processes.iter_mut().for_each(|it| {
            it.load(facts(Dialect::Postgres));
        });
        let [one, other] = &mut processes[..] else {
            panic!("two")
        };
        assert_eq!(columns(one), columns(other));
        one.cache
            .versions()
            .invalidate(&Writes::Everything)
            .unwrap();
        let old = one.load(facts(Dialect::Postgres));
        one.cache.planner().forget_catalog(&"db".into(), &old);
        one.load(facts(Dialect::Postgres));
        let (of_one, of_other) = (columns(one), columns(other));
        assert!(of_one.len() == 1 && of_other.len() == 1);
        assert_ne!(of_one, of_other);
    }

    #[test]
    fn the_rows_of_a_write_that_several_caches_watch_are_known_to_each() {
        let mut process = Process::new(facts(Dialect::Sqlite));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(1 << 20));
        let mut second = Process::without_catalog(Dialect::Sqlite, &store);
        process.tracker.watch(&second.cache);
        let delete = "DELETE FROM t WHERE id = 5";
        assert_eq!(process.shown(delete, &[]), "t.id=5");
        second.load(facts(Dialect::Sqlite));
        assert_eq!(process.shown(delete, &[]), "t.id=5.id=5");
    }

    #[test]
    fn a_commit_of_unknown_outcome_keeps_its_rows() {
        let mut process = Process::new(facts(Dialect::Sqlite));
        process.run("BEGIN", &[]);
        process.run("DELETE FROM t WHERE id = 5", &[]);
        let commit = Statement {
            analysis: Some(cachalot_sql::analysis("COMMIT", Dialect::Sqlite)),
            binds: Vec::new(),
        };
        process.tracker.start(commit).unwrap();
        // Its end is not reported.
        process.tracker.close_unreported();
        assert_eq!(process.shown("COMMIT", &[]), "t.id=5");
    }
}
