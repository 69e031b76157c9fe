//! How MariaDB writes what the others write otherwise.

use cachalot_tests::{Database, mysql, proxy::Proxy, unique};
use diesel::{MysqlConnection, connection::SimpleConnection as _, prelude::*, sql_types::BigInt};
use parking_lot::Mutex;

/// The placeholder of a bind value in raw SQL.
pub(crate) fn parameter(_number: usize) -> String {
    "?".to_owned()
}

/// The schema in which a database's tables are.
pub(crate) fn schema_of(database: &Database) -> String {
    database.name().to_owned()
}

/// Other ways to call a database: what it is, the URL, and what has to live as long.
pub(crate) fn other_names(database: &Database) -> Vec<(&'static str, String, Option<Proxy>)> {
    let url = database.url();
    let (way, over) = Proxy::before(url);
    vec![
        (
            "the host's number in one piece",
            url.replace("127.0.0.1", "2130706433"),
            None,
        ),
        ("another port", over, Some(way)),
    ]
}

/// A URL with a password to the database.
pub(crate) fn with_password(database: &Database, password: &str) -> String {
    let name = unique::name("account");
    let url = database.url();
    let schema = database.name();
    mysql::establish(url)
        .batch_execute(&format!(
            "CREATE USER '{name}'@'%' IDENTIFIED BY '{password}'; \
             GRANT ALL ON {schema}.* TO '{name}'@'%'"
        ))
        .unwrap();
    let (scheme, rest) = url.split_once("://").unwrap();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{name}:{password}@{host}")
}

/// A random number.
pub(crate) const RANDOM: &str = "rand()";

/// What may be another value next time.
pub(crate) const VOLATILE: &[&str] = &[
    "NOW()",
    "now(6)",
    "CURRENT_TIMESTAMP",
    "curdate()",
    "SYSDATE()",
    "UTC_TIMESTAMP()",
    "unix_timestamp()",
    "RAND()",
    "UUID()",
    "UUID_SHORT()",
    "LAST_INSERT_ID()",
    "ROW_COUNT()",
    "FOUND_ROWS()",
    "CONNECTION_ID()",
    "CURRENT_USER()",
    "CURRENT_USER",
    "DATABASE()",
    "GET_LOCK('r16', 0)",
    "SLEEP(0)",
    "@@timestamp",
];

/// Tables that are not the user's.
pub(crate) const CATALOGS: &[&str] = &[
    "information_schema.tables",
    "INFORMATION_SCHEMA.TABLES",
    "mysql.user",
    "`mysql`.`db`",
];

/// What may stand behind a SELECT to lock its rows.
pub(crate) const LOCKS: &[&str] = &["FOR UPDATE", "for update nowait", "LOCK IN SHARE MODE"];

/// Begins a transaction that goes on seeing what it saw first.
pub(crate) const BEGIN_SNAPSHOT: &str = "BEGIN";

/// A name as it must be written if it is no plain word.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{name}`")
}

/// Updates of `posts` that only MariaDB takes; `$T` is a new title, `$N` a new number, `$D` the
/// database.
pub(crate) const RAW_UPDATES: &[&str] = &[
    "UPDATE `posts` SET `title` = '$T' WHERE id = 1",
    "UPDATE $D.posts SET title = '$T' WHERE id = 1",
    "UPDATE `$D` /* . */ . # .\n `posts` SET title = '$T' WHERE id = 1",
    "# first a comment\nUPDATE posts SET title = '$T' WHERE id = 1",
    "UPDATE LOW_PRIORITY IGNORE posts SET title = '$T' WHERE id = 1",
    "UPDATE posts AS tags SET tags.title = '$T' WHERE tags.id = 1",
    "UPDATE posts SET title = \"$T'; DELETE FROM tags; --\" WHERE id = 1",
    "UPDATE authors JOIN posts ON authors.id = author_id SET title = '$T' WHERE posts.id = 1",
    "UPDATE authors a, posts p SET p.title = '$T' WHERE p.author_id = a.id AND p.id = 1",
    "UPDATE posts SET title = '$T' ORDER BY id LIMIT 1",
    "SET STATEMENT max_statement_time = 60 FOR UPDATE posts SET title = '$T' WHERE id = 1",
    "INSERT posts SET id = 901, author_id = 1, title = '$T'",
    "INSERT HIGH_PRIORITY IGNORE posts (id, author_id, title) VALUE (902, 1, '$T')",
    "INSERT INTO posts (id, author_id, title) VALUES (1, 1, 'x') ON DUPLICATE KEY UPDATE title = '$T'",
    "REPLACE posts SET id = 903, author_id = 1, title = '$T'",
    "DELETE p FROM posts AS p JOIN authors AS a ON a.id = p.author_id WHERE p.id = 901",
    "DELETE FROM p USING posts AS p JOIN authors AS a ON a.id = p.author_id WHERE p.id = 902",
    "DELETE QUICK FROM posts WHERE id = 903 ORDER BY id DESC LIMIT 1",
];

