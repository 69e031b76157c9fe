//! Splits a text into statements.

use super::{Dialect, lexer::Token};

/// The tokens of each statement, without semicolons and empty statements.
///
/// A semicolon inside the body of a trigger or routine (`BEGIN … END`) does not end the statement.
pub(super) fn split<'t, 'a>(tokens: &'t [Token<'a>], dialect: Dialect) -> Vec<&'t [Token<'a>]> {
    let mut statements = Vec::new();
    let mut start = 0;
    let mut body = Body::new(dialect);
    for (at, token) in tokens.iter().enumerate() {
        if token.is_symbol(";") && body.is_closed() {
            statements.extend(tokens.get(start..at));
            start = at + 1;
            body = Body::new(dialect);
        } else {
            let next = tokens.get(at + 1);
            body.enter(token, next, at == start);
        }
    }
    statements.extend(tokens.get(start..));
    statements.retain(|statement| !statement.is_empty());
    statements
}

/// The nesting of a token in the body of a trigger or routine.
struct Body {
    dialect: Dialect,
    /// The statement begins with `CREATE` or `ALTER`.
    defines: bool,
    /// What it defines may have a body.
    routine: bool,
    /// Open `BEGIN`s and `CASE`s.
    blocks: usize,
    /// Open parentheses. A rule of PostgreSQL has its statements in parentheses.
    parentheses: usize,
    /// The token before was `END`.
    ended: bool,
}

impl Body {
    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            defines: false,
            routine: false,
            blocks: 0,
            parentheses: 0,
            ended: false,
        }
    }

    fn is_closed(&self) -> bool {
        self.blocks == 0 && (!self.defines || self.parentheses == 0)
    }

    fn enter(&mut self, token: &Token<'_>, next: Option<&Token<'_>>, first: bool) {
        let followed_by = |words: &[&str]| next.is_some_and(|next| next.is_any(words));
        if first {
            self.defines = token.is_any(&["create", "alter"]);
            // The anonymous block of MariaDB.
            self.routine = token.is("begin") && followed_by(&["not"]);
        }
        if token.is_symbol("(") {
            self.parentheses += 1;
        } else if token.is_symbol(")") {
            self.parentheses = self.parentheses.saturating_sub(1);
        } else if self.defines && self.blocks == 0 {
            self.routine |= token.is_any(&["trigger", "procedure", "function", "event", "package"]);
        }
        let ended = std::mem::replace(&mut self.ended, token.is("end"));
        if !self.routine {
            return;
        }
        if token.is("begin") {
            if self.dialect != Dialect::Postgres || followed_by(&["atomic"]) {
                self.blocks += 1;
            }
        } else if self.blocks > 0 && token.is("case") && !ended {
            self.blocks += 1;
        } else if token.is("end") && !followed_by(&["if", "loop", "while", "repeat", "for"]) {
            self.blocks = self.blocks.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::lexer::lex, *};

    fn firsts(sql: &str, dialect: Dialect) -> Vec<String> {
        let tokens = lex(sql, dialect).expect("text is whole");
        split(&tokens, dialect)
            .iter()
            .map(|s| s[0].text.to_lowercase())
            .collect()
    }

    #[test]
    fn semicolons_in_strings_and_comments_are_ignored() {
        let sql = "SELECT ';' /* ; */; -- ;\n;; UPDATE t SET a = $$;$$; ";
        assert_eq!(firsts(sql, Dialect::Postgres), ["select", "update"]);
    }

    #[test]
    fn a_trigger_is_one_statement() {
        let sql = "CREATE TRIGGER t AFTER INSERT ON a BEGIN \
                   UPDATE b SET c = CASE WHEN 1 THEN 2 END; DELETE FROM d; END; COMMIT";
        assert_eq!(firsts(sql, Dialect::Sqlite), ["create", "commit"]);
    }

    #[test]
    fn a_procedure_is_one_statement() {
        let sql = "CREATE PROCEDURE p() BEGIN IF 1 THEN SELECT 1; END IF; CASE x WHEN 1 THEN \
                   SELECT 2; END CASE; WHILE 1 DO SELECT 3; END WHILE; END; ROLLBACK";
        assert_eq!(firsts(sql, Dialect::Mysql), ["create", "rollback"]);
        let sql = "BEGIN NOT ATOMIC SELECT 1; END; SELECT 2";
        assert_eq!(firsts(sql, Dialect::Mysql), ["begin", "select"]);
        let sql = "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; COMMIT";
        assert_eq!(firsts(sql, Dialect::Postgres), ["create", "commit"]);
        let sql = "CREATE FUNCTION f() RETURNS int AS $$ BEGIN; END $$ LANGUAGE x; COMMIT";
        assert_eq!(firsts(sql, Dialect::Postgres), ["create", "commit"]);
    }

    #[test]
    fn a_rule_keeps_its_statements() {
        let sql = "CREATE RULE r AS ON UPDATE TO a DO ALSO (DELETE FROM b; DELETE FROM c); COMMIT";
        assert_eq!(firsts(sql, Dialect::Postgres), ["create", "commit"]);
    }

    #[test]
    fn a_transaction_is_not_a_body() {
        assert_eq!(
            firsts("BEGIN; SELECT 1; END; SELECT 2", Dialect::Sqlite).len(),
            4
        );
    }
}
