//! Statements that change the session: `SET`, `RESET`, `DISCARD`, `USE`, `ATTACH`, `PRAGMA`.

use super::{
    Dialect, Effect, Isolation, IsolationScope, Kind, SessionChange, Statement, Uncacheable,
    cursor::Cursor,
    functions::{self, Purity},
    lexer::{Token, TokenKind},
    transaction,
};

/// Analyses the statement if it is one of these.
pub(super) fn read(mut at: Cursor<'_, '_>) -> Option<Statement> {
    let verb = at.next()?;
    match at.dialect {
        Dialect::Postgres if verb.is("set") => set_postgres(at),
        Dialect::Postgres if verb.is("reset") => Some(reset_postgres(at)?.statement()),
        Dialect::Postgres if verb.is("discard") => Some(if at.eat("all") {
            done(SessionChange::All)
        } else {
            quiet()
        }),
        Dialect::Mysql if verb.is("set") => set_mysql(at),
        Dialect::Mysql if verb.is("use") => Some(setting("database")),
        Dialect::Sqlite if verb.is_any(&["attach", "detach"]) => Some(setting("attach")),
        Dialect::Sqlite if verb.is("pragma") => pragma(at),
        _ => None,
    }
}

fn quiet() -> Statement {
    Statement::without_tables(Kind::Session)
}

fn done(change: SessionChange) -> Statement {
    quiet().with_effect(Effect::Session(change))
}

fn setting(name: &str) -> Statement {
    done(SessionChange::Settings(vec![name.to_owned()]))
}

/// A statement that may change any setting and any table.
fn unknown() -> Statement {
    Statement::writes_unbounded(Kind::Session).with_effect(Effect::Session(SessionChange::Unknown))
}

/// What one assignment does.
#[derive(Debug)]
enum Assignment {
    Setting(String),
    All,
    Effect(Effect),
    Nothing,
}

impl Assignment {
    fn statement(self) -> Statement {
        match self {
            Self::Setting(name) => setting(&name),
            Self::All => done(SessionChange::All),
            Self::Effect(effect) => quiet().with_effect(effect),
            Self::Nothing => quiet(),
        }
    }

    fn isolation(isolation: Option<Isolation>, scope: IsolationScope, name: &str) -> Self {
        match isolation {
            Some(isolation) => Self::Effect(Effect::SetIsolation { isolation, scope }),
            None => Self::Setting(name.to_owned()),
        }
    }
}

fn set_postgres(mut at: Cursor<'_, '_>) -> Option<Statement> {
    let local = at.eat("local");
    if at.eat("session") && at.sees(&["characteristics"]) {
        let level = transaction::isolation(at.rest);
        return Some(level.map_or_else(quiet, |isolation| {
            quiet().with_effect(Effect::SetIsolation {
                isolation,
                scope: IsolationScope::Session,
            })
        }));
    }
    if at.eat("transaction") {
        let level = transaction::isolation(at.rest);
        return Some(level.map_or_else(quiet, |isolation| {
            quiet().with_effect(Effect::SetIsolation {
                isolation,
                scope: IsolationScope::Transaction,
            })
        }));
    }
    if at.eat("constraints") {
        return Some(quiet());
    }
    let Some(name) = setting_postgres(&mut at) else {
        return Some(unknown());
    };
    if !at.eat_symbol("=") {
        at.eat("to");
    }
    let level = value(at.rest).as_deref().and_then(Isolation::parse);
    let assignment = match name.as_str() {
        "transaction_isolation" => Assignment::isolation(level, IsolationScope::Transaction, &name),
        // It would apply to later transactions, but it is undone at the end of this one.
        "default_transaction_isolation" if local => Assignment::Nothing,
        "default_transaction_isolation" => {
            Assignment::isolation(level, IsolationScope::Session, &name)
        }
        _ => Assignment::Setting(name),
    };
    Some(assignment.statement())
}

fn reset_postgres(mut at: Cursor<'_, '_>) -> Option<Assignment> {
    if at.eat("all") {
        return Some(Assignment::All);
    }
    at.eat("session");
    if at.eat_all(&["transaction", "isolation", "level"]) {
        return Some(Assignment::Setting("transaction_isolation".into()));
    }
    setting_postgres(&mut at).map(Assignment::Setting)
}

