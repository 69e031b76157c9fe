//! Statements that only PostgreSQL takes, or understands so.

use super::statement::{Read, reads as all, sql};
use diesel::sql_types::{Array, BigInt, Double, Integer, Nullable, SmallInt};

/// The type that everything is shown as.
pub(super) const TEXT: &str = "TEXT";

pub(super) const UPDATES: &[&str] = &[
    "UPDATE public.posts SET votes = votes + 1 WHERE id = {1}",
    "UPDATE \"posts\" SET \"votes\" = \"votes\" + 1 WHERE (\"posts\".\"id\" = {2})",
    "UPDATE Posts AS p SET votes = votes + 1 WHERE P.ID = {1}",
    "UPDATE ONLY posts SET votes = votes + 1 WHERE id = {1}",
    "UPDATE posts * SET votes = votes + 1 WHERE id = {1}",
    "UPDATE posts SET (votes, title) = (votes + 1, {'t'}) WHERE id = {1}",
    "UPDATE posts SET (votes, title) = (SELECT 5 + count(*), 'x' FROM comments) WHERE id = {1}; UPDATE posts SET votes = {3} WHERE id = {1}",
    "UPDATE posts SET votes = votes + 1 FROM authors AS a WHERE a.id = posts.author_id AND a.name = {'Ada'}",
    "UPDATE posts SET votes = votes + 1 FROM comments AS k WHERE k.post_id = posts.id AND k.id = {3}",
    "UPDATE posts SET votes = posts.votes + 1 FROM posts AS p WHERE p.id = {1} AND posts.id = p.id + 1",
    "UPDATE posts AS p SET votes = p.votes + 1 FROM posts WHERE posts.id = {1} AND p.id = {2}",
    "UPDATE posts SET votes = votes + 1 WHERE id = '1'",
    "UPDATE posts SET votes = votes + 1 WHERE id = ' 1 '",
    "UPDATE posts SET votes = votes + 1 WHERE id = {1}::bigint",
    "UPDATE posts SET votes = votes + 1 WHERE id::text = {'1'}",
    "UPDATE posts SET votes = votes + 1 WHERE id IS NOT DISTINCT FROM {1}",
    "UPDATE posts SET votes = votes + 1 WHERE id = ANY(CAST(string_to_array('1,2', ',') AS integer[]))",
    "UPDATE posts SET votes = votes + 1 WHERE id = ANY(ARRAY[1, 3])",
    "UPDATE posts SET votes = votes + 1 WHERE id <> ALL(ARRAY[1, 3])",
    "UPDATE posts SET votes = votes + 1 WHERE id = SOME(ARRAY[1])",
    "UPDATE posts SET votes = votes + 1 WHERE id IN (VALUES (1), (2))",
    "UPDATE posts SET votes = votes + 1 WHERE id = {1} RETURNING id",
    "UPDATE posts SET votes = votes + 1 WHERE ROW(id) = ROW(1)",
    "UPDATE posts SET votes = votes + 1 WHERE id OPERATOR(pg_catalog.=) {1}",
    "UPDATE posts SET votes = votes + 1 WHERE id = {1} OR true",
    "WITH first(n) AS (VALUES (1)) UPDATE posts SET votes = votes + 1 WHERE id IN (SELECT n FROM first)",
    "WITH moved AS (UPDATE posts SET votes = votes + 1 WHERE id = {1} RETURNING id) \
     UPDATE posts SET votes = votes + 1 WHERE id = (SELECT id + 1 FROM moved)",
    "WITH changed AS (UPDATE posts SET votes = votes + 1 WHERE id = {1} RETURNING id) SELECT id FROM changed",
    "MERGE INTO posts USING comments AS k ON k.post_id = posts.id AND k.id = {3} WHEN MATCHED THEN UPDATE SET votes = votes + 1",
    "DO $$ BEGIN UPDATE posts SET votes = votes + 1 WHERE id = 1;END $$",
];

