//! Statements that only MariaDB and MySQL take, or understand so.

use super::statement::{Read, reads as all, sql};
use diesel::sql_types::{BigInt, Bool, Double, SmallInt, Text, TinyInt, Unsigned};

/// The type that everything is shown as.
pub(super) const TEXT: &str = "CHAR";

pub(super) const UPDATES: &[&str] = &[
    "UPDATE `posts` SET `votes` = `votes` + 1 WHERE (`posts`.`id` = {2})",
    "UPDATE posts AS p SET p.votes = p.votes + 1 WHERE p.ID = {1}",
    "UPDATE posts p SET votes = votes + 1 WHERE p.id = {1}",
    "UPDATE LOW_PRIORITY posts SET votes = votes + 1 WHERE id = {1}",
    "UPDATE IGNORE posts SET votes = votes + 1 WHERE id = {1}",
    "UPDATE posts, authors AS a SET votes = votes + 1 WHERE a.id = posts.author_id AND a.name = {'Ada'}",
    "UPDATE posts JOIN comments AS k ON k.post_id = posts.id SET posts.votes = posts.votes + 1 WHERE k.id = {3}",
    "UPDATE posts AS p JOIN authors AS a ON a.id = p.author_id SET p.votes = p.votes + 1, a.email = p.votes WHERE p.id = {1}",
    "UPDATE posts AS p JOIN posts AS q ON q.id = p.id + 1 SET q.votes = q.votes + 1 WHERE p.id = {1}",
    "UPDATE posts LEFT JOIN comments AS k ON k.post_id = posts.id SET votes = votes + 1 WHERE k.id IS NULL",
    "UPDATE posts SET votes = votes + 1 WHERE id = '1'",
    "UPDATE posts SET votes = votes + 1 WHERE id = '01'",
    "UPDATE posts SET votes = votes + 1 WHERE id = ' 1.0'",
    "UPDATE posts SET votes = votes + 1 WHERE id = \"2\"",
    "UPDATE posts SET votes = votes + 1 WHERE id = TRUE",
    "UPDATE posts SET votes = votes + 1 WHERE id = 0x01",
    "UPDATE posts SET votes = votes + 1 WHERE id = 1e0",
    "UPDATE posts SET votes = votes + 1 WHERE id <=> {1}",
    "UPDATE posts SET votes = votes + 1 WHERE id = {1} OR 1",
    "UPDATE posts SET votes = votes + 1 WHERE id = {1} || author_id = {2}",
    "UPDATE posts SET votes = votes + 1 WHERE id = {1} XOR author_id = {1}",
    "UPDATE posts SET votes = votes + 1 WHERE id = {1} && author_id = {1}",
    "UPDATE posts SET votes = votes + 1 WHERE ! (id <> {1})",
    "UPDATE posts SET votes = votes + 1 WHERE id = {1} = 1",
    "UPDATE posts SET votes = votes + 1 WHERE author_id = {1} ORDER BY id DESC LIMIT 1",
    "UPDATE posts SET votes = votes + 1 ORDER BY id LIMIT 1",
    "UPDATE posts SET votes = votes + 1 WHERE id = {1} LIMIT 1",
    "UPDATE posts SET votes = votes + 1 WHERE id = {1} /*! OR id = 2 */",
    "UPDATE posts SET votes = votes + 1 WHERE BINARY id = '1'",
];

/// The values of a statement that a name stands for.
pub(super) const PREPARED: &[&str] = &[
    "PREPARE one FROM 'UPDATE posts SET votes = votes + 1 WHERE id = ?'",
    "SET @a = 1",
    "EXECUTE one USING @a",
    "SET @a = 2",
    "EXECUTE one USING @a",
    "UPDATE posts SET votes = votes + 1 WHERE id = @a",
    "UPDATE posts SET votes = votes + 1 WHERE id = (@a := 1)",
    "DEALLOCATE PREPARE one",
];