/// The name of a setting, as in `SHOW`.
fn setting_postgres(at: &mut Cursor<'_, '_>) -> Option<String> {
    let name = if at.eat_all(&["time", "zone"]) {
        "timezone"
    } else if at.eat("authorization") {
        "session_authorization"
    } else if at.eat("names") {
        "client_encoding"
    } else if at.eat("schema") {
        "search_path"
    } else if at.eat_all(&["xml", "option"]) {
        "xmloption"
    } else {
        return at.path().map(|path| path.join("."));
    };
    Some(name.to_owned())
}

/// The value of an assignment, if it is a single word or literal.
fn value(tokens: &[Token<'_>]) -> Option<String> {
    let [token] = tokens else { return None };
    match token.kind {
        TokenKind::Word | TokenKind::Number => Some(token.text.to_owned()),
        TokenKind::Quoted => token.identifier().map(Into::into),
        TokenKind::Text => token.literal(),
        _ => None,
    }
}

fn set_mysql(mut at: Cursor<'_, '_>) -> Option<Statement> {
    if at.eat("statement") {
        return Some(set_for_statement(at));
    }
    let mut scope = at;
    let scoped = scope.eat("session") || scope.eat("local");
    let global = !scoped && scope.eat("global");
    if scope.eat("transaction") {
        let scope_of_level = if scoped {
            IsolationScope::Session
        } else {
            IsolationScope::Transaction
        };
        let level = transaction::isolation(scope.rest).filter(|_| !global);
        return Some(level.map_or_else(quiet, |isolation| {
            quiet().with_effect(Effect::SetIsolation {
                isolation,
                scope: scope_of_level,
            })
        }));
    }
    if at.eat("password") || at.eat_all(&["default", "role"]) {
        return Some(quiet().with_effect(Effect::ImplicitCommit));
    }
    if at.eat_all(&["resource", "group"]) {
        return Some(quiet());
    }
    for (words, name) in [
        (["role"].as_slice(), "role"),
        (&["names"], "names"),
        (&["charset"], "character_set"),
        (&["character", "set"], "character_set"),
        (&["char", "set"], "character_set"),
    ] {
        if at.eat_all(words) {
            return Some(setting(name));
        }
    }
    Some(assign_all_mysql(at).unwrap_or_else(unknown))
}

/// A list of assignments. `None` if it could not be parsed.
fn assign_all_mysql(at: Cursor<'_, '_>) -> Option<Statement> {
    // A stored function in a value could do anything.
    if calls_unknown(at.rest) {
        return None;
    }
    let mut statement = quiet();
    let mut settings = Vec::new();
    for item in items(at.rest) {
        match assign_mysql(Cursor::new(item, at.dialect))? {
            Assignment::Setting(name) => settings.push(name),
            Assignment::Effect(effect) => statement.effects.push(effect),
            Assignment::All | Assignment::Nothing => {}
        }
    }
    if !settings.is_empty() {
        statement = statement.with_effect(Effect::Session(SessionChange::Settings(settings)));
    }
    Some(statement)
}

/// `SET STATEMENT setting = value FOR statement` of MariaDB.
fn set_for_statement(at: Cursor<'_, '_>) -> Statement {
    let inner = at.rest.iter().position(|token| token.is("for"));
    let inner = inner.and_then(|at_for| at.rest.get(at_for + 1..));
    match inner.and_then(|tokens| Statement::query(tokens, at.dialect)) {
        Some(statement) if statement.kind != Kind::Select => statement,
        Some(statement) => {
            let why = Some(Uncacheable::Session);
            Statement {
                uncacheable: why.clone(),
                uncacheable_if_pure: why,
                ..statement
            }
        }
        // It may be a `COMMIT`.
        None => unknown().with_effect(Effect::MayControlTransaction),
    }
}

/// Splits at the commas outside of parentheses.
fn items<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let mut depth = 0usize;
    let parts = tokens.split(|token| {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        depth == 0 && token.is_symbol(",")
    });
    parts.collect()
}

