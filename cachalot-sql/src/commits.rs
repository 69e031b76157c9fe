//! Statements of MySQL and MariaDB that cause an implicit commit.

use super::cursor::Cursor;

/// Whether the statement commits the open transaction before it runs.
pub(super) fn commits_implicitly(mut at: Cursor<'_, '_>) -> bool {
    let Some(verb) = at.next() else { return false };
    if verb.is_any(&["create", "drop"]) {
        at.eat_all(&["or", "replace"]);
        return !at.sees(&["temporary", "table"]) && !at.sees(&["prepare"]);
    }
    if verb.is_any(&["lock", "unlock"]) {
        return !at.sees(&["instance"]);
    }
    if verb.is("load") {
        return at.sees(&["index"]);
    }
    if verb.is("analyze") {
        return at.sees(&["table"]) || is_maintenance(at);
    }
    if verb.is("reset") {
        return !at.sees(&["persist"]);
    }
    verb.is_any(&[
        "alter",
        "truncate",
        "rename",
        "import",
        "clone",
        "grant",
        "revoke",
        "install",
        "uninstall",
        "cache",
        "check",
        "flush",
        "optimize",
        "repair",
        "change",
        "start",
        "stop",
    ])
}

/// Whether this is `ANALYZE LOCAL TABLE` and not MariaDB's `ANALYZE SELECT`.
pub(super) fn is_maintenance(at: Cursor<'_, '_>) -> bool {
    at.sees(&["local", "table"]) || at.sees(&["no_write_to_binlog", "table"])
}

#[cfg(test)]
mod tests {
    use super::super::{Analysis, Dialect, Effect};

    fn may_commit(sql: &str) -> bool {
        let analysis = Analysis::of(sql, Dialect::Mysql);
        let mut effects = analysis.statements.iter().flat_map(|it| &it.effects);
        effects.any(|effect| {
            matches!(
                effect,
                Effect::ImplicitCommit
                    | Effect::MayControlTransaction
                    | Effect::Begin { .. }
                    | Effect::Autocommit(true)
            )
        })
    }

    #[test]
    fn implicit_commits_are_recognised() {
        for sql in [
            "IMPORT TABLE FROM 'x.sdi'",
            "CLONE LOCAL DATA DIRECTORY = '/x'",
            "ALTER EVENT e DISABLE",
            "ALTER SERVER s OPTIONS (USER 'x')",
            "ALTER INSTANCE RELOAD TLS",
            "CREATE DATABASE d",
            "CREATE ROLE r",
            "CREATE SPATIAL REFERENCE SYSTEM 1 NAME 'x' DEFINITION 'y'",
            "CREATE RESOURCE GROUP g TYPE = USER",
            "CREATE UNDO TABLESPACE u ADD DATAFILE 'u.ibu'",
            "CREATE OR REPLACE TABLE t (a INT)",
            "DROP VIEW v",
            "DROP INDEX i ON t",
            "INSTALL COMPONENT 'file://x'",
            "UNINSTALL PLUGIN p",
            "RENAME USER a TO b",
            "RENAME TABLE a TO b",
            "TRUNCATE TABLE t",
            "GRANT SELECT ON t TO u",
            "REVOKE SELECT ON t FROM u",
            "SET PASSWORD FOR u = 'x'",
            "SET DEFAULT ROLE NONE TO u",
            "LOCK TABLES t WRITE",
            "UNLOCK TABLES",
            "SET autocommit = 1",
            "BEGIN",
            "START TRANSACTION",
            "ANALYZE TABLE t",
            "ANALYZE LOCAL TABLE t",
            "CACHE INDEX t IN c",
            "CHECK TABLE t",
            "FLUSH STATUS",
            "LOAD INDEX INTO CACHE t",
            "OPTIMIZE TABLE t",
            "REPAIR TABLE t",
            "RESET REPLICA",
            "START REPLICA",
            "STOP REPLICA",
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'x'",
            "BACKUP STAGE START",
            "CREATE SEQUENCE s",
            "CREATE TEMPORARY SEQUENCE s",
            "EXECUTE s",
            "CALL p()",
        ] {
            assert!(may_commit(sql), "{sql}");
        }
    }

    #[test]
    fn other_statements_leave_the_transaction_open() {
        for sql in [
            "SET ROLE NONE",
            "LOCK INSTANCE FOR BACKUP",
            "UNLOCK INSTANCE",
            "CHECKSUM TABLE t",
            "RESET PERSIST",
            "KILL 1",
            "SET GLOBAL max_connections = 300",
            "HANDLER t OPEN",
            "DO 1",
            "USE d",
            "SHOW TABLES",
            "CREATE TEMPORARY TABLE t (a INT)",
            "DROP TEMPORARY TABLE t",
            "DEALLOCATE PREPARE s",
            "SAVEPOINT s",
        ] {
            assert!(!may_commit(sql), "{sql}");
        }
    }
}
