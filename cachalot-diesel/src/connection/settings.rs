//! Settings that do not affect rows: a session that changes one still shares entries with others.

use cachalot_sql::Dialect;

/// PostgreSQL: limits, logging, memory, and settings that affect only writes or other statements. Planner
/// settings are not among them: an approximate index returns other rows than an exact scan.
const POSTGRES: [&str; 44] = [
    "application_name",
    "backend_flush_after",
    "backtrace_functions",
    "check_function_bodies",
    "client_connection_check_interval",
    "client_min_messages",
    "commit_delay",
    "commit_siblings",
    "compute_query_id",
    "deadlock_timeout",
    "default_statistics_target",
    "default_table_access_method",
    "default_tablespace",
    "default_toast_compression",
    "effective_io_concurrency",
    "escape_string_warning",
    "exit_on_error",
    "gin_pending_list_limit",
    "hash_mem_multiplier",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "io_combine_limit",
    "lc_messages",
    "lo_compat_privileges",
    "lock_timeout",
    "logical_decoding_work_mem",
    "maintenance_io_concurrency",
    "maintenance_work_mem",
    "max_stack_depth",
    "parallel_leader_participation",
    "password_encryption",
    "post_auth_delay",
    "statement_timeout",
    "stats_fetch_consistency",
    "synchronous_commit",
    "tcp_user_timeout",
    "temp_buffers",
    "temp_file_limit",
    "temp_tablespaces",
    "trace_notify",
    "trace_sort",
    "transaction_timeout",
    "update_process_title",
    "work_mem",
];

/// PostgreSQL: prefixes of further ones.
const POSTGRES_FAMILIES: [&str; 12] = [
    "auto_explain.",
    "debug_pretty_",
    "debug_print_",
    "jit",
    "log_",
    "max_parallel_",
    "pg_stat_statements.",
    "pgaudit.",
    "tcp_keepalives_",
    "track_",
    "vacuum_",
    "wal_",
];

/// MySQL and MariaDB: the same. Reads that use the current time or the last insert id are not cached.
const MYSQL: [&str; 78] = [
    "alter_algorithm",
    "auto_increment_increment",
    "auto_increment_offset",
    "big_tables",
    "binlog_format",
    "binlog_row_image",
    "binlog_rows_query_log_events",
    "bulk_insert_buffer_size",
    "check_constraint_checks",
    "connect_timeout",
    "deadlock_timeout_long",
    "deadlock_timeout_short",
    "default_storage_engine",
    "default_tmp_storage_engine",
    "enforce_storage_engine",
    "explicit_defaults_for_timestamp",
    "gtid_domain_id",
    "gtid_next",
    "gtid_seq_no",
    "histogram_size",
    "histogram_type",
    "identity",
    "idle_readonly_transaction_timeout",
    "idle_transaction_timeout",
    "idle_write_transaction_timeout",
    "innodb_lock_wait_timeout",
    "innodb_strict_mode",
    "innodb_table_locks",
    "innodb_tmpdir",
    "insert_id",
    "interactive_timeout",
    "join_buffer_size",
    "last_insert_id",
    "lc_messages",
    "lock_wait_timeout",
    "log_bin_trust_function_creators",
    "log_slow_query",
    "log_slow_query_time",
    "log_slow_rate_limit",
    "log_slow_verbosity",
    "log_warnings",
    "long_query_time",
    "max_error_count",
    "max_execution_time",
    "max_heap_table_size",
    "max_sp_recursion_depth",
    "max_statement_time",
    "min_examined_row_limit",
    "net_buffer_length",
    "net_read_timeout",
    "net_retry_count",
    "net_write_timeout",
    "note_verbosity",
    "optimizer_trace",
    "optimizer_trace_max_mem_size",
    "profiling",
    "profiling_history_size",
    "pseudo_thread_id",
    "rand_seed1",
    "rand_seed2",
    "range_alloc_block_size",
    "read_buffer_size",
    "read_rnd_buffer_size",
    "session_track_schema",
    "session_track_state_change",
    "session_track_system_variables",
    "session_track_transaction_info",
    "slow_query_log",
    "sort_buffer_size",
    "sql_log_bin",
    "sql_log_off",
    "sql_notes",
    "sql_warnings",
    "tcp_nodelay",
    "timestamp",
    "tmp_table_size",
    "unique_checks",
    "wait_timeout",
];

/// SQLite: the same. Disabling foreign keys only removes actions of writes.
const SQLITE: [&str; 24] = [
    "analysis_limit",
    "auto_vacuum",
    "automatic_index",
    "busy_timeout",
    "cache_size",
    "cache_spill",
    "checkpoint_fullfsync",
    "defer_foreign_keys",
    "foreign_keys",
    "fullfsync",
    "incremental_vacuum",
    "integrity_check",
    "journal_mode",
    "journal_size_limit",
    "locking_mode",
    "mmap_size",
    "optimize",
    "page_size",
    "query_only",
    "secure_delete",
    "synchronous",
    "temp_store",
    "threads",
    "wal_autocheckpoint",
];

/// Does a change of this setting (by `SET`, `PRAGMA` and the like) never affect rows?
pub(crate) fn never_affects_rows(setting: &str, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Postgres => {
            let mut families = POSTGRES_FAMILIES.iter();
            POSTGRES.contains(&setting) || families.any(|start| setting.starts_with(start))
        }
        Dialect::Mysql => MYSQL.contains(&setting),
        Dialect::Sqlite => SQLITE.contains(&setting),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_that_show_or_select_rows_affect_them() {
        for (dialect, without_effect, with_effect) in [
            (
                Dialect::Postgres,
                ["statement_timeout", "log_statement"],
                ["search_path", "enable_seqscan"],
            ),
            (
                Dialect::Mysql,
                ["innodb_lock_wait_timeout", "timestamp"],
                ["sql_mode", "@mine"],
            ),
            (
                Dialect::Sqlite,
                ["busy_timeout", "cache_size"],
                ["case_sensitive_like", "attach"],
            ),
        ] {
            for name in without_effect {
                assert!(never_affects_rows(name, dialect), "{name}");
            }
            for name in with_effect {
                assert!(!never_affects_rows(name, dialect), "{name}");
            }
        }
    }
}
