use std::collections::BTreeSet;

use diesel::{
    MysqlConnection, QueryResult, QueryableByName, RunQueryDsl,
    connection::SimpleConnection as _,
    result::{DatabaseErrorKind, Error},
    sql_types::{Nullable, Text},
};

use super::catalog;
use crate::connection::{
    CacheConnection, CatalogAnswer, Counted, Lookup, PlainConnection, Probe, ProbeAnswer,
    ProbeQuestion, Question, Sealed, ServerRole, TemporaryTables,
};
use cachalot_sql::{Isolation, connection::TableName};

/// Variables that affect rows or the format of values, and those that identify the server. `SHOW VARIABLES`
/// omits those that the server does not have. The others concern costs, memory or writes only.
const VARIABLES: &str = "\
'autocommit', 'block_encryption_mode', 'character_set_client', 'character_set_connection', \
'character_set_database', 'character_set_filesystem', 'character_set_results', \
'collation_connection', 'collation_database', 'completion_type', 'cte_max_recursion_depth', \
'datadir', 'default_collation_for_utf8mb4', 'default_regex_flags', 'default_week_format', \
'div_precision_increment', 'foreign_key_checks', 'ft_boolean_syntax', 'group_concat_max_len', \
'hostname', 'lc_time_names', 'low_priority_updates', 'max_allowed_packet', 'max_join_size', \
'max_points_in_geometry', 'max_recursive_iterations', 'max_sort_length', 'old', 'old_mode', \
'old_passwords', 'optimizer_switch', 'port', 'read_only', 'server_id', 'server_uid', \
'server_uuid', 'socket', 'sql_auto_is_null', 'sql_big_selects', 'sql_mode', 'sql_safe_updates', \
'sql_select_limit', 'standard_compliant_cte', 'system_versioning_asof', 'time_zone', \
'transaction_isolation', 'tx_isolation', 'windowing_use_high_precision', 'wsrep_dirty_reads', \
'wsrep_sync_wait'";

/// Those that identify the server.
const SERVER: [&str; 6] = [
    "datadir",
    "hostname",
    "port",
    "server_id",
    "server_uid",
    "server_uuid",
];

/// The server does not list a connection's temporary tables, but counts the statements that created them:
/// MariaDB separately, MySQL together with those that created permanent ones.
const CREATED: &str = "\
SHOW SESSION STATUS \
WHERE Variable_name IN ('Com_create_table', 'Com_create_temporary_table')";

#[derive(QueryableByName)]
struct Variable {
    #[diesel(sql_type = Text, column_name = "Variable_name")]
    name: String,
    #[diesel(sql_type = Text, column_name = "Value")]
    value: String,
}

#[derive(QueryableByName)]
struct Definition {
    #[diesel(sql_type = Text, column_name = "Create Table")]
    text: String,
}

#[derive(QueryableByName)]
struct Code {
    #[diesel(sql_type = Nullable<Text>)]
    code: Option<String>,
}

#[derive(QueryableByName)]
struct Principal {
    #[diesel(sql_type = Nullable<Text>)]
    db: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    account: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    granted_role: Option<String>,
    #[diesel(sql_type = Text)]
    select_limit: String,
}

/// The default of `sql_select_limit`.
const DEFAULT_SELECT_LIMIT: &str = "18446744073709551615";

impl Sealed for MysqlConnection {}

impl PlainConnection for MysqlConnection {}

impl CacheConnection for MysqlConnection {
    fn with_lookup<T>(&mut self, run: impl FnOnce(&mut Lookup<Self>) -> T) -> T {
        run(&mut ())
    }

