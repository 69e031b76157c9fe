//! Statements that only SQLite takes, or understands so.

use super::statement::{Read, reads as all, sql};
use diesel::sql_types::{BigInt, Binary, Double, Integer, Text};

/// The type that everything is shown as.
pub(super) const TEXT: &str = "TEXT";

pub(super) const UPDATES: &[&str] = &[
    "UPDATE main.posts SET votes = votes + 1 WHERE id = {1}",
    "UPDATE [posts] SET votes = votes + 1 WHERE ID = {1}",
    "UPDATE \"posts\" SET \"votes\" = \"votes\" + 1 WHERE (\"posts\".\"id\" = {2})",
    "UPDATE POSTS AS p SET votes = votes + 1 WHERE P.id = {1}",
    "UPDATE OR IGNORE posts SET votes = votes + 1 WHERE id = {1}",
    "UPDATE OR REPLACE posts SET votes = votes + 1 WHERE id = {1}",
    "UPDATE posts SET (votes, title) = (votes + 1, {'t'}) WHERE id = {1}",
    "UPDATE posts SET votes = votes + 1 FROM authors AS a WHERE a.id = posts.author_id AND a.name = {'Ada'}",
    "UPDATE posts SET votes = votes + 1 FROM comments AS k WHERE k.post_id = posts.id AND k.id = {3}",
    "UPDATE posts SET votes = votes + 1 FROM comments AS k WHERE k.id = {1} AND posts.id = {3}",
    "UPDATE posts SET votes = p.votes + 1 FROM posts AS p WHERE p.id = {1} AND posts.id = p.id + 1",
    "UPDATE posts SET votes = votes + 1 WHERE rowid = {1}",
    "UPDATE posts SET votes = votes + 1 WHERE posts._rowid_ = {1}",
    "UPDATE posts SET votes = votes + 1 WHERE id = '1'",
    "UPDATE posts SET votes = votes + 1 WHERE id = ' 1 '",
    "UPDATE posts SET votes = votes + 1 WHERE id = '1.0'",
    "UPDATE posts SET votes = votes + 1 WHERE id IS {1}",
    "UPDATE posts SET votes = votes + 1 WHERE id == {1}",
    "UPDATE posts SET votes = votes + 1 WHERE +id = {1}",
    "UPDATE posts SET votes = votes + 1 WHERE id COLLATE NOCASE = {1}",
    "UPDATE posts SET votes = votes + 1 WHERE id = TRUE",
    "UPDATE posts SET votes = votes + 1 WHERE id = 0x1",
    "UPDATE posts SET votes = votes + 1 WHERE id = 1e0",
    "UPDATE posts SET votes = votes + 1 WHERE id IN (VALUES (1), (2))",
    "UPDATE posts SET votes = votes + 1 WHERE id = {1} RETURNING id",
    "WITH first(n) AS (VALUES (1)) UPDATE posts SET votes = votes + 1 WHERE id IN first",
    "WITH posts(n) AS (VALUES (1)) UPDATE posts SET votes = votes + 1 WHERE id = {1}",
    "UPDATE posts SET votes = votes + 1 WHERE id = {1} OR 1",
];

/// SQL has no names for statements.
pub(super) const PREPARED: &[&str] = &[];

pub(super) const OTHER_KEYS: &[&str] = &[
    "UPDATE posts SET (id, votes) = ({60}, votes + 1) WHERE id = {2}; UPDATE posts SET (votes, id) = (1, {2}) WHERE id = {60}",
    "UPDATE posts SET rowid = {60} WHERE id = {2}; UPDATE posts SET oid = {2} WHERE rowid = {60}",
    "UPDATE posts SET ID = {60} WHERE Id = {2}; UPDATE posts SET \"id\" = {2} WHERE `id` = {60}",
    "UPDATE posts SET id = a.id + 59 FROM authors AS a WHERE a.id = {1} AND posts.id = {2}; \
     UPDATE posts SET id = {2} WHERE id = {60}",
    "UPDATE OR REPLACE posts SET id = {2} WHERE id = {4}; UPDATE posts SET id = {4} WHERE id = {2}; \
     INSERT INTO posts (id, author_id, title, votes) VALUES ({2}, {1}, {'Draft'}, {0})",
];

