//! Analyses the body of a routine, a trigger, a rule or a policy: what it names, writes and calls.
//!
//! Bodies are written in procedural languages, for which there is no parser here. Statements that change
//! rows are found by their verbs and analysed like any other. Of the rest every identifier is collected;
//! the code that reads the catalog picks the tables and routines among them.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Dialect, Statement, Writes,
    cursor::Cursor,
    functions,
    functions::Purity,
    keywords,
    lexer::{self, Token, TokenKind, back},
    names, token_scan,
};

/// What a body names, writes and calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// Every identifier in it, normalised.
    pub names: BTreeSet<Arc<str>>,
    /// The tables that its statements write, if the statements could be parsed.
    pub writes: Writes,
    /// Names in statements that change rows and could not be parsed. The tables among them count as
    /// written.
    pub possibly_written: BTreeSet<Arc<str>>,
    /// It uses dynamic SQL or changes the schema: it may write or read any table.
    pub dynamic: bool,
    /// Volatile functions and values that it uses.
    pub volatile: BTreeSet<String>,
    /// Functions and procedures that it calls and that are not known.
    pub unknown_calls: BTreeSet<Arc<str>>,
    /// It contains the keyword `SET`.
    pub sets: bool,
    /// It may begin, commit or roll back a transaction.
    pub may_end_transaction: bool,
    /// Settings that it reads by name (PostgreSQL's `current_setting('name')`).
    pub settings: BTreeSet<String>,
}

/// Verbs of statements that change rows.
const WRITING: &[&str] = &[
    "insert", "update", "delete", "merge", "replace", "truncate", "copy", "refresh", "load",
];

/// Verbs of statements that change more than rows, or that run dynamic SQL.
const DYNAMIC: &[&str] = &[
    "alter", "create", "drop", "execute", "grant", "prepare", "rename", "revoke",
];

/// After these words a verb is not the start of a statement: `FOR UPDATE`, `ON DELETE`, `DUPLICATE KEY UPDATE`.
const BEFORE_NO_VERB: &[&str] = &["key", "on", "of", "before", "after"];

/// Keywords of MySQL statements that begin or end transactions.
const TRANSACTION_WORDS: &[&str] = &[
    "analyze",
    "autocommit",
    "cache",
    "check",
    "commit",
    "flush",
    "lock",
    "optimize",
    "repair",
    "reset",
    "rollback",
    "transaction",
    "truncate",
    "unlock",
    "xa",
];

/// Keywords and types of procedural languages that may be followed by a parenthesis.
const PROCEDURAL: &[&str] = &[
    "bigint",
    "elseif",
    "elsif",
    "enum",
    "int",
    "integer",
    "loop",
    "mediumint",
    "return",
    "returns",
    "smallint",
    "tinyint",
    "until",
    "while",
];

impl Body {
    /// Analyses a body. Never fails: a body that cannot be split into tokens counts as
    /// [dynamic](Self::dynamic).
    #[must_use]
    pub fn of(text: &str, dialect: Dialect) -> Self {
        let Some(tokens) = lexer::lex(text, dialect) else {
            return Self {
                dynamic: true,
                ..Self::default()
            };
        };
        let mut body = Self::default();
        for at in 0..tokens.len() {
            body.token(&tokens, at, dialect);
        }
        body
    }