/// Updates that only MariaDB takes and that are not understood for certain.
pub(crate) const RAW_SWEEPING: &[&str] = &[
    // With `NO_BACKSLASH_ESCAPES` it would be two statements.
    "UPDATE posts SET title = '$T\\'; DELETE FROM tags; -- ' WHERE id = 1",
    "/*! UPDATE posts SET title = '$T' WHERE id = 1 */",
    "/*!50000 UPDATE posts SET */ title = '$T' WHERE id = 1",
    "/*M! UPDATE posts */ SET title = '$T' WHERE id = 1",
];

/// Batches that only MariaDB takes.
pub(crate) const RAW_BATCHES: &[&str] = &[
    "START TRANSACTION; UPDATE posts SET title = '$T' WHERE id = 1; COMMIT WORK",
    "SET autocommit = 0; UPDATE posts SET title = '$T' WHERE id = 1; SET autocommit = 1",
];

/// Rows that sessions see differently.
pub(crate) const SESSION_ROWS: &str = "\
CREATE TABLE items (value VARCHAR(99) NOT NULL); INSERT INTO items SELECT DATABASE(); \
CREATE TABLE looks (at TIMESTAMP NOT NULL, number DECIMAL(9, 4), word VARCHAR(9)); \
INSERT INTO looks VALUES ('2024-02-29 23:30:00', 1.5, 'größe'), ('2024-03-01 00:30:00', 2, 'b')";

/// Reads of these; each has a column `value`.
pub(crate) const SESSION_READS: &[&str] = &[
    "SELECT value FROM items",
    "SELECT value FROM items WHERE value = @mine",
    "SELECT CAST(at AS CHAR) AS value FROM looks ORDER BY at",
    "SELECT DATE_FORMAT(at, '%M %a') AS value FROM looks ORDER BY at",
    "SELECT CAST(WEEK(at) AS CHAR) AS value FROM looks ORDER BY at",
    "SELECT CAST(number / 7 AS CHAR) AS value FROM looks ORDER BY at",
    "SELECT CAST(word || 'x' AS CHAR) AS value FROM looks ORDER BY at",
    "SELECT GROUP_CONCAT(word ORDER BY at) AS value FROM looks",
    "SELECT CAST('a\nb' REGEXP 'a.b' AS CHAR) AS value FROM looks",
    "SELECT CONCAT(word, 'é') AS value FROM looks",
    "WITH RECURSIVE c AS (SELECT 1 AS n FROM items UNION ALL SELECT n + 1 FROM c WHERE n < 5) \
     SELECT CAST(MAX(n) AS CHAR) AS value FROM c",
];

/// What a borrower may leave behind in a session; `$D` is another database.
pub(crate) const LEFT_BEHIND: &[&str] = &[
    "USE $D",
    "SET time_zone = '+09:00'",
    "SET SESSION sql_mode = 'PIPES_AS_CONCAT'",
    "SET lc_time_names = 'de_DE'",
    "SET @@default_week_format = 3",
    "SET div_precision_increment = 1",
    "SET group_concat_max_len = 4",
    "SET default_regex_flags = 'DOTALL'",
    "SET character_set_client = latin1",
    "SET max_recursive_iterations = 2",
    "SET sql_select_limit = 1",
    "SET @mine = (SELECT value FROM items)",
    "SET @mine := 'nobody'",
    "BEGIN; UPDATE items SET value = 'uncommitted'",
    "SET autocommit = 0; UPDATE items SET value = 'uncommitted'",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
    "CREATE TEMPORARY TABLE items (value VARCHAR(20)); INSERT INTO items VALUES ('temporary')",
    "PREPARE x FROM 'SET time_zone = \"+01:00\"'; EXECUTE x",
];

/// Reads that MariaDB's sessions or grammar keep past the cache: the reason, what the session does
/// before, and the read.
pub(crate) const BYPASSED: &[(&str, &str, &str)] = &[
    (
        "unknown_session",
        "SET sql_auto_is_null = 1",
        "SELECT id FROM tags",
    ),
    (
        "unknown_session",
        "SET completion_type = 'RELEASE'",
        "SELECT id FROM tags",
    ),
    (
        "own_writes",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN; UPDATE tags SET label = 'b'",
        "SELECT id FROM tags",
    ),
    (
        "read_uncommitted",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
        "SELECT id FROM tags",
    ),
    (
        "session_change",
        "",
        "SET STATEMENT max_statement_time = 9 FOR SELECT id FROM tags",
    ),
];

/// Reasons that MariaDB never gives, and those with a test of their own: `c03` of `replicas`, those
/// of `catalog`, and the process that has a cache installed.
pub(crate) const ABSENT_REASONS: &[&str] = &[
    "custom_collation",
    "table_sample",
    "unstorable",
    "expired",
    "replica",
    "untrackable",
    "triggers_not_visible",
    "catalog_unknown",
    "not_tracked",
    "instrumentation_replaced",
];