fn calls_unknown(tokens: &[Token<'_>]) -> bool {
    tokens.windows(2).any(|pair| {
        let [token, next] = pair else { return false };
        let Some(name) = token.identifier().filter(|_| next.is_symbol("(")) else {
            return false;
        };
        functions::purity(Dialect::Mysql, &name.to_ascii_lowercase(), 1) == Purity::Unknown
    })
}

/// One assignment of MySQL. `None` if it could not be parsed.
fn assign_mysql(mut at: Cursor<'_, '_>) -> Option<Assignment> {
    let first = at.next()?;
    let mut next_transaction_only = false;
    let name = if first.kind == TokenKind::Variable {
        let variable = first.text.to_ascii_lowercase();
        let Some(system) = variable.strip_prefix("@@") else {
            return Some(Assignment::Setting(first.text.to_lowercase()));
        };
        match system.split_once('.') {
            Some(("global" | "persist" | "persist_only", _)) => return Some(Assignment::Nothing),
            Some(("session" | "local", name)) => name.to_owned(),
            Some(_) => system.to_owned(),
            None => {
                next_transaction_only = true;
                system.to_owned()
            }
        }
    } else if first.is_any(&["global", "persist", "persist_only"]) {
        return Some(Assignment::Nothing);
    } else if first.is_any(&["session", "local"]) {
        at.name()?
    } else {
        first.identifier()?.to_lowercase()
    };
    at.eat_symbol(":");
    if !at.eat_symbol("=") {
        return None;
    }
    let value = value(at.rest);
    Some(match name.as_str() {
        "autocommit" => match value.unwrap_or_default().to_ascii_lowercase().as_str() {
            "1" | "on" | "true" => Assignment::Effect(Effect::Autocommit(true)),
            "0" | "off" | "false" => Assignment::Effect(Effect::Autocommit(false)),
            // `DEFAULT` or a variable: only the server knows the value.
            _ => Assignment::Setting(name),
        },
        "transaction_isolation" | "tx_isolation" => {
            let level = value.as_deref().and_then(Isolation::parse);
            // According to the manual, `@@` without a scope sets it only for the next transaction.
            let scope = if next_transaction_only {
                IsolationScope::Transaction
            } else {
                IsolationScope::Session
            };
            Assignment::isolation(level, scope, "transaction_isolation")
        }
        _ => Assignment::Setting(name),
    })
}

/// Pragmas of SQLite that only return something, even with an argument.
const READ_ONLY_PRAGMAS: &[&str] = &[
    "collation_list",
    "compile_options",
    "data_version",
    "database_list",
    "foreign_key_check",
    "foreign_key_list",
    "freelist_count",
    "function_list",
    "incremental_vacuum",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "module_list",
    "optimize",
    "page_count",
    "pragma_list",
    "quick_check",
    "shrink_memory",
    "stats",
    "table_info",
    "table_list",
    "table_xinfo",
    "wal_checkpoint",
];

/// Pragmas of SQLite that change a setting but no row.
const SETTING_PRAGMAS: &[&str] = &[
    "analysis_limit",
    "application_id",
    "auto_vacuum",
    "automatic_index",
    "busy_timeout",
    "cache_size",
    "cache_spill",
    "case_sensitive_like",
    "cell_size_check",
    "checkpoint_fullfsync",
    "count_changes",
    "data_store_directory",
    "default_cache_size",
    "defer_foreign_keys",
    "empty_result_callbacks",
    "encoding",
    "foreign_keys",
    "full_column_names",
    "fullfsync",
    "hard_heap_limit",
    "ignore_check_constraints",
    "journal_mode",
    "journal_size_limit",
    "legacy_alter_table",
    "legacy_file_format",
    "locking_mode",
    "max_page_count",
    "mmap_size",
    "page_size",
    "query_only",
    "read_uncommitted",
    "recursive_triggers",
    "reverse_unordered_selects",
    "secure_delete",
    "short_column_names",
    "soft_heap_limit",
    "synchronous",
    "temp_store",
    "temp_store_directory",
    "threads",
    "trusted_schema",
    "user_version",
    "wal_autocheckpoint",
];

fn pragma(mut at: Cursor<'_, '_>) -> Option<Statement> {
    let name = at.name()?;
    let read_only = at.rest.is_empty() || READ_ONLY_PRAGMAS.contains(&name.as_str());
    Some(if read_only {
        quiet()
    } else if SETTING_PRAGMAS.contains(&name.as_str()) {
        setting(&name)
    } else {
        // `writable_schema`, `schema_version`, and those of other builds.
        let change = SessionChange::Settings(vec![name]);
        Statement::writes_unbounded(Kind::Session).with_effect(Effect::Session(change))
    })
}
