//! How PostgreSQL writes what the others write otherwise.

use cachalot_tests::{Database, postgres, proxy::Proxy, unique};
use diesel::connection::SimpleConnection as _;

/// The placeholder of a bind value in raw SQL.
pub(crate) fn parameter(number: usize) -> String {
    format!("${number}")
}

/// The schema in which a database's tables are.
pub(crate) fn schema_of(_database: &Database) -> String {
    "public".to_owned()
}

/// Other ways to call a database: what it is, the URL, and what has to live as long.
pub(crate) fn other_names(database: &Database) -> Vec<(&'static str, String, Option<Proxy>)> {
    let url = database.url();
    let (way, over) = Proxy::before(url);
    vec![
        ("host name", url.replace("127.0.0.1", "localhost"), None),
        ("another port", over, Some(way)),
    ]
}

/// A URL with a password to the database.
pub(crate) fn with_password(database: &Database, password: &str) -> String {
    let name = unique::name("account");
    let url = database.url();
    postgres::establish(url)
        .batch_execute(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD '{password}'; \
             GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}"
        ))
        .unwrap();
    let (scheme, rest) = url.split_once("://").unwrap();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{name}:{password}@{host}")
}

/// A random number.
pub(crate) const RANDOM: &str = "random()";

/// What may be another value next time.
pub(crate) const VOLATILE: &[&str] = &[
    "now()",
    "NOW()",
    "pg_catalog.now()",
    "clock_timestamp()",
    "statement_timestamp()",
    "CURRENT_TIMESTAMP",
    "current_timestamp(3)",
    "CURRENT_DATE",
    "localtime",
    "timeofday()",
    "age(timestamp '2000-01-01')",
    "random()",
    "gen_random_uuid()",
    "nextval('authors_id_seq')",
    "txid_current()",
    "pg_backend_pid()",
    "current_user",
    "session_user",
    "current_setting('work_mem')",
    "pg_try_advisory_lock(1)",
];

/// Tables that are not the user's.
pub(crate) const CATALOGS: &[&str] = &[
    "pg_class",
    "pg_catalog.pg_class",
    "information_schema.tables",
    "\"pg_stat_activity\"",
];

/// What may stand behind a SELECT to lock its rows.
pub(crate) const LOCKS: &[&str] = &[
    "FOR UPDATE",
    "for update of posts nowait",
    "FOR NO KEY UPDATE",
    "FOR SHARE SKIP LOCKED",
    "FOR KEY SHARE",
];

/// Begins a transaction that goes on seeing what it saw first.
pub(crate) const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ";

/// A name as it must be written if it is no plain word.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// Updates of `posts` that only PostgreSQL takes; `$T` is a new title, `$N` a new number, `$D` the
/// database.
pub(crate) const RAW_UPDATES: &[&str] = &[
    "UPDATE POSTS SET TITLE = '$T' WHERE ID = 1",
    "UPDATE \"posts\" SET \"title\" = '$T' WHERE id = 1",
    "UPDATE public.posts SET title = '$T' WHERE id = 1",
    "UPDATE \"public\" /* . */ . -- .\n \"posts\" SET title = '$T' WHERE id = 1",
    "UPDATE \"$D\".public.posts SET title = '$T' WHERE id = 1",
    "UPDATE U&\"p\\006fsts\" SET title = '$T' WHERE id = 1",
    "UPDATE ONLY posts SET title = '$T' WHERE id = 1",
    "UPDATE posts * SET title = '$T' WHERE id = 1",
    "UPDATE posts AS tags SET title = '$T' WHERE tags.id = 1",
    "UPDATE posts SET (title, body) = ('$T', 'x') WHERE id = 1",
    "UPDATE posts SET title = E'$T\\'; --' WHERE id = 1",
    "UPDATE posts SET title = $q$$T'; DELETE FROM tags; --$q$ WHERE id = 1",
    "/* one /* two */ three */ UPDATE posts SET title = '$T' WHERE id = 1",
    "UPDATE posts SET title = '$T' FROM authors WHERE authors.id = posts.author_id AND posts.id = 1",
    "WITH first AS (SELECT 1 AS id) UPDATE posts SET title = '$T' FROM first WHERE posts.id = first.id",
    "INSERT INTO posts AS p (id, author_id, title) VALUES (1, 1, 'x') \
     ON CONFLICT (id) DO UPDATE SET title = '$T' WHERE p.id = 1",
    "INSERT INTO posts (id, author_id, title) OVERRIDING SYSTEM VALUE VALUES ($N, 1, '$T')",
    "DELETE FROM posts USING authors WHERE authors.id = posts.author_id AND posts.id > 999",
];