pub(super) const OTHER_KEYS: &[&str] = &[
    "UPDATE posts SET ID = {60} WHERE `Id` = {2}; UPDATE posts SET posts.id = {2} WHERE `posts`.`id` = {60}",
    "UPDATE posts SET id = {60}, votes = id WHERE id = {2}; UPDATE posts SET votes = id, id = {2} WHERE id = {60}",
    "UPDATE posts JOIN authors AS a ON a.id = {1} SET posts.id = a.id + 59 WHERE posts.id = {2}; UPDATE posts SET id = {2} WHERE id = {60}",
    "UPDATE posts SET id = 59.6 WHERE id = {2}; UPDATE posts SET id = {2} WHERE id = {60}",
    "UPDATE posts SET id = '60' WHERE id = '2'; UPDATE posts SET id = {2} WHERE id = '60.0'",
    "UPDATE posts SET id = id + 100 WHERE id IN ({2}, {4}) ORDER BY id DESC; UPDATE posts SET id = id - 100 WHERE id > {99}",
];

pub(super) const DELETES: &[&str] = &[
    "DELETE QUICK FROM posts WHERE id = {50}",
    "DELETE FROM `posts` WHERE `posts`.`id` = {50} ORDER BY id LIMIT 1",
    "DELETE posts FROM posts JOIN authors AS a ON a.id = posts.author_id WHERE a.id = {2} AND posts.id > {40}",
    "DELETE FROM p USING posts AS p WHERE p.id = {50}",
    "DELETE p, q FROM posts AS p JOIN posts AS q ON q.id = p.id + 1 WHERE p.id = {50}",
    "DELETE FROM posts WHERE id = '50'",
    "DELETE FROM posts WHERE id > {40} ORDER BY id LIMIT 1",
];

pub(super) const MOVES: &[&str] = &[
    "UPDATE posts JOIN authors AS a ON a.name = {'Chloé'} SET author_id = a.id WHERE posts.id = {1}; \
     UPDATE posts SET author_id = {1} WHERE id = {1}",
    "UPDATE posts SET author_id = '2' WHERE author_id = '3'; UPDATE posts SET author_id = {3} WHERE id = {4}",
    "TRUNCATE posts_tags; INSERT INTO posts_tags VALUES ({1}, {1}), ({1}, {2}), ({3}, {2})",
    "TRUNCATE TABLE comments; INSERT INTO comments VALUES ({1}, {1}, {2}, {'first'}), ({2}, {1}, NULL, {'a'}), ({3}, {3}, {1}, {'nice'})",
];

pub(super) const GENERATES_FROM_70: &str = "ALTER TABLE posts AUTO_INCREMENT = 70";

pub(super) const INSERTS: &[&str] = &[
    "INSERT INTO posts VALUES ({50}, {1}, {'x'}, NULL, 0, NULL, 0, NULL)",
    "INSERT INTO posts (id, author_id, title) VALUES (NULL, {2}, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES ({NULL}, {2}, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES (0, {2}, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES ({0}, {2}, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES ('0', {2}, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES (0.2, {2}, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES (DEFAULT, {2}, {'x'}), ({50}, {1}, {'y'}), ({0}, {2}, {'z'})",
    "INSERT INTO posts (`id`, AUTHOR_ID, posts.title) VALUE ({50}, {1}, {'x'})",
    "INSERT posts (id, author_id, title) VALUES ({50}, {1}, {'x'})",
    "INSERT posts SET id = {50}, author_id = {1}, title = {'x'}",
    "INSERT IGNORE INTO posts (id, author_id, title) VALUES ({1}, {1}, {'x'}), ({50}, {2}, {'y'})",
    "INSERT INTO posts (id, author_id, title) VALUES (49.6, {2}, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES (TRUE + 49, {2}, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES (x'3530', {2}, {'x'})",
    "REPLACE INTO posts (id, author_id, title) VALUES ({50}, {1}, {'x'})",
    "REPLACE posts SET author_id = {1}, title = {'x'}",
    "INSERT INTO posts (id, author_id, title) VALUES ({50}, {1}, {'x'}) ON DUPLICATE KEY UPDATE title = {'y'}",
    "INSERT INTO posts (id, author_id, title) SELECT x, 1, 'x' FROM (SELECT 50 AS x) AS n",
];