pub(super) const DELETES: &[&str] = &[
    "DELETE FROM posts WHERE rowid = {50}",
    "DELETE FROM main.posts AS p WHERE p.id = {50}",
    "DELETE FROM posts WHERE id = {50} RETURNING id",
    "DELETE FROM posts WHERE id IS {50}",
    "DELETE FROM posts WHERE id = '50'",
    "WITH q AS (SELECT max(id) AS n FROM posts) DELETE FROM posts WHERE id = (SELECT n FROM q)",
];

pub(super) const MOVES: &[&str] = &[
    "UPDATE posts SET author_id = a.id FROM authors AS a WHERE a.name = {'Chloé'} AND posts.id = {1}; \
     UPDATE posts SET author_id = {1} WHERE id = {1}",
    "UPDATE posts SET (author_id, votes) = (2, 3) WHERE id = {1}; UPDATE posts SET (votes, author_id) = (4, 1) WHERE id = {1}",
];

pub(super) const GENERATES_FROM_70: &str = "SELECT 1";

pub(super) const INSERTS: &[&str] = &[
    "INSERT INTO posts VALUES ({50}, {1}, {'x'}, NULL, 0, NULL, 0, NULL)",
    "INSERT INTO posts (id, author_id, title) VALUES (NULL, {2}, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES ({NULL}, {2}, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES (NULL, {2}, {'x'}), ({50}, {1}, {'y'}), (NULL, {2}, {'x'})",
    "INSERT INTO posts (rowid, author_id, title) VALUES ({50}, {1}, {'x'})",
    "INSERT INTO posts (id, rowid, author_id, title) VALUES ({51}, {50}, {1}, {'x'})",
    "INSERT INTO main.posts AS p (\"id\", [author_id], `title`) VALUES ({50}, {1}, {'x'})",
    "INSERT INTO posts (ID, Author_Id, title) VALUES ({50}, {1}, {'x'}) RETURNING id",
    "INSERT OR IGNORE INTO posts (id, author_id, title) VALUES ({1}, {1}, {'x'}), ({50}, {2}, {'y'})",
    "INSERT INTO posts (id, author_id, title) VALUES ({1}, {1}, {'x'}), ({50}, {2}, {'y'}) ON CONFLICT DO NOTHING",
    "INSERT OR REPLACE INTO posts (id, author_id, title) VALUES ({50}, {1}, {'x'})",
    "REPLACE INTO posts (author_id, title) VALUES ({1}, {'x'})",
    "WITH n(x) AS (VALUES (50)) INSERT INTO posts (id, author_id, title) SELECT x, 1, 'x' FROM n",
    "INSERT INTO posts (id, author_id, title) VALUES (' 50', {2}, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES (5e1, {2}, {'x'})",
];

pub(super) const OTHER_INSERTS: &[&str] = &[
    "INSERT INTO counters DEFAULT VALUES; DELETE FROM counters WHERE id < {9}",
    "INSERT INTO counters (value) VALUES ({7}); DELETE FROM counters",
    "INSERT INTO comments (id, post_id, author_id, body) VALUES ({9}, {1}, {NULL}, {'x'}); DELETE FROM comments WHERE id = {9}",
    "INSERT INTO comments (post_id, body) VALUES ({1}, {'x'}); DELETE FROM comments WHERE id > {3}",
];