    fn token(&mut self, tokens: &[Token<'_>], at: usize, dialect: Dialect) {
        let token = &tokens[at];
        let before = back(tokens, at, 1);
        let next = tokens.get(at + 1);
        let is_called = next.is_some_and(|next| next.is_symbol("("));
        let is_part = before.is_some_and(|before| before.is_symbol("."));
        match token.kind {
            TokenKind::Word | TokenKind::Quoted => {}
            // On MySQL a string in double quotes may be an identifier.
            TokenKind::Text if dialect == Dialect::Mysql && token.text.starts_with('"') => {
                self.names
                    .extend(token.literal().map(|name| names::folded(&name)));
                return;
            }
            TokenKind::Text if dialect == Dialect::Postgres => {
                let name = token_scan::volatile_date(token.text.as_bytes());
                self.volatile.extend(name.map(|word| format!("'{word}'")));
                return;
            }
            TokenKind::Variable => {
                self.volatile.insert(token.text.to_ascii_lowercase());
                return;
            }
            _ => return,
        }
        let Some(name) = token.identifier() else {
            return;
        };
        let name = names::folded(&name);
        if token.kind == TokenKind::Word && !is_part {
            let follows = |words: &[&str]| before.is_some_and(|before| before.is_any(words));
            let upsert = follows(&["do"]) && next.is_some_and(|next| next.is("set"));
            let lock = follows(&["for"]) && token.is("update");
            let verb = !is_called && !follows(BEFORE_NO_VERB) && !upsert && !lock;
            if verb && token.is_any(WRITING) {
                self.statement(statement_at(tokens, at), dialect);
            } else if verb && token.is("call") {
                let mut called = Cursor::new(tokens.get(at + 1..).unwrap_or_default(), dialect);
                self.unknown_calls.extend(called.name().map(Arc::from));
            } else if verb && token.is_any(DYNAMIC) {
                self.dynamic = true;
            }
            if token.is("tablesample") {
                self.volatile.insert("tablesample".to_owned());
            }
        }
        if !before.is_some_and(|before| before.is("as"))
            && let Some(volatile) = token_scan::volatile_name(tokens, at, dialect)
        {
            self.volatile.insert(volatile.to_owned());
        }
        if is_called {
            self.call(&name, tokens.get(at + 2..).unwrap_or_default(), dialect);
        }
        self.sets |= token.is("set");
        self.may_end_transaction |= token.is_any(TRANSACTION_WORDS);
        if !is_builtin(tokens, at, &name, dialect) {
            self.names.insert(name);
        }
    }

    fn statement(&mut self, tokens: &[Token<'_>], dialect: Dialect) {
        let statement = Statement::of(tokens, dialect);
        match &statement.writes {
            Writes::Tables(_) if !statement.from_fallback => self.writes.merge(&statement.writes),
            // `TRUNCATE … CASCADE`
            Writes::Everything if !statement.from_fallback => self.dynamic = true,
            _ => {
                let names = tokens.iter().filter_map(Token::identifier);
                self.possibly_written
                    .extend(names.map(|name| names::folded(&name)));
            }
        }
    }

    /// Adds a call. `arguments` are the tokens after its parenthesis.
    fn call(&mut self, name: &Arc<str>, arguments: &[Token<'_>], dialect: Dialect) {
        if dialect == Dialect::Postgres && &**name == "current_setting" {
            match arguments.first().and_then(Token::literal) {
                Some(setting) => self.settings.insert(setting.to_lowercase()),
                None => self.volatile.insert(name.to_string()),
            };
            return;
        }
        if keywords::is_syntax_before_parenthesis(name) || PROCEDURAL.contains(&&**name) {
            return;
        }
        let empty = arguments.first().is_some_and(|token| token.is_symbol(")"));
        match functions::purity(dialect, name, usize::from(!empty)) {
            Purity::Pure | Purity::Dated { .. } => {}
            Purity::Random | Purity::Volatile => {
                self.volatile.insert(name.to_string());
            }
            Purity::Unknown => {
                self.unknown_calls.insert(Arc::clone(name));
            }
        }
    }
}

/// PostgreSQL: whether a name belongs to the server and is not a relation: a function called with
/// `pg_catalog.` before it, that schema itself, or a function like `pg_typeof`.
fn is_builtin(tokens: &[Token<'_>], at: usize, name: &str, dialect: Dialect) -> bool {
    if dialect != Dialect::Postgres {
        return false;
    }
    let next_is = |symbol| {
        tokens
            .get(at + 1)
            .is_some_and(|next| next.is_symbol(symbol))
    };
    if name == "pg_catalog" {
        // Its relations are noted by their own names, which all begin with `pg_`.
        return next_is(".");
    }
    let is_part = back(tokens, at, 1).is_some_and(|before| before.is_symbol("."));
    let schema = back(tokens, at, 2).filter(|_| is_part);
    let schema = schema.and_then(Token::identifier);
    let own = schema.is_some_and(|schema| schema.eq_ignore_ascii_case("pg_catalog"));
    let known = name.starts_with("pg_") && functions::purity(dialect, name, 1) == Purity::Pure;
    next_is("(") && (own || (known && !is_part))
}

/// The statement that begins at a place: up to its semicolon, or to the end of the parentheses that
/// it stands in.
fn statement_at<'t, 'a>(tokens: &'t [Token<'a>], at: usize) -> &'t [Token<'a>] {
    let rest = tokens.get(at..).unwrap_or_default();
    let mut depth = 0_usize;
    let end = rest.iter().position(|token| {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            if depth == 0 {
                return true;
            }
            depth -= 1;
        }
        token.is_symbol(";") && depth == 0
    });
    rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Changes, Columns, Events};

    fn body(text: &str) -> Body {
        Body::of(text, Dialect::Postgres)
    }

    fn written(body: &Body) -> Vec<(&str, Events)> {
        match &body.writes {
            Writes::Nothing => Vec::new(),
            Writes::Tables(tables) => tables.iter().map(|(name, e)| (&**name, e.events)).collect(),
            Writes::Everything => panic!("no statement of a body is known to write everything"),
        }
    }