pub(super) const OTHER_INSERTS: &[&str] = &[
    "INSERT INTO counters () VALUES (); DELETE FROM counters WHERE id < {99}",
    "INSERT INTO counters VALUES (); DELETE FROM counters",
    "INSERT INTO comments (id, post_id, author_id, body) VALUES ({9}, {1}, {NULL}, {'x'}); DELETE FROM comments WHERE id = {9}",
];

pub(super) const UPSERTS: &[&str] = &[
    "INSERT INTO tags (id, label) VALUES ({90}, {'rust'}) ON DUPLICATE KEY UPDATE label = {'r'}; \
     UPDATE tags SET label = {'rust'} WHERE id = {1}",
    "INSERT INTO tags (id, label) VALUES ({1}, {'x'}) ON DUPLICATE KEY UPDATE label = VALUES(label); \
     UPDATE tags SET label = {'rust'} WHERE id = {1}",
    "INSERT INTO tags (id, label) VALUES ({3}, {'z'}) ON DUPLICATE KEY UPDATE id = {90}, label = {'w'}; \
     UPDATE tags SET id = {3}, label = {'unused'} WHERE id = {90}",
    "INSERT INTO tags (id, label) VALUES ({90}, {'unused'}) ON DUPLICATE KEY UPDATE id = VALUES(id); \
     UPDATE tags SET id = {3} WHERE id = {90}",
    "INSERT INTO tags (id, label) VALUES ({90}, {'new'}), ({91}, {'rust'}) ON DUPLICATE KEY UPDATE label = {'r'}; \
     UPDATE tags SET label = {'rust'} WHERE id = {1}; DELETE FROM tags WHERE id = {90}",
    "INSERT IGNORE INTO tags (id, label) VALUES ({90}, {'new'}), ({91}, {'rust'}); DELETE FROM tags WHERE id = {90}",
    "REPLACE INTO tags (id, label) VALUES ({90}, {'unused'}); UPDATE tags SET id = {3} WHERE id = {90}",
    "REPLACE INTO tags (id, label) VALUES ({90}, {'unused'}); REPLACE tags SET label = {'unused'}, id = {3}",
    "REPLACE INTO tags (label) VALUES ({'unused'}); UPDATE tags SET id = {3} WHERE label = {'UNUSED'}",
    "UPDATE IGNORE tags SET label = {'RUST'} WHERE id < 3; UPDATE tags SET label = {'rust'} WHERE id = {1}",
    "REPLACE INTO tags (id, label) SELECT 90, label FROM (SELECT label FROM tags WHERE id = {3}) AS q; UPDATE tags SET id = {3} WHERE id = {90}",
];

pub(super) fn reads() -> Vec<Read> {
    let a_post = |rest: &str| {
        format!(
            "SELECT CAST(id AS TEXT) AS a, CAST(votes AS TEXT) AS b, NULL AS c FROM posts {rest} ORDER BY 1"
        )
    };
    let texts = [
        "WHERE `ID` = {1} AND posts.author_id = {1}",
        "WHERE id = '1'",
        "WHERE id = '1 and more'",
        "WHERE id = \"2\"",
        "WHERE id = TRUE",
        "WHERE id <=> {1}",
        "WHERE id = {1} || votes > {5}",
        "WHERE id = {1} XOR votes > {5}",
        "WHERE id = {1} && author_id = {1}",
        "WHERE ! (id <> {1})",
        "WHERE ! id = {0}",
        "WHERE id = {1} = 1",
        "WHERE id = {1} /*! OR id = 2 */",
        "WHERE BINARY id = '1'",
        "WHERE id = {'1'}",
        "WHERE id IN ({'1'}, 'two', 2.0)",
    ]
    .map(a_post);
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let mut reads = all(&texts);
    let by = |condition: &str| a_post(condition);
    reads.extend([
        sql!(by("WHERE id = ?"), BigInt: 1).into(),
        sql!(by("WHERE id = ?"), Unsigned<BigInt>: 1_u64).into(),
        sql!(by("WHERE id = ?"), SmallInt: 1).into(),
        sql!(by("WHERE id = ?"), TinyInt: 2).into(),
        sql!(by("WHERE id = ?"), Bool: true).into(),
        sql!(by("WHERE id = ?"), Double: 1.0).into(),
        sql!(by("WHERE id = ?"), Text: "1x").into(),
    ]);
    reads
}