/// The values of a statement that a name stands for.
pub(super) const PREPARED: &[&str] = &[
    "PREPARE one (integer) AS UPDATE posts SET votes = votes + 1 WHERE id = $1",
    "EXECUTE one(1)",
    "EXECUTE one(2)",
    "PREPARE two AS UPDATE posts SET author_id = $2 WHERE id = $1",
    "EXECUTE two(1, 2)",
    "EXECUTE two(1, 1)",
    "DEALLOCATE one",
    "DEALLOCATE two",
];

pub(super) const OTHER_KEYS: &[&str] = &[
    "UPDATE posts SET (id, votes) = ({60}, votes + 1) WHERE id = {2}; UPDATE posts SET (votes, id) = ROW(1, {2}) WHERE id = {60}",
    "UPDATE posts SET (id) = (SELECT 60) WHERE id = {2}; UPDATE posts SET ID = {2} WHERE Id = {60}",
    "UPDATE posts SET id = a.id + 59 FROM authors AS a WHERE a.id = {1} AND posts.id = {2}; UPDATE posts SET id = {2} WHERE id = {60}",
    "UPDATE posts SET id = DEFAULT WHERE id = {2}; UPDATE posts SET id = {2} WHERE title = {'Draft'}",
    "UPDATE posts SET id = 59.6 WHERE id = {2}; UPDATE posts SET id = {2} WHERE id = {60}",
    "MERGE INTO posts USING authors AS a ON a.id = {1} AND posts.id = {2} WHEN MATCHED THEN UPDATE SET id = 60; \
     UPDATE posts SET id = {2} WHERE id = {60}",
];

pub(super) const DELETES: &[&str] = &[
    "DELETE FROM ONLY posts WHERE id = {50}",
    "DELETE FROM public.posts AS p WHERE p.id = {50}",
    "DELETE FROM posts WHERE id = {50} RETURNING id",
    "DELETE FROM posts USING authors AS a WHERE a.id = posts.author_id AND a.id = {2} AND posts.id > {40}",
    "DELETE FROM posts USING posts AS p WHERE p.id = {50} AND posts.id = p.id + 1",
    "DELETE FROM posts WHERE id = '50'",
    "DELETE FROM posts WHERE id = ANY(ARRAY[50, 51])",
    "WITH q AS (SELECT max(id) AS n FROM posts) DELETE FROM posts WHERE id = (SELECT n FROM q)",
    "WITH gone AS (DELETE FROM posts WHERE id = {50} RETURNING author_id, title) \
     INSERT INTO posts (id, author_id, title) SELECT 60, author_id, title FROM gone",
    "MERGE INTO posts USING authors AS a ON a.id = {1} AND posts.id >= {50} WHEN MATCHED THEN DELETE",
];

pub(super) const MOVES: &[&str] = &[
    "UPDATE posts SET author_id = a.id FROM authors AS a WHERE a.name = {'Chloé'} AND posts.id = {1}; \
     UPDATE posts SET author_id = {1} WHERE id = {1}",
    "UPDATE posts SET (author_id, votes) = (2, 3) WHERE id = {1}; UPDATE posts SET (votes, author_id) = (4, 1) WHERE id = {1}",
    "TRUNCATE posts_tags; INSERT INTO posts_tags VALUES ({1}, {1}), ({1}, {2}), ({3}, {2})",
    "TRUNCATE comments; INSERT INTO comments VALUES ({1}, {1}, {2}, {'first'}), ({2}, {1}, NULL, {'a'}), ({3}, {3}, {1}, {'nice'})",
];

pub(super) const GENERATES_FROM_70: &str = "ALTER TABLE posts ALTER COLUMN id RESTART WITH 70";

