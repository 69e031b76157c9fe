//! Tables with many partitions or children: one version record stands for all of them.

use std::thread;
use std::time::Duration;

use cachalot_diesel::{BypassReason, Cachalot, CachedDsl as _, Outcome};
use cachalot_tests::{memcached, wait_until};
use diesel::{connection::SimpleConnection, dsl::sql, sql_types::Text};

use super::super::spy_store::SpyStore;
use super::catalog_fixture::{CatalogFixture, cached, run, shown};
use super::world::{Reader, World};

/// More than a read checks one by one.
pub(super) const MEMBERS: usize = 12;

pub(super) const EVENTS: &str = "SELECT concat_ws(' ', id, name) FROM events ORDER BY id";
const EARLY: &str = "SELECT concat_ws(' ', id, name) FROM early ORDER BY id";
pub(super) const FIRST: &str = "SELECT concat_ws(' ', id, name) FROM part_0 ORDER BY id";
const SECOND: &str = "SELECT concat_ws(' ', id, name) FROM part_1 ORDER BY id";
const STONES: &str = "SELECT name FROM stones ORDER BY id";

/// Ids up to 1000 are in `early`, ten of them in each of so many partitions of it; the others in `late`.
pub(super) fn schema(partitions: usize) -> String {
    let mut schema = "\
        CREATE TABLE events (id INTEGER NOT NULL, name TEXT NOT NULL) PARTITION BY RANGE (id); \
        CREATE TABLE early PARTITION OF events FOR VALUES FROM (0) TO (10000) PARTITION BY RANGE (id); \
        CREATE TABLE late PARTITION OF events FOR VALUES FROM (10000) TO (20000); \
        CREATE TABLE stones (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO stones VALUES (1, 'flint');"
        .to_owned();
    for part in 0..partitions {
        let (from, to) = (part * 10, part * 10 + 10);
        schema += &format!(
            "CREATE TABLE part_{part} PARTITION OF early FOR VALUES FROM ({from}) TO ({to}); \
             INSERT INTO part_{part} VALUES ({from}, 'first');"
        );
    }
    schema
}

/// A fixture whose store can be looked into.
struct Family {
    world: World,
    spy_store: SpyStore,
    /// Reads through the cache.
    reader: Reader,
    outsider: super::Conn,
}

impl Family {
    fn new(partitions: usize) -> Self {
        let world = World::new();
        let mut outsider = world.outsider();
        run(&mut outsider, &schema(partitions));
        let spy_store = SpyStore::memcached();
        let reader = world.connect(&process(&world, &spy_store));
        Self {
            world,
            spy_store,
            reader,
            outsider,
        }
    }

    /// A connection of another process.
    fn writer(&self) -> Reader {
        self.world.connect(&process(&self.world, &self.spy_store))
    }

    /// The keys that a hit asks for: the entry's, the epoch's, and those of the records.
    #[track_caller]
    fn asked(&mut self, read: &str) -> Vec<String> {
        let rows = cached(&mut self.reader.conn, read);
        let again = self.reader.sent(|conn| cached(conn, read));
        assert_eq!(again, (rows, 0), "{read}");
        self.spy_store.asked()
    }

    /// The next read sees what the database shows, and is a hit after that.
    #[track_caller]
    fn sees(&mut self, read: &str, what: &str) {
        let rows = shown(&mut self.outsider, read);
        assert_eq!(cached(&mut self.reader.conn, read), rows, "{what}: {read}");
        let again = self.reader.sent(|conn| cached(conn, read));
        assert_eq!(again, (rows, 0), "again: {what}: {read}");
    }
}

fn process(world: &World, spy_store: &SpyStore) -> Cachalot {
    let builder = Cachalot::builder().store(spy_store.clone());
    builder.namespace(&world.namespace).build().unwrap()
}

#[test]
fn w08_a_hit_on_a_parent_of_many_asks_for_one_record() {
    let mut family = Family::new(400);
    // The entry, the epoch, the parent and the family.
    assert_eq!(family.asked(EVENTS).len(), 4);
    // Of the table above as well.
    assert_eq!(family.asked(EARLY).len(), 5);
    assert_eq!(family.asked(FIRST).len(), 5);
    run(
        &mut family.writer().conn,
        "INSERT INTO part_7 VALUES (71, 'new')",
    );
    family.sees(EVENTS, "a write");
    assert_eq!(family.asked(EVENTS).len(), 4);
    let explanation = sql::<Text>(EVENTS)
        .cached(&mut family.reader.conn)
        .explain();
    // People are shown the members.
    assert_eq!(explanation.unwrap().tables.len(), 403);
    let process = process(&family.world, &family.spy_store);
    let status = process.table_status::<&str>([]).unwrap();
    let named = |name| status.iter().filter(|it| it.table == name).count();
    assert_eq!((named("events"), named("part_7")), (1, 1));
}