/// Updates that only PostgreSQL takes and that are not understood for certain.
pub(crate) const RAW_SWEEPING: &[&str] =
    &["UPDATE U&\"p!006fsts\" UESCAPE '!' SET title = '$T' WHERE id = 1"];

/// Batches that only PostgreSQL takes.
pub(crate) const RAW_BATCHES: &[&str] = &[
    ";; UPDATE posts SET title = '$T' WHERE id = 1; ;",
    "START TRANSACTION; UPDATE posts SET title = '$T' WHERE id = 1; END",
];

/// Rows that sessions see differently, and another schema that has such a table.
pub(crate) const SESSION_ROWS: &str = "\
CREATE TABLE items (value text NOT NULL); INSERT INTO items VALUES ('public'); \
CREATE SCHEMA b; CREATE TABLE b.items (value text NOT NULL); INSERT INTO b.items VALUES ('b'); \
CREATE TABLE looks (at timestamptz, number float8, bytes bytea, span interval); \
INSERT INTO looks VALUES ('2024-02-29 23:30:00+00', 0.1, '\\x00ff', '1 day 02:03:04'); \
CREATE EXTENSION pg_trgm";

/// Reads of these; each has a column `value`.
pub(crate) const SESSION_READS: &[&str] = &[
    "SELECT value FROM items",
    "SELECT at::text AS value FROM looks",
    "SELECT to_char(at, 'YYYY-MM-DD HH24 TZ') AS value FROM looks",
    "SELECT number::text AS value FROM looks",
    "SELECT bytes::text AS value FROM looks",
    "SELECT span::text AS value FROM looks",
    "SELECT quote_ident(value) AS value FROM items",
    "SELECT (value % 'publi')::text AS value FROM public.items",
];

/// What a borrower may leave behind in a session.
pub(crate) const LEFT_BEHIND: &[&str] = &[
    "SET search_path TO b",
    "SELECT set_config('search_path', 'b', false)",
    "DO $$ BEGIN PERFORM set_config('search_path', 'b', false); END $$",
    "SET ROLE pg_monitor",
    "SET ROLE pg_read_all_data",
    "SET SESSION AUTHORIZATION pg_monitor",
    "SET TIME ZONE 'Asia/Tokyo'",
    "SET datestyle = 'German'",
    "SET extra_float_digits = -15",
    "SET bytea_output = 'escape'",
    "SET intervalstyle = 'iso_8601'",
    "SET app.name = 'somebody'",
    "SET quote_all_identifiers = on",
    "SET pg_trgm.similarity_threshold = 0.99",
    "BEGIN; UPDATE items SET value = 'uncommitted'",
    "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM items",
    "SET default_transaction_isolation = 'serializable'; BEGIN",
    "CREATE TEMPORARY TABLE items (value text); INSERT INTO items VALUES ('temporary')",
    "CREATE TEMPORARY VIEW items AS SELECT text 'a view' AS value",
];

/// Reads that PostgreSQL's sessions or grammar keep past the cache: the reason, what the session
/// does before, and the read.
pub(crate) const BYPASSED: &[(&str, &str, &str)] = &[
    (
        "untrackable",
        "CREATE FOREIGN DATA WRAPPER away; CREATE SERVER far FOREIGN DATA WRAPPER away; \
         CREATE FOREIGN TABLE remote (id integer) SERVER far",
        "SELECT id FROM remote",
    ),
    (
        "table_sample",
        "",
        "SELECT id FROM tags TABLESAMPLE SYSTEM (100)",
    ),
    (
        "own_writes",
        "BEGIN; UPDATE tags SET label = 'b'",
        "SELECT id FROM tags",
    ),
    (
        "unknown_session",
        "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_postmaster_start_time() FROM PUBLIC; \
         SET ROLE pg_read_all_data",
        "SELECT id FROM tags",
    ),
    (
        "session_change",
        "",
        "SELECT id FROM tags WHERE set_config('a.b', 'c', false) <> ''",
    ),
];

/// Reasons that PostgreSQL never gives, and those with a test of their own: `c03` of `replicas`,
/// `w08` of `catalog`, and the process that has a cache installed.
pub(crate) const ABSENT_REASONS: &[&str] = &[
    "custom_collation",
    "read_uncommitted",
    "unstorable",
    "expired",
    "replica",
    "triggers_not_visible",
    "catalog_unknown",
    "not_tracked",
    "instrumentation_replaced",
];

/// A statement of these lists as this server has it.
pub(crate) fn here(sql: &str) -> &str {
    sql
}