pub(super) const INSERTS: &[&str] = &[
    "INSERT INTO posts VALUES ({50}, {1}, {'x'})",
    "INSERT INTO posts VALUES (DEFAULT, {1}, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES (DEFAULT, {2}, {'x'}), ({50}, {1}, {'y'})",
    "INSERT INTO posts (id, author_id, title) VALUES (nextval(pg_get_serial_sequence('posts', 'id')), {2}, {'x'})",
    "INSERT INTO public.posts AS p (\"id\", AUTHOR_ID, title) VALUES ({50}, {1}, {'x'})",
    "INSERT INTO posts (id, author_id, title) OVERRIDING USER VALUE VALUES ({50}, {1}, {'x'})",
    "INSERT INTO posts (id, author_id, title) OVERRIDING SYSTEM VALUE VALUES ({50}, {1}, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES ({50}, {1}, {'x'}) RETURNING id",
    "INSERT INTO posts (id, author_id, title) VALUES ({1}, {1}, {'x'}), ({50}, {2}, {'y'}) ON CONFLICT DO NOTHING",
    "INSERT INTO posts (id, author_id, title) VALUES ({50}::smallint, {2}::bigint, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES (49.6, {2}, {'x'})",
    "INSERT INTO posts (id, author_id, title) VALUES (' 50 ', {2}, {'x'})",
    "WITH n(x) AS (VALUES (50)) INSERT INTO posts (id, author_id, title) SELECT x, 1, 'x' FROM n",
    "WITH new AS (INSERT INTO posts (id, author_id, title) VALUES ({50}, {1}, {'x'}) RETURNING id) SELECT id FROM new",
    "MERGE INTO posts USING (SELECT 50 AS n) AS q ON q.n = posts.id WHEN NOT MATCHED THEN INSERT (id, author_id, title) VALUES (n, 2, 'x')",
];

pub(super) const OTHER_INSERTS: &[&str] = &[
    "INSERT INTO counters DEFAULT VALUES; DELETE FROM counters WHERE id < {99}",
    "INSERT INTO comments (id, post_id, author_id, body) VALUES ({9}, {1}, {NULL}, {'x'}); DELETE FROM comments WHERE id = {9}",
];

pub(super) const UPSERTS: &[&str] = &[
    "INSERT INTO tags (id, label) VALUES ({90}, {'rust'}) ON CONFLICT (label) DO UPDATE SET label = {'r'}; \
     UPDATE tags SET label = {'rust'} WHERE id = {1}",
    "INSERT INTO tags (id, label) VALUES ({1}, {'x'}) ON CONFLICT (id) DO UPDATE SET label = excluded.label; \
     UPDATE tags SET label = {'rust'} WHERE id = {1}",
    "INSERT INTO tags AS t (id, label) VALUES ({1}, {'x'}) ON CONFLICT ON CONSTRAINT tags_pkey DO UPDATE SET label = {'y'} WHERE t.id = {1}; \
     UPDATE tags SET label = {'rust'} WHERE id = {1}",
    "INSERT INTO tags (id, label) VALUES ({3}, {'z'}) ON CONFLICT (id) DO UPDATE SET id = {90}, label = {'w'}; \
     UPDATE tags SET id = {3}, label = {'unused'} WHERE id = {90}",
    "INSERT INTO tags (id, label) VALUES ({90}, {'unused'}) ON CONFLICT (label) DO UPDATE SET id = excluded.id; \
     UPDATE tags SET id = {3} WHERE id = {90}",
    "INSERT INTO tags (id, label) VALUES ({90}, {'new'}), ({91}, {'rust'}) ON CONFLICT (label) DO UPDATE SET label = {'r'}; \
     UPDATE tags SET label = {'rust'} WHERE id = {1}; DELETE FROM tags WHERE id = {90}",
    "INSERT INTO tags (id, label) VALUES ({90}, {'new'}), ({91}, {'rust'}) ON CONFLICT DO NOTHING; DELETE FROM tags WHERE id = {90}",
    "MERGE INTO tags USING (SELECT 'unused' AS l) AS q ON q.l = tags.label WHEN MATCHED THEN UPDATE SET id = 90; \
     UPDATE tags SET id = {3} WHERE id = {90}",
];