#[test]
fn w08_writes_at_every_level_of_a_family() {
    let mut fixture = CatalogFixture::new(&schema(MEMBERS));
    let writes: [(&str, &[&str], &[&str]); 6] = [
        (
            "INSERT INTO part_0 VALUES (1, 'a')",
            &[EVENTS, EARLY, FIRST],
            &[SECOND, STONES],
        ),
        (
            "INSERT INTO part_0 VALUES (2, 'b')",
            &[EVENTS, EARLY, FIRST],
            &[SECOND, STONES],
        ),
        (
            "INSERT INTO late VALUES (10000, 'l')",
            &[EVENTS],
            &[SECOND, STONES, EARLY],
        ),
        (
            "UPDATE events SET id = 11 WHERE id = 1",
            &[EVENTS, EARLY, FIRST, SECOND],
            &[STONES],
        ),
        (
            "DELETE FROM early WHERE id = 11",
            &[EVENTS, EARLY, SECOND],
            &[STONES],
        ),
        (
            "TRUNCATE part_1",
            &[EVENTS, EARLY, SECOND],
            &[FIRST, STONES],
        ),
    ];
    for (write, changed, kept) in writes {
        fixture.writes(write, changed, kept);
    }
    // The same by a process that knows the tables.
    cached(&mut fixture.writer.conn, STONES);
    fixture.writes(
        "INSERT INTO part_1 VALUES (12, 'c')",
        &[EVENTS, EARLY, SECOND],
        &[FIRST, STONES],
    );
    run(&mut fixture.outsider, "INSERT INTO part_1 VALUES (13, 'd')");
    fixture
        .world
        .other_process()
        .invalidate(["part_1"])
        .unwrap();
    for read in [EVENTS, EARLY, SECOND] {
        assert_eq!(fixture.cached(read), (fixture.shown(read), 1), "{read}");
    }
}

#[test]
fn w08_members_of_a_family_that_come_and_go() {
    let mut fixture = CatalogFixture::new(&schema(MEMBERS));
    fixture.changes(
        "ALTER TABLE early DETACH PARTITION part_0",
        &[EVENTS, EARLY],
    );
    fixture.writes(
        "INSERT INTO part_0 VALUES (1, 'a')",
        &[FIRST],
        &[EVENTS, EARLY],
    );
    fixture.changes(
        "ALTER TABLE early ATTACH PARTITION part_0 FOR VALUES FROM (0) TO (10)",
        &[EVENTS, EARLY],
    );
    fixture.changes(
        "INSERT INTO part_0 VALUES (2, 'b')",
        &[FIRST, EVENTS, EARLY],
    );
    fixture.changes("DROP TABLE part_1", &[EVENTS, EARLY]);
    // Nobody watches who makes this one.
    run(
        &mut fixture.outsider,
        "CREATE TABLE more PARTITION OF early FOR VALUES FROM (9000) TO (9010)",
    );
    fixture.changes("INSERT INTO more VALUES (9001, 'm')", &[EVENTS, EARLY]);
    fixture.changes("INSERT INTO more VALUES (9002, 'n')", &[EVENTS, EARLY]);
}

