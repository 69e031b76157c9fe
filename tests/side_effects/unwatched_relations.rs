//! Relations that a program without the library makes after the catalog was read, and that a write of
//! a watched connection is the first to name.

use cachalot_diesel::Cachalot;
use cachalot_tests::unique;

use super::catalog_fixture::{cached, run, shown};
use super::world::{Reader, World};
use super::{DATABASE, trigger};

/// A table with rows, and one that nothing has to do with it.
struct Tables {
    world: World,
    base: String,
    stones: String,
}

impl Tables {
    /// Names that no other schema of the server has, and a catalog that has been read.
    fn new() -> Self {
        let world = World::new();
        let (base, stones) = (unique::name("base"), unique::name("stones"));
        let engine = if DATABASE == "mysql" {
            " ENGINE = InnoDB"
        } else {
            ""
        };
        run(
            &mut world.outsider(),
            &format!(
                "CREATE TABLE {base} (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(20)){engine}; \
                 CREATE TABLE {stones} (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(20)){engine}; \
                 INSERT INTO {base} VALUES (1, 'oil')"
            ),
        );
        Self {
            world,
            base,
            stones,
        }
    }

    fn read(&self) -> String {
        format!("SELECT name FROM {} ORDER BY id, name", self.base)
    }

    /// A hit from here on, with the relation unknown.
    fn warm(&mut self) {
        let read = self.read();
        let rows = cached(&mut self.world.conn, &read);
        assert_eq!(
            self.world.sent(|conn| cached(conn, &read)),
            (rows, 0),
            "{read}"
        );
    }

    /// The statement that nobody watches, which makes the relation; then what a watched connection of
    /// `writer` writes to it.
    #[track_caller]
    fn shows(&mut self, writer: &mut Reader, made: &str, write: &str) {
        self.warm();
        let read = self.read();
        let mut outsider = self.world.outsider();
        run(&mut outsider, made);
        let before = shown(&mut outsider, &read);
        run(&mut writer.conn, write);
        let after = shown(&mut outsider, &read);
        assert_ne!(after, before, "the database: {write}");
        assert_eq!(cached(&mut self.world.conn, &read), after, "{write}");
        assert_eq!(
            self.world.sent(|conn| cached(conn, &read)),
            (after, 0),
            "{write}"
        );
    }
}

/// `made` and `write` are given the base table and a new name.
fn seen_by_everybody(made: impl Fn(&str, &str) -> String, write: impl Fn(&str, &str) -> String) {
    type Writer = fn(&Tables) -> Reader;
    let same_process: Writer = |tables| {
        let mut reader = tables.world.reader();
        // It knows which database this is.
        cached(&mut reader.conn, &tables.read());
        reader
    };
    let fresh_connection: Writer = |tables| tables.world.reader();
    let other_process: Writer = |tables| tables.world.connect(&tables.world.other_process());
    for writer in [same_process, fresh_connection, other_process] {
        let mut tables = Tables::new();
        tables.warm();
        let mut writer = writer(&tables);
        let kid = unique::name("kid");
        let (made, write) = (made(&tables.base, &kid), write(&tables.base, &kid));
        tables.shows(&mut writer, &made, &write);
    }
}

#[test]
fn f01_an_inheritance_child() {
    if DATABASE != "postgres" {
        return;
    }
    seen_by_everybody(
        |base, kid| format!("CREATE TABLE {kid} () INHERITS ({base})"),
        |_, kid| format!("INSERT INTO {kid} VALUES (2, 'salt')"),
    );
}

#[test]
fn f01_an_updatable_view() {
    if DATABASE == "sqlite" {
        return;
    }
    seen_by_everybody(
        |base, kid| format!("CREATE VIEW {kid} AS SELECT id, name FROM {base}"),
        |_, kid| format!("INSERT INTO {kid} VALUES (2, 'salt')"),
    );
}

#[test]
fn f01_a_view_with_an_instead_of_trigger() {
    if DATABASE != "sqlite" {
        return;
    }
    seen_by_everybody(
        |base, kid| {
            format!(
                "CREATE VIEW {kid} AS SELECT id, name FROM {base}; \
                 CREATE TRIGGER {kid}_in INSTEAD OF INSERT ON {kid} BEGIN \
                 INSERT INTO {base} VALUES (NEW.id, NEW.name); END"
            )
        },
        |_, kid| format!("INSERT INTO {kid} VALUES (2, 'salt')"),
    );
}

#[test]
fn f01_a_table_with_a_trigger_that_writes() {
    seen_by_everybody(
        |base, kid| {
            let body = format!("INSERT INTO {base} VALUES (NEW.id, NEW.name);");
            let trigger = trigger(&format!("{kid}_in"), "AFTER INSERT", kid, &body);
            format!("CREATE TABLE {kid} (id INTEGER, name VARCHAR(20)); {trigger}")
        },
        |_, kid| format!("INSERT INTO {kid} VALUES (2, 'salt')"),
    );
}