/// How many transactions wait for a lock on this table.
///
/// InnoDB shows an old state to all who ask within 0.1 s of each other, and the tests share a server.
pub(crate) fn lock_waits(conn: &mut MysqlConnection, database: &Database, table: &str) -> i64 {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    conn.batch_execute("DO SLEEP(0.15)").unwrap();
    if mysql::is_mysql() {
        // Without its performance schema MySQL shows who waits, not for what.
        let waits = format!(
            "SELECT COUNT(*) FROM information_schema.innodb_trx t \
             JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id \
             WHERE t.trx_state = 'LOCK WAIT' AND p.db = '{}' AND t.trx_query LIKE '%{table}%'",
            database.name()
        );
        return diesel::dsl::sql::<BigInt>(&waits).get_result(conn).unwrap();
    }
    let waits = format!(
        "SELECT COUNT(*) FROM information_schema.innodb_locks l \
         JOIN information_schema.innodb_lock_waits w ON w.requested_lock_id = l.lock_id \
         WHERE l.lock_table = '`{}`.`{table}`'",
        database.name()
    );
    diesel::dsl::sql::<BigInt>(&waits).get_result(conn).unwrap()
}

/// What only MariaDB knows, and what MySQL has in its place.
const TRANSLATED: &[(&str, &str)] = &[
    (
        "SET STATEMENT max_statement_time = 60 FOR UPDATE posts SET title = '$T' WHERE id = 1",
        "UPDATE /*+ SET_VAR(max_execution_time = 60000) */ posts SET title = '$T' WHERE id = 1",
    ),
    (
        "/*M! UPDATE posts */ SET title = '$T' WHERE id = 1",
        "/*!80400 UPDATE posts */ SET title = '$T' WHERE id = 1",
    ),
    (
        "SET default_regex_flags = 'DOTALL'",
        "SET collation_connection = 'utf8mb4_bin'",
    ),
    (
        "SET max_recursive_iterations = 2",
        "SET cte_max_recursion_depth = 2",
    ),
    (
        "SET STATEMENT max_statement_time = 9 FOR SELECT id FROM tags",
        "SELECT id FROM tags WHERE id > (@seen := 0)",
    ),
    (
        "truncate table `comments` wait 5",
        "truncate table `comments`",
    ),
    ("VALUES (note('j'))", "VALUES ROW(note('j'))"),
    (
        "RENAME TABLE mine TO tags",
        "ALTER TABLE mine RENAME TO tags",
    ),
    (
        "EXECUTE IMMEDIATE 'ALTER TABLE mine RENAME TO tags'",
        "PREPARE s FROM 'ALTER TABLE mine RENAME TO tags'; EXECUTE s",
    ),
    (
        "EXECUTE IMMEDIATE 'CREATE TEMPORARY TABLE tags AS SELECT 1 AS id, \"hidden\" AS label'",
        "PREPARE s FROM 'CREATE TEMPORARY TABLE tags AS SELECT 1 AS id, \"hidden\" AS label'; EXECUTE s",
    ),
    (
        "SET max_statement_time = 100",
        "SET max_execution_time = 100",
    ),
    (
        "SET old_mode = 'NO_PROGRESS_INFO'",
        "SET windowing_use_high_precision = OFF",
    ),
    (
        "SET standard_compliant_cte = 0",
        "SET cte_max_recursion_depth = 9",
    ),
    (
        "SET old_passwords = 1",
        "SET default_collation_for_utf8mb4 = 'utf8mb4_general_ci'",
    ),
    (
        "SELECT SFORMAT('{} {}', id, name) FROM stones",
        "SELECT FORMAT(id, 2, 'de_DE') FROM stones",
    ),
    (
        "BEGIN NOT ATOMIC DELETE FROM shelf WHERE id = 1; END",
        "PREPARE s FROM 'DELETE FROM shelf WHERE id = 1'; EXECUTE s",
    ),
    (
        "EXECUTE IMMEDIATE concat('DELETE FROM ', 'shelf WHERE id = 2')",
        "SET @text = concat('DELETE FROM ', 'shelf WHERE id = 2'); PREPARE s FROM @text; EXECUTE s",
    ),
];

/// A statement of these lists as this server has it.
pub(crate) fn here(sql: &str) -> &str {
    let mut translated = TRANSLATED.iter().filter(|_| mysql::is_mysql());
    let translated = translated.find(|(mariadb, _)| *mariadb == sql);
    translated.map_or(sql, |(_, mysql)| mysql)
}

/// Else a statement that both know would be run on one only.
#[test]
fn w04_each_server_refuses_what_is_translated_for_it() {
    for (mariadb, _) in TRANSLATED {
        let database = mysql::database();
        let mut conn = mysql::establish(database.url());
        conn.batch_execute(
            "CREATE TABLE shelf (id INTEGER PRIMARY KEY); CREATE TEMPORARY TABLE mine (id INTEGER); \
             CREATE TABLE stones (id INTEGER, name VARCHAR(9)); \
             CREATE FUNCTION note(what VARCHAR(40)) RETURNS VARCHAR(40) NO SQL RETURN what",
        )
        .unwrap();
        let taken = conn.batch_execute(mariadb);
        assert_eq!(taken.is_err(), mysql::is_mysql(), "{mariadb}: {taken:?}");
    }
}