pub(super) fn reads() -> Vec<Read> {
    let a_post = |rest: &str| {
        format!(
            "SELECT CAST(id AS TEXT) AS a, CAST(votes AS TEXT) AS b, NULL AS c FROM posts {rest} ORDER BY 1"
        )
    };
    let texts = [
        "WHERE id = '1'",
        "WHERE id = {1}::bigint",
        "WHERE id::bigint = {1}",
        "WHERE id IS NOT DISTINCT FROM {1}",
        "WHERE id IS DISTINCT FROM {1}",
        "WHERE id = ANY(ARRAY[1, 2])",
        "WHERE id = ANY(SELECT post_id FROM comments)",
        "WHERE id <> ANY(ARRAY[1, 2])",
        "WHERE id = ALL(ARRAY[1])",
        "WHERE id <> ALL(ARRAY[1, 3])",
        "WHERE id IN (VALUES (1), (2))",
        "WHERE ROW(id, author_id) = ROW({1}, {1})",
        "WHERE id OPERATOR(pg_catalog.=) {1}",
        "WHERE (id = {1}) IS DISTINCT FROM true",
        "WHERE posts = (SELECT p FROM posts AS p WHERE p.id = {1})",
        "WHERE \"id\" = {1} AND posts.author_id = {1}",
        "WHERE id = {1} FETCH FIRST 1 ROW ONLY) UNION ALL (SELECT CAST(id AS TEXT), CAST(votes AS TEXT), NULL FROM posts WHERE id = {2}",
    ];
    let texts: Vec<_> = texts
        .map(|rest| match rest.contains("UNION") {
            true => format!("({})", a_post(rest).replace(" ORDER BY 1", "")),
            false => a_post(rest),
        })
        .into();
    let mut texts: Vec<_> = texts.iter().map(String::as_str).collect();
    texts.extend([
        "WITH q AS NOT MATERIALIZED (SELECT * FROM posts) SELECT CAST(id AS TEXT) AS a, CAST(votes AS TEXT) AS b, NULL AS c FROM q WHERE id = {1}",
        "SELECT CAST(p.id AS TEXT) AS a, CAST(q.votes AS TEXT) AS b, NULL AS c FROM posts AS p, \
         LATERAL (SELECT max(votes) AS votes FROM posts WHERE author_id = p.author_id) AS q WHERE p.id = {1}",
        "SELECT CAST(a.id AS TEXT) AS a, CAST(p.id AS TEXT) AS b, CAST(p.votes AS TEXT) AS c FROM authors AS a \
         FULL JOIN posts AS p ON p.author_id = a.id AND p.id = {1} ORDER BY 1, 2",
        "SELECT CAST(id AS TEXT) AS a, name AS b, NULL AS c FROM authors NATURAL JOIN (SELECT author_id AS id FROM posts WHERE id = {1}) AS q",
        "SELECT CAST(count(*) FILTER (WHERE id = {1}) AS TEXT) AS a, CAST(max(votes) AS TEXT) AS b, NULL AS c FROM posts",
        "SELECT CAST(author_id AS TEXT) AS a, CAST(count(*) AS TEXT) AS b, CAST(sum(votes) AS TEXT) AS c FROM posts \
         WHERE author_id = {1} GROUP BY ROLLUP (author_id) ORDER BY 1",
    ]);
    let mut reads = all(&texts);
    let by = |condition: &str| a_post(condition);
    reads.extend([
        sql!(by("WHERE id = $2 AND votes >= $1"), Integer: 0, Integer: 2).into(),
        sql!(by("WHERE id = $1 AND author_id = $1"), Integer: 1).into(),
        sql!(by("WHERE id = $1"), BigInt: 1).into(),
        sql!(by("WHERE id = $1"), SmallInt: 1).into(),
        sql!(by("WHERE id = $1"), Double: 1.0).into(),
        sql!(by("WHERE id = ANY($1)"), Array<Integer>: vec![1, 50]).into(),
        sql!(by("WHERE id = ANY($1)"), Array<BigInt>: vec![1_i64, 2]).into(),
        sql!(by("WHERE id = ANY($1)"), Array<Nullable<Integer>>: vec![None, Some(2)]).into(),
        sql!(by("WHERE id = ANY($1)"), Array<Integer>: Vec::<i32>::new()).into(),
        sql!(by("WHERE id = ANY($1)"), Array<Integer>: (2..40).collect::<Vec<i32>>()).into(),
        sql!(by("WHERE id = ANY($1)"), Array<Array<Integer>>: vec![vec![1, 2], vec![3, 4]]).into(),
        sql!(by("WHERE id <> ALL($1)"), Array<Integer>: vec![1, 2]).into(),
        sql!(by("WHERE id = ANY($1) AND author_id = ANY($2)"), Array<Integer>: vec![1, 3], Array<Integer>: vec![2]).into(),
    ]);
    reads
}