/// The base is the child of a key of the new table: a new key is made anew with the base's rows.
#[test]
fn f01_a_table_that_cascades() {
    if DATABASE == "sqlite" {
        return;
    }
    seen_by_everybody(
        |base, kid| {
            format!(
                "CREATE TABLE {kid} (id INTEGER NOT NULL PRIMARY KEY); \
                 INSERT INTO {kid} VALUES (1); \
                 ALTER TABLE {base} ADD CONSTRAINT {kid}_key FOREIGN KEY (id) \
                 REFERENCES {kid} (id) ON DELETE CASCADE"
            )
        },
        |_, kid| format!("DELETE FROM {kid} WHERE id = 1"),
    );
}

/// The write becomes visible with its transaction.
#[test]
fn f01_in_a_transaction() {
    seen_by_everybody(
        |base, kid| {
            let body = format!("INSERT INTO {base} VALUES (NEW.id, NEW.name);");
            let trigger = trigger(&format!("{kid}_in"), "AFTER INSERT", kid, &body);
            format!("CREATE TABLE {kid} (id INTEGER, name VARCHAR(20)); {trigger}")
        },
        |_, kid| format!("BEGIN; INSERT INTO {kid} VALUES (2, 'salt'); COMMIT"),
    );
}

/// Another process read its catalog later, and knows the relation.
#[test]
fn f01_a_relation_that_a_later_process_knows() {
    let mut tables = Tables::new();
    tables.warm();
    let kid = unique::name("kid");
    let base = &tables.base;
    let body = format!("INSERT INTO {base} VALUES (NEW.id, NEW.name);");
    let trigger = trigger(&format!("{kid}_in"), "AFTER INSERT", &kid, &body);
    run(
        &mut tables.world.outsider(),
        &format!("CREATE TABLE {kid} (id INTEGER, name VARCHAR(20)); {trigger}"),
    );
    let late = tables.world.other_process();
    let mut late = tables.world.connect(&late);
    cached(&mut late.conn, &tables.read());
    run(
        &mut late.conn,
        &format!("INSERT INTO {kid} VALUES (2, 'salt')"),
    );
    let read = tables.read();
    assert_eq!(cached(&mut tables.world.conn, &read), ["oil", "salt"]);
}

/// A write that failed, to a relation that was not there yet, announces nothing.
#[test]
fn f01_a_relation_that_was_missing_at_first() {
    type Process = fn(&World) -> Cachalot;
    let processes: [Process; 2] = [|world| world.cache.clone(), World::other_process];
    for process in processes {
        for begin in ["", "BEGIN"] {
            let mut tables = Tables::new();
            tables.warm();
            let kid = unique::name("kid");
            let mut writer = tables.world.connect(&process(&tables.world));
            let write = format!("INSERT INTO {kid} VALUES (2, 'salt')");
            {
                use diesel::connection::SimpleConnection as _;
                if !begin.is_empty() {
                    run(&mut writer.conn, begin);
                }
                assert!(writer.conn.batch_execute(&write).is_err());
                if !begin.is_empty() {
                    run(&mut writer.conn, "COMMIT");
                }
            }
            let body = format!("INSERT INTO {} VALUES (NEW.id, NEW.name);", tables.base);
            let trigger = trigger(&format!("{kid}_in"), "AFTER INSERT", &kid, &body);
            let made = format!("CREATE TABLE {kid} (id INTEGER, name VARCHAR(20)); {trigger}");
            tables.shows(&mut writer, &made, &write);
        }
    }
}

/// One write is enough to announce a relation; the next invalidates what it writes and no more.
#[test]
fn f01_only_the_first_write_is_to_everything() {
    type Process = fn(&World) -> Cachalot;
    let processes: [Process; 2] = [|world| world.cache.clone(), World::other_process];
    for process in processes {
        let mut tables = Tables::new();
        tables.warm();
        let kid = unique::name("kid");
        let made = format!("CREATE TABLE {kid} (id INTEGER, name VARCHAR(20))");
        run(&mut tables.world.outsider(), &made);
        let mut writer = tables.world.connect(&process(&tables.world));
        cached(&mut writer.conn, &tables.read());
        let write = format!("INSERT INTO {kid} VALUES (2, 'salt')");
        run(&mut writer.conn, &write);
        tables.warm();
        run(&mut writer.conn, &write);
        let read = tables.read();
        assert_eq!(tables.world.sent(|conn| cached(conn, &read)).1, 0);
    }
}

/// A temporary table is nobody else's.
#[test]
fn f01_a_temporary_table_invalidates_nothing() {
    let mut tables = Tables::new();
    tables.warm();
    let mut writer = tables.world.reader();
    cached(&mut writer.conn, &tables.read());
    let own = unique::name("own");
    run(
        &mut writer.conn,
        &format!("CREATE TEMPORARY TABLE {own} (id INTEGER)"),
    );
    tables.warm();
    run(&mut writer.conn, &format!("INSERT INTO {own} VALUES (1)"));
    let read = tables.read();
    assert_eq!(tables.world.sent(|conn| cached(conn, &read)).1, 0);
}

/// A process that knows no catalog invalidates only what it writes, where others know the table.
#[test]
fn f01_a_known_table_that_nobody_has_written_yet() {
    let mut tables = Tables::new();
    tables.warm();
    let mut writer = tables.world.connect(&tables.world.other_process());
    let write = format!("INSERT INTO {} VALUES (1, 'flint')", tables.stones);
    run(&mut writer.conn, &write);
    let read = tables.read();
    assert_eq!(tables.world.sent(|conn| cached(conn, &read)).1, 0);
}