    fn probe(&mut self, question: &ProbeQuestion) -> QueryResult<ProbeAnswer> {
        let principal: Principal = diesel::sql_query(
            "SELECT DATABASE() AS db, CURRENT_USER() AS account, CURRENT_ROLE() AS granted_role, \
             CAST(@@sql_select_limit AS CHAR) AS select_limit",
        )
        .get_result(self)?;
        // It would also truncate the following queries.
        if principal.select_limit != DEFAULT_SELECT_LIMIT {
            return Err(Error::QueryBuilderError("sql_select_limit is set".into()));
        }
        let mut wanted = VARIABLES.to_owned();
        // Any other name is not that of a variable.
        for name in question.settings.iter().filter(|name| is_plain(name)) {
            wanted.push_str(&format!(", '{name}'"));
        }
        let variables: Vec<Variable> =
            diesel::sql_query(format!("SHOW VARIABLES WHERE Variable_name IN ({wanted})"))
                .load(self)?;
        let value = |name: &str| {
            variables
                .iter()
                .find(|variable| variable.name.eq_ignore_ascii_case(name))
                .map(|variable| variable.value.as_str())
        };
        let on = |name| value(name).is_some_and(|value| !matches!(value, "OFF" | "0"));
        // `id IS NULL` then finds the row inserted last, once.
        if on("sql_auto_is_null") {
            return Err(Error::QueryBuilderError("sql_auto_is_null is set".into()));
        }
        // Then a COMMIT starts another transaction, which the library would not see.
        if value("completion_type").is_some_and(|value| value != "NO_CHAIN") {
            return Err(Error::QueryBuilderError("completion_type is set".into()));
        }
        let created: Vec<Variable> = diesel::sql_query(CREATED).load(self)?;
        let by_themselves = created.iter().find(|count| {
            count
                .name
                .eq_ignore_ascii_case("Com_create_temporary_table")
        });
        let all_counted = by_themselves.is_none();
        let created = by_themselves
            .or(created.first())
            .and_then(|count| count.value.parse().ok())
            .unwrap_or(u64::MAX);
        let mut remaining = Vec::new();
        for table in &question.tables {
            let schema = table.schema.clone().or_else(|| principal.db.clone());
            if is_temporary(self, all_counted, schema.as_deref(), &table.name)? {
                let name = table.name.clone();
                remaining.push(TableName { schema, name });
            }
        }
        let isolation = value("transaction_isolation")
            .or_else(|| value("tx_isolation"))
            .and_then(Isolation::parse);
        let mut encodings = ["character_set_client", "character_set_connection"].into_iter();
        let exact_texts = encodings.all(|name| value(name) == Some("utf8mb4"));
        let mut identity: Vec<_> = [&principal.db, &principal.account, &principal.granted_role]
            .into_iter()
            .map(|part| format!("{part:?}"))
            .collect();
        // Server, database and account: an account sees only the part of the catalog that it has privileges for.
        let mut database: Vec<_> = SERVER
            .into_iter()
            .map(|name| format!("{:?}", value(name)))
            .collect();
        database.extend_from_slice(&identity);
        let mut settings: Vec<_> = variables
            .iter()
            // These affect whether the cache is used, not the rows.
            .filter(|variable| {
                !matches!(
                    variable.name.as_str(),
                    "autocommit"
                        | "completion_type"
                        | "transaction_isolation"
                        | "tx_isolation"
                        | "read_only"
                )
            })
            .map(|variable| format!("{}={}", variable.name, variable.value))
            .collect();
        settings.sort();
        identity.append(&mut settings);
        Ok(ProbeAnswer(Probe {
            database,
            identity,
            isolation,
            autocommit: on("autocommit"),
            hidden_writes: false,
            // Its identity does not change, so entries stored while it accepted writes are still used.
            role: match on("read_only") {
                true => ServerRole::LinkedReplica,
                false => ServerRole::Primary,
            },
            temporary: TemporaryTables::Counted(Counted {
                created,
                all_counted,
                remaining,
            }),
            functions: BTreeSet::new(),
            exact_texts,
            replication: None,
        }))
    }

    fn in_transaction(&mut self) -> Option<bool> {
        let asked = diesel::sql_query("SHOW VARIABLES LIKE 'in_transaction'").load(self);
        let answer: Vec<Variable> = asked.ok()?;
        // Only MariaDB has it.
        match answer.first() {
            Some(variable) => Some(variable.value != "0"),
            None => in_transaction_of_mysql(self),
        }
    }

    fn catalog(&mut self, question: &Question) -> QueryResult<CatalogAnswer> {
        catalog::load(self, question).map(CatalogAnswer)
    }
}

/// Is the table of this name a temporary one? A temporary table hides a permanent one. On MySQL the result
/// of `SHOW CREATE TABLE` cannot be loaded, so any table of the name counts as temporary.
fn is_temporary(
    conn: &mut MysqlConnection,
    is_mysql: bool,
    schema: Option<&str>,
    name: &str,
) -> QueryResult<bool> {
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    let mut path = schema
        .map(|schema| quoted(schema) + ".")
        .unwrap_or_default();
    path.push_str(&quoted(name));
    let ask = format!("SHOW CREATE TABLE {path}");
    if is_mysql {
        return match conn.batch_execute(&ask) {
            Ok(()) => Ok(true),
            Err(Error::DatabaseError(..)) if is_missing(conn)? => Ok(false),
            Err(error) => Err(error),
        };
    }
    let defined: Vec<Definition> = match diesel::sql_query(ask).load(conn) {
        Ok(defined) => defined,
        // For a view the column has another name.
        Err(Error::DeserializationError(_)) => return Ok(false),
        Err(Error::DatabaseError(..)) if is_missing(conn)? => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(defined
        .iter()
        .any(|it| it.text.starts_with("CREATE TEMPORARY")))
}

/// Did the previous statement fail because the table does not exist?
fn is_missing(conn: &mut MysqlConnection) -> QueryResult<bool> {
    const NO_SUCH_TABLE: &str = "1146";
    const NO_SUCH_DATABASE: &str = "1049";
    // Uses the error's number, as its text is in the session's language. It can only be read into a variable.
    conn.batch_execute("GET DIAGNOSTICS CONDITION 1 @cachalot_error = MYSQL_ERRNO")?;
    let code: Code =
        diesel::sql_query("SELECT CAST(@cachalot_error AS CHAR) AS code").get_result(conn)?;
    conn.batch_execute("SET @cachalot_error = NULL")?;
    let code = code.code.unwrap_or_default();
    Ok(code == NO_SUCH_TABLE || code == NO_SUCH_DATABASE)
}

/// MySQL refuses the first assignment inside a transaction, and the second one always. It checks all
/// assignments before it executes any, so nothing changes.
fn in_transaction_of_mysql(conn: &mut MysqlConnection) -> Option<bool> {
    const MODE: &str = "cachalot_no_such_mode";
    let ask = format!("SET @@transaction_isolation = 'SERIALIZABLE', @@sql_mode = '{MODE}'");
    match conn.batch_execute(&ask) {
        // In every language the message contains the mode's name.
        Err(Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _)) => None,
        Err(Error::DatabaseError(_, info)) => Some(!info.message().contains(MODE)),
        _ => None,
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