pub(super) const UPSERTS: &[&str] = &[
    "INSERT INTO tags (id, label) VALUES ({90}, {'rust'}) ON CONFLICT (label) DO UPDATE SET label = {'r'}; \
     UPDATE tags SET label = {'rust'} WHERE id = {1}",
    "INSERT INTO tags (id, label) VALUES ({1}, {'x'}) ON CONFLICT (id) DO UPDATE SET label = excluded.label; \
     UPDATE tags SET label = {'rust'} WHERE id = {1}",
    "INSERT INTO tags (id, label) VALUES ({3}, {'z'}) ON CONFLICT (id) DO UPDATE SET id = {90}, label = {'w'}; \
     UPDATE tags SET id = {3}, label = {'unused'} WHERE id = {90}",
    "INSERT INTO tags (id, label) VALUES ({90}, {'unused'}) ON CONFLICT (label) DO UPDATE SET id = excluded.id; \
     UPDATE tags SET id = {3} WHERE id = {90}",
    "INSERT INTO tags (id, label) VALUES ({90}, {'new'}), ({91}, {'rust'}) ON CONFLICT (label) DO UPDATE SET label = {'r'}; \
     UPDATE tags SET label = {'rust'} WHERE id = {1}; DELETE FROM tags WHERE id = {90}",
    "INSERT INTO tags (id, label) VALUES ({90}, {'new'}), ({91}, {'rust'}) ON CONFLICT DO NOTHING; DELETE FROM tags WHERE id = {90}",
    "INSERT INTO tags (id, label) VALUES ({1}, {'sql'}) ON CONFLICT (id) DO UPDATE SET label = {'q'} \
     ON CONFLICT (label) DO UPDATE SET label = {'s'}; UPDATE tags SET label = {'rust'} WHERE id = {1}",
    "REPLACE INTO tags (id, label) VALUES ({90}, {'unused'}); UPDATE tags SET id = {3} WHERE id = {90}",
    "INSERT OR REPLACE INTO tags (id, label) VALUES ({90}, {'unused'}); INSERT OR REPLACE INTO tags (id, label) VALUES ({3}, {'unused'})",
    "INSERT OR REPLACE INTO tags (label) VALUES ({'unused'}); UPDATE OR REPLACE tags SET id = {3} WHERE label = {'unused'}",
    "INSERT INTO tags (id, label) VALUES ({90}, {'new'}); UPDATE OR REPLACE tags SET label = {'unused'} WHERE id = {90}; \
     UPDATE tags SET id = {3} WHERE id = {90}",
];

pub(super) fn reads() -> Vec<Read> {
    let a_post = |rest: &str| {
        format!(
            "SELECT CAST(id AS TEXT) AS a, CAST(votes AS TEXT) AS b, NULL AS c FROM posts {rest} ORDER BY 1"
        )
    };
    let texts = [
        "WHERE rowid = {1}",
        "WHERE oid = {2} AND id = {2}",
        "WHERE id IS {1}",
        "WHERE id == {1}",
        "WHERE id IS NOT {1}",
        "WHERE id IN (VALUES (1), (2))",
        "WHERE +id = {1}",
        "WHERE id = {1} OR 1",
        "WHERE [id] = {1} AND \"author_id\" = {1}",
        "WHERE id = '1'",
        "WHERE id = \"id\"",
        "WHERE \"id\" = 'id' OR id = 1",
        "WHERE id = TRUE",
    ]
    .map(a_post);
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let mut reads = all(&texts);
    let by = |condition: &str| a_post(condition);
    reads.extend([
        sql!(by("WHERE id = ?2 AND votes >= ?1"), Integer: 0, Integer: 2).into(),
        sql!(by("WHERE id = ?"), BigInt: 1).into(),
        sql!(by("WHERE id = ?"), Text: "1").into(),
        sql!(by("WHERE id = ?"), Double: 1.0).into(),
        sql!(by("WHERE id = ?"), Binary: b"1").into(),
        sql!(by("WHERE id IN (?, ?)"), Text: "1", Integer: 2).into(),
    ]);
    reads
}