/// Whatever is lost, the next write to a member is seen.
#[test]
fn f01_items_of_a_family_that_are_lost() {
    let mut family = Family::new(MEMBERS);
    let mut writer = family.writer();
    let (events, first) = (family.asked(EVENTS), family.asked(FIRST));
    let (record, member) = (events[3].clone(), first[4].clone());
    assert!(!events.contains(&member));
    let mut id = 0;
    let mut writes = |family: &mut Family, what: &str| {
        id += 1;
        let insert = format!("INSERT INTO part_0 VALUES ({}, 'x')", id % 10);
        run(&mut writer.conn, &insert);
        family.sees(EVENTS, what);
    };
    writes(&mut family, "nothing");
    // A second read of the member creates its record anew, and knows nothing of families.
    for read in [None, Some(FIRST)] {
        family.spy_store.delete(&member);
        if let Some(read) = read {
            family.asked(read);
        }
        writes(&mut family, "the record of the member");
        writes(&mut family, "nothing");
    }
    family.spy_store.delete(&record);
    family.sees(EVENTS, "the record of the family");
    writes(&mut family, "the record of the family");
    let told = family.spy_store.get(&member).unwrap();
    assert!(
        String::from_utf8(told)
            .unwrap()
            .contains(r#"["early","events"]"#)
    );
    family.spy_store.set(&member, b"spoilt");
    writes(&mut family, "the record of the member, by half");
    let epoch = &events[1];
    family.spy_store.delete(epoch);
    family.spy_store.delete(&member);
    writes(&mut family, "a record of the epoch");
}

#[test]
fn w08_a_table_in_two_families() {
    let mut schema = "CREATE TABLE boats (name TEXT); CREATE TABLE houses (name TEXT); \
        CREATE TABLE houseboats () INHERITS (boats, houses); \
        INSERT INTO houseboats VALUES ('Ark');"
        .to_owned();
    for parent in ["boats", "houses"] {
        for kid in 0..MEMBERS {
            schema += &format!("CREATE TABLE {parent}_{kid} () INHERITS ({parent});");
        }
    }
    let mut fixture = CatalogFixture::new(&schema);
    let boats = "SELECT name FROM boats ORDER BY 1";
    let houses = "SELECT name FROM houses ORDER BY 1";
    let both = "SELECT name FROM boats UNION ALL SELECT name FROM houses ORDER BY 1";
    for name in ["Argo", "Beagle"] {
        fixture.changes(
            &format!("UPDATE houseboats SET name = '{name}'"),
            &[boats, houses, both],
        );
        fixture.writes(
            &format!("INSERT INTO houses_3 VALUES ('{name}')"),
            &[houses, both],
            &[boats],
        );
    }
}

#[test]
fn c02_a_write_to_a_member_that_waits_for_a_lock() {
    let mut fixture = CatalogFixture::new(&schema(MEMBERS));
    fixture.warm(EVENTS);
    run(
        &mut fixture.outsider,
        "BEGIN; LOCK TABLE part_0 IN EXCLUSIVE MODE",
    );
    let mut writer = fixture.world.connect(&fixture.world.other_process());
    let waiting = thread::spawn(move || {
        writer
            .conn
            .batch_execute("INSERT INTO part_0 VALUES (1, 'a')")
    });
    let in_flight = Outcome::Bypass(BypassReason::WriterInFlight);
    wait_until("a writer is in flight", Duration::from_secs(30), || {
        fixture.explain(EVENTS).outcome == in_flight
    });
    run(&mut fixture.outsider, "COMMIT");
    waiting.join().unwrap().unwrap();
    assert_eq!(fixture.cached(EVENTS), (fixture.shown(EVENTS), 1));
    assert_eq!(fixture.cached(EVENTS), (fixture.shown(EVENTS), 0));
}

/// The store is frozen during a write: the invalidation that is sent later reaches the families too.
#[test]
fn w08_an_invalidation_of_a_member_that_is_sent_later() {
    let server = memcached::start(&[]);
    let mut world = World::at(server.url());
    let mut outsider = world.outsider();
    run(&mut outsider, &schema(MEMBERS));
    let hasty = Cachalot::builder()
        .url(server.url())
        .namespace(&world.namespace);
    let hasty = hasty
        .store_timeout(Duration::from_millis(500))
        .build()
        .unwrap();
    let mut writer = world.connect(&hasty);
    // It has loaded the catalog, so only the tables that it writes to become pending.
    cached(&mut writer.conn, STONES);
    for id in [1, 2] {
        let rows = cached(&mut world.conn, EVENTS);
        assert_eq!(world.sent(|conn| cached(conn, EVENTS)), (rows, 0));
        server.freeze();
        run(
            &mut writer.conn,
            &format!("INSERT INTO part_0 VALUES ({id}, 'a')"),
        );
        server.thaw();
        let rows = shown(&mut outsider, EVENTS);
        wait_until(
            "the pending invalidation is sent",
            Duration::from_secs(60),
            || cached(&mut world.conn, EVENTS) == rows,
        );
    }
}