    #[test]
    fn statements_that_change_rows_are_found_anywhere() {
        let found = body(
            "DECLARE n int; BEGIN
               IF TG_OP = 'INSERT' THEN INSERT INTO log (id) VALUES (NEW.id); END IF;
               FOR r IN SELECT id FROM queue FOR UPDATE LOOP
                 UPDATE totals SET n = n + 1 WHERE id = r.id;
               END LOOP;
               WITH gone AS (DELETE FROM old RETURNING id) SELECT count(*) INTO n FROM gone;
               RETURN NEW;
             END",
        );
        assert_eq!(
            written(&found),
            [
                ("log", Events::INSERT),
                ("old", Events::DELETE),
                ("totals", Events::UPDATE)
            ]
        );
        assert!(found.possibly_written.is_empty() && !found.dynamic);
        assert!(found.names.contains("queue"));
    }

    #[test]
    fn an_update_sets_the_columns_that_it_names() {
        let found = body(
            "DECLARE a int; BEGIN UPDATE t SET n = a WHERE id = NEW.id; \
             INSERT INTO t VALUES (NEW.*) ON CONFLICT (id) DO UPDATE SET m = a; END",
        );
        let changes = Changes {
            events: Events::UPSERT,
            updated: Columns::from_iter(["m", "n"]),
        };
        assert_eq!(found.writes, Writes::table("t".into(), changes));
        // Arrays are not parsed: then any column may be set.
        let found = body("BEGIN UPDATE t SET n[1] = a; UPDATE t SET n = 1; END");
        assert!(found.possibly_written.contains("t"));
    }

    #[test]
    fn an_unparsed_statement_may_write_every_table_it_names() {
        let found = body("BEGIN INSERT INTO log DEFAULT VALUES RETURNING id INTO x; END");
        assert!(found.possibly_written.contains("log") || written(&found)[0].0 == "log");
        let found = body("BEGIN UPDATE a SET (b = 1 WHERE c; END");
        assert!(found.possibly_written.contains("a"));
    }

    #[test]
    fn dynamic_sql_can_do_anything() {
        for text in [
            "BEGIN EXECUTE format('DELETE FROM %I', t); END",
            "BEGIN CREATE TABLE x (a int); END",
            "BEGIN 'open",
            "BEGIN TRUNCATE a CASCADE; END",
        ] {
            assert!(body(text).dynamic, "{text}");
        }
        assert!(!body("SELECT a.execute, \"drop\" FROM a").dynamic);
    }

    #[test]
    fn volatile_values_are_listed() {
        let found = body(
            "tenant = current_setting('App.Tenant', true) AND at < now() AND who = CURRENT_USER",
        );
        assert_eq!(found.settings, BTreeSet::from(["app.tenant".to_owned()]));
        assert_eq!(
            found.volatile,
            BTreeSet::from(["now".to_owned(), "current_user".to_owned()])
        );
        assert!(
            body("x = current_setting(y)")
                .volatile
                .contains("current_setting")
        );
    }

    #[test]
    fn builtin_functions_are_not_relations() {
        let named = |text: &str| -> Vec<String> {
            let names = body(text).names;
            names.iter().map(ToString::to_string).collect()
        };
        assert_eq!(named("SELECT pg_catalog.lower($1)"), ["select"]);
        assert_eq!(
            named("SELECT $1::pg_catalog.text OPERATOR(pg_catalog.=) pg_typeof(b)::text"),
            ["b", "operator", "select", "text"]
        );
        assert_eq!(named("DECLARE a pg_catalog.text"), ["a", "declare", "text"]);
        assert_eq!(named("FROM pg_catalog.\"PG_class\""), ["from", "pg_class"]);
        assert!(body("SELECT pg_catalog.now()").volatile.contains("now"));
    }

    #[test]
    fn a_cursor_can_change_rows_and_a_row_lock_cannot() {
        assert_eq!(
            written(&body("OPEN c FOR DELETE FROM a RETURNING id")),
            [("a", Events::DELETE)]
        );
        assert_eq!(written(&body("SELECT id FROM a FOR UPDATE")), []);
    }

    #[test]
    fn upserts_and_functions_named_like_verbs_are_not_statements() {
        let found = Body::of(
            "INSERT INTO log (a) VALUES (REPLACE('a', 'b', INSERT('c', 1, 1, 'd')))
             ON DUPLICATE KEY UPDATE a = 1; SELECT TRUNCATE(1.5, 0)",
            Dialect::Mysql,
        );
        assert_eq!(written(&found), [("log", Events::UPSERT)]);
        let found = body("INSERT INTO log VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2");
        assert_eq!(written(&found), [("log", Events::UPSERT)]);
    }

    #[test]
    fn sqlite_trigger_bodies_are_plain_statements() {
        let found = Body::of(
            "UPDATE b SET c = CASE WHEN NEW.x THEN 2 END; DELETE FROM d; \
             REPLACE INTO e VALUES (1); SELECT RAISE(ABORT, 'no') WHERE NEW.y",
            Dialect::Sqlite,
        );
        let names: Vec<_> = written(&found).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "d", "e"]);
    }
}
