//! What a keyed write leaves: reads of other keys are hits, and the reads of its own see it with one statement.

use cachalot_diesel::CachedDsl as _;
use diesel::{connection::SimpleConnection as _, prelude::*, result::Error};

use super::{
    blog::{self, Post},
    connection_type::Typed,
    reads,
    schema::*,
    statement::{Client, Read, Rows, Sql, Write, read, write},
    world::{Reader, World},
};

/// A name for each read of a set.
type Named = (&'static str, Read);

fn reads() -> Vec<Named> {
    vec![
        ("post 1", read!(Post: posts::table.find(1))),
        ("post 2", read!(Post: posts::table.find(2))),
        ("post 4", read!(Post: posts::table.find(4))),
        ("no post", read!(Post: posts::table.find(50))),
        ("nor here", read!(Post: posts::table.find(60))),
        (
            "posts 1, 4",
            read!(Post: posts::table.filter(posts::id.eq_any([1, 4])).order(posts::id)),
        ),
        (
            "of Ada",
            read!(Post: Post::belonging_to(&blog::authors()[0]).order(posts::id)),
        ),
        (
            "of Björn",
            read!(Post: Post::belonging_to(&blog::authors()[1]).order(posts::id)),
        ),
        (
            "of Chloé",
            read!(Post: Post::belonging_to(&blog::authors()[2]).order(posts::id)),
        ),
        (
            "of the others",
            read!(Post: Post::belonging_to(&blog::authors()[1..]).order(posts::id)),
        ),
        ("all", read!(Post: posts::table.order(posts::id))),
    ]
}

/// Two processes, of which one writes, and what the other has read.
struct Beside {
    reads: Vec<Named>,
    reader: Typed,
    writer: Typed,
    plain: Reader,
    outsider: super::Conn,
    _world: World,
}

impl Beside {
    fn new() -> Self {
        let mut world = World::new();
        blog::fill(&mut world.conn);
        let cache = world.other_process();
        let mut this = Self {
            reads: reads(),
            reader: Typed::of(&world),
            writer: Typed::on(&world.database, &cache),
            plain: world.connect(&cache),
            outsider: world.outsider(),
            _world: world,
        };
        this.warm();
        // The writers know the catalog, as connections that read do.
        for (_, read) in &this.reads {
            (read.by_type)(&mut this.writer.conn).unwrap();
            (read.cached)(&mut this.plain.conn).unwrap();
        }
        this
    }

    fn warm(&mut self) {
        for (name, read) in &self.reads {
            (read.by_type)(&mut self.reader.conn).unwrap();
            let (_, sent) = self.reader.sent(&read.by_type);
            assert_eq!(sent, 0, "{name} before");
        }
    }

    /// What the last write has changed is read with one statement, what it `kept` with none. Of the other reads
    /// it matters only that they are right.
    #[track_caller]
    fn check(&mut self, what: &str, kept: &[&str]) {
        for (name, read) in &self.reads {
            let shown: Rows = (read.plain)(&mut self.outsider);
            let (rows, sent) = self.reader.sent(&read.by_type);
            assert_eq!(rows, shown, "{what}: {name}");
            if kept.contains(name) {
                assert_eq!(sent, 0, "{what}: {name}");
            }
            assert_eq!(
                self.reader.sent(&read.by_type),
                (shown, 0),
                "{what}: {name}, again"
            );
        }
    }

    #[track_caller]
    fn writes(&mut self, write: &Write, kept: &[&str]) {
        let rows = (write.by_type)(&mut self.writer.conn);
        assert!(matches!(rows, Ok(1..)), "{}: {rows:?}", write.name);
        self.check(&write.name, kept);
    }

    /// By a plain connection, whose binds nobody sees.
    #[track_caller]
    fn writes_plain(&mut self, write: &Write, kept: &[&str]) {
        let rows = (write.plain)(&mut self.plain.conn);
        assert!(matches!(rows, Ok(1..)), "{}: {rows:?}", write.name);
        self.check(&write.name, kept);
    }
}

/// Each with its values bound and in the text, and what it keeps.
const WRITES: &[(&str, &[&str])] = &[
    (
        "UPDATE posts SET votes = votes + 1 WHERE id = {1}",
        &["post 2", "post 4", "no post", "nor here"],
    ),
    (
        "UPDATE posts SET votes = votes + 1 WHERE id IN ({1}, {2})",
        &["post 4", "no post", "nor here"],
    ),
    (
        "UPDATE posts SET votes = votes + 1 WHERE author_id = {1}",
        &["of Björn", "of Chloé", "of the others"],
    ),
    (
        "UPDATE posts SET votes = votes + 1 WHERE author_id = {1} AND id = {1}",
        &[
            "post 2",
            "post 4",
            "no post",
            "of Björn",
            "of Chloé",
            "of the others",
        ],
    ),
    (
        "UPDATE posts SET author_id = {2} WHERE id = {1} AND author_id = {1}",
        &["post 2", "post 4", "no post", "of Chloé"],
    ),
    (
        "UPDATE posts SET author_id = {1} WHERE author_id = {2} AND id = {1}",
        &["post 2", "post 4", "no post", "of Chloé"],
    ),
    (
        "UPDATE posts SET id = {60} WHERE id = {2}",
        &["post 1", "post 4", "no post", "posts 1, 4"],
    ),
    (
        "UPDATE posts SET id = {2} WHERE id = {60}",
        &["post 1", "post 4", "no post", "posts 1, 4"],
    ),
    (
        "INSERT INTO posts (id, author_id, title) VALUES ({50}, {2}, {'x'})",
        &[
            "post 1",
            "post 2",
            "post 4",
            "nor here",
            "posts 1, 4",
            "of Ada",
            "of Chloé",
        ],
    ),
    (
        "DELETE FROM posts WHERE id = {50} AND author_id = {2}",
        &[
            "post 1",
            "post 2",
            "post 4",
            "nor here",
            "posts 1, 4",
            "of Ada",
            "of Chloé",
        ],
    ),
    (
        "INSERT INTO posts (id, author_id, title) VALUES ({50}, {2}, {'x'}), ({60}, {3}, {'y'})",
        &["post 1", "post 2", "post 4", "posts 1, 4", "of Ada"],
    ),
    (
        "DELETE FROM posts WHERE id IN ({50}, {60})",
        &["post 1", "post 2", "post 4", "posts 1, 4"],
    ),
    // Their author is generated by the text, and their id by the database.
    (
        "INSERT INTO posts (id, author_id, title) VALUES ({50}, 1 + 1, {'x'})",
        &["post 1", "post 2", "post 4", "nor here", "posts 1, 4"],
    ),
    (
        "DELETE FROM posts WHERE id = {50}",
        &["post 1", "post 2", "post 4", "nor here", "posts 1, 4"],
    ),
    (
        "INSERT INTO posts (author_id, title) VALUES ({2}, {'x'})",
        &["of Ada", "of Chloé"],
    ),
    (
        "DELETE FROM posts WHERE author_id = {2} AND title = {'x'}",
        &["of Ada", "of Chloé"],
    ),
];

#[test]
fn k04_reads_by_other_keys_stay_beside_writes_by_key() {
    let mut blog = Beside::new();
    let generates = super::statements::GENERATES_FROM_70;
    super::catalog_fixture::run(&mut blog.outsider, generates);
    for form in [Sql::bound, Sql::literal] {
        for (template, kept) in WRITES {
            blog.writes(&form(template).into(), kept);
        }
    }
    // The texts of plain connections are known.
    for (template, kept) in WRITES {
        blog.writes_plain(&Sql::literal(template).into(), kept);
    }
    for (template, _) in WRITES {
        blog.writes_plain(&Sql::bound(template).into(), &[]);
    }
}

#[test]
fn k04_reads_by_other_keys_stay_beside_writes_that_diesel_builds() {
    let mut blog = Beside::new();
    let more = || posts::votes.eq(posts::votes + 1);
    let by_id = ["post 2", "post 4", "no post", "nor here"];
    blog.writes(
        &write!(diesel::update(posts::table.find(1)).set(more())),
        &by_id,
    );
    blog.writes(
        &write!(diesel::update(&blog::posts()[0]).set(posts::title.eq("x"))),
        &by_id,
    );
    blog.writes(
        &write!(diesel::update(posts::table.filter(posts::id.eq_any([2, 4]))).set(more())),
        &["post 1", "no post", "nor here"],
    );
    blog.writes(
        &write!(diesel::update(Post::belonging_to(&blog::authors()[1])).set(more())),
        &["of Ada", "of Chloé"],
    );
    blog.writes(
        &write!(diesel::update(Post::belonging_to(&blog::authors()[1..])).set(more())),
        &["of Ada"],
    );
    let new = || (posts::author_id.eq(2), posts::title.eq("new"));
    blog.writes(
        &write!(diesel::insert_into(posts::table).values((posts::id.eq(50), new()))),
        &[
            "post 1",
            "post 2",
            "post 4",
            "nor here",
            "of Ada",
            "of Chloé",
        ],
    );
    blog.writes(
        &write!(diesel::delete(posts::table.find(50))),
        &["post 1", "post 2", "post 4", "nor here"],
    );
    // More rows than can be told apart.
    blog.writes(
        &write!(diesel::update(posts::table.filter(posts::id.eq_any(1..40))).set(more())),
        &[],
    );
}

#[test]
fn k05_children_of_other_parents_stay_beside_writes_for_one() {
    let mut blog = Beside::new();
    blog.writes(
        &write!(diesel::insert_into(posts::table).values(vec![
            (
                posts::id.eq(50),
                posts::author_id.eq(2),
                posts::title.eq("x")
            ),
            (
                posts::id.eq(60),
                posts::author_id.eq(2),
                posts::title.eq("y")
            ),
        ])),
        &["of Ada", "of Chloé"],
    );
    blog.writes(
        &write!(
            diesel::update(
                posts::table
                    .filter(posts::author_id.eq(2))
                    .filter(posts::id.gt(40))
            )
            .set(posts::author_id.eq(3))
        ),
        &["of Ada"],
    );
    blog.writes(
        &write!(diesel::delete(
            Post::belonging_to(&blog::authors()[2]).filter(posts::id.gt(40))
        )),
        &["of Ada", "of Björn"],
    );
}

/// A row by its primary key, beside inserts of others.
#[test]
fn k07_a_row_that_is_not_there_stays_so_beside_inserts_of_others() {
    let mut blog = Beside::new();
    for id in [51, 52, 53] {
        let post = (
            posts::id.eq(id),
            posts::author_id.eq(2),
            posts::title.eq("new"),
        );
        diesel::insert_into(posts::table)
            .values(post)
            .execute(&mut blog.writer.conn)
            .unwrap();
        blog.check("an insert", &["no post", "nor here", "post 1", "of Ada"]);
    }
}

#[test]
fn k12_a_transaction_renews_the_keys_that_it_has_written() {
    let mut blog = Beside::new();
    let bump = |conn: &mut Client, id: i32| {
        diesel::update(posts::table.find(id))
            .set(posts::votes.eq(posts::votes + 1))
            .execute(conn)
    };
    blog.writer
        .conn
        .transaction(|conn| {
            bump(conn, 1)?;
            bump(conn, 2)
        })
        .unwrap();
    blog.check("two updates", &["post 4", "no post"]);
    let undone = blog.writer.conn.transaction(|conn| {
        bump(conn, 1)?;
        Err::<(), _>(Error::RollbackTransaction)
    });
    assert_eq!(undone, Err(Error::RollbackTransaction));
    let all: Vec<_> = blog.reads.iter().map(|(name, _)| *name).collect();
    blog.check("undone", &all);
    blog.writer
        .conn
        .transaction(|conn| {
            bump(conn, 1)?;
            let undone = conn.transaction(|conn| {
                bump(conn, 2)?;
                Err::<(), _>(Error::RollbackTransaction)
            });
            assert_eq!(undone, Err(Error::RollbackTransaction));
            Ok::<_, Error>(())
        })
        .unwrap();
    blog.check("a savepoint is undone", &["post 2", "post 4", "no post"]);
    blog.writer
        .conn
        .transaction(|conn| {
            bump(conn, 1)?;
            conn.batch_execute("UPDATE posts SET votes = votes + 1 WHERE author_id = 2")
        })
        .unwrap();
    blog.check("by two columns", &[]);
    blog.writer
        .conn
        .batch_execute("BEGIN; UPDATE posts SET votes = 5 WHERE id = 4; UPDATE posts SET votes = 6 WHERE id = 2; COMMIT")
        .unwrap();
    blog.check("a batch", &[]);
}

/// `t[k]` of `t[k](a, b)`.
fn without_columns(dependencies: &[String]) -> Vec<&str> {
    let tables = dependencies.iter().filter_map(|it| it.split('(').next());
    tables.collect()
}

#[test]
fn k04_what_a_read_depends_on_is_shown() {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    let mut typed = Typed::of(&world);
    macro_rules! depends {
        ($query:expr, $tables:expr) => {
            let explained = $query.cached(&mut typed.conn).explain().unwrap();
            assert_eq!(without_columns(&explained.dependencies), $tables);
            let explained = $query.cached(&mut world.conn).explain().unwrap();
            assert_eq!(
                without_columns(&explained.dependencies),
                $tables,
                "on a plain connection"
            );
        };
    }
    depends!(posts::table.find(1), ["posts[id]"]);
    depends!(posts::table.filter(posts::id.eq_any([1, 2])), ["posts[id]"]);
    depends!(
        Post::belonging_to(&blog::authors()[0]),
        ["posts[author_id]"]
    );
    depends!(Post::belonging_to(&blog::authors()), ["posts[author_id]"]);
    depends!(
        posts::table
            .find(1)
            .inner_join(authors::table)
            .select((posts::id, authors::id)),
        ["authors", "posts[id]"]
    );
    depends!(
        posts_tags::table.filter(posts_tags::tag_id.eq(1)),
        ["posts_tags[tag_id]"]
    );
    depends!(posts::table.filter(posts::id.gt(1)), ["posts"]);
    depends!(
        posts::table.filter(posts::id.eq(1).or(posts::id.eq(2))),
        ["posts"]
    );
    depends!(posts::table.filter(posts::id.eq_any(1..40)), ["posts"]);
}

/// Those that the correctness of keys is tested with are keyed.
#[test]
fn k09_many_of_the_reads_that_are_compared_are_keyed() {
    let mut world = World::new();
    blog::fill(&mut world.conn);
    let mut reader = Typed::of(&world);
    let mut writer = Typed::on(&world.database, &world.other_process());
    let all = reads::all();
    for read in &all {
        (read.by_type)(&mut reader.conn).unwrap();
        (read.by_type)(&mut writer.conn).unwrap();
    }
    diesel::insert_into(posts::table)
        .values((
            posts::id.eq(77),
            posts::author_id.eq(3),
            posts::title.eq("new"),
        ))
        .execute(&mut writer.conn)
        .unwrap();
    let hits = all.iter().filter(|read| reader.sent(&read.by_type).1 == 0);
    let hits = hits.count();
    assert!(hits * 3 > all.len() * 2, "{hits} of {}", all.len());
}
