//! Prepared statements of SQL: `PREPARE` and `EXECUTE`.

use super::{Dialect, cursor::Cursor, lexer, split::split};

/// What a text does with a prepared statement.
#[derive(Debug, PartialEq, Eq)]
pub enum Prepared {
    /// A statement is prepared.
    Prepare {
        /// The name of the prepared statement.
        name: String,
        /// Its text, if it is a literal.
        sql: Option<String>,
    },
    /// The prepared statement of this name is executed.
    Execute(String),
}

/// Parses a text that is a single `PREPARE` or `EXECUTE`. `None` if it is anything else, or if it is unclear
/// which statement it names.
#[must_use]
pub fn prepared(sql: &str, dialect: Dialect) -> Option<Prepared> {
    let tokens = lexer::lex(sql, dialect)?;
    let [statement] = split(&tokens, dialect)[..] else {
        return None;
    };
    if statement.iter().any(|token| token.conditional) {
        return None;
    }
    let mut at = Cursor::new(statement, dialect);
    let prepares = at.eat("prepare");
    if !prepares && !at.eat("execute") {
        return None;
    }
    let name = name(&mut at)?;
    if prepares {
        let sql = match dialect {
            Dialect::Postgres => {
                at.parenthesised();
                let first = at.eat("as").then(|| at.peek()).flatten()?;
                let start = (first.text.as_ptr() as usize).checked_sub(sql.as_ptr() as usize)?;
                Some(sql.get(start..)?.to_owned())
            }
            _ => match at.rest {
                [from, text] if from.is("from") => text.literal(),
                _ => None,
            },
        };
        return Some(Prepared::Prepare { name, sql });
    }
    // An argument may be any expression.
    let plain = match dialect {
        Dialect::Mysql => at.rest.is_empty() || at.eat("using"),
        _ => true,
    };
    let calls = at.rest.iter().skip(1).any(|token| token.is_symbol("("));
    (plain && !calls).then_some(Prepared::Execute(name))
}

/// The normalised name. `None` if servers may compare it in different ways.
fn name(at: &mut Cursor<'_, '_>) -> Option<String> {
    let token = at.next()?;
    let name = token.identifier()?;
    let quoted = token.text.starts_with(['"', '`']);
    name.is_ascii().then(|| match at.dialect {
        Dialect::Postgres if quoted => name.into_owned(),
        _ => name.to_ascii_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepare(name: &str, sql: Option<&str>) -> Option<Prepared> {
        Some(Prepared::Prepare {
            name: name.to_owned(),
            sql: sql.map(str::to_owned),
        })
    }

    fn execute(name: &str) -> Option<Prepared> {
        Some(Prepared::Execute(name.to_owned()))
    }

    #[test]
    fn a_statement_has_a_name_and_a_text() {
        let postgres = |sql| prepared(sql, Dialect::Postgres);
        let update = Some("UPDATE a SET b = $1::int ; ");
        let text = "/* */ prepare P (int, numeric(9, 2)) as UPDATE a SET b = $1::int ; ";
        assert_eq!(postgres(text), prepare("p", update));
        assert_eq!(
            postgres("PREPARE \"P\" AS SELECT 1"),
            prepare("P", Some("SELECT 1"))
        );
        assert_eq!(postgres("EXECUTE p ('a', 1)"), execute("p"));
        let mysql = |sql| prepared(sql, Dialect::Mysql);
        assert_eq!(
            mysql("PREPARE `S` FROM 'DO ''x'''"),
            prepare("s", Some("DO 'x'"))
        );
        assert_eq!(mysql("EXECUTE S USING @a, @b"), execute("s"));
    }

    #[test]
    fn some_texts_do_not_show_the_statement() {
        for sql in [
            "PREPARE s FROM @v",
            "PREPARE s FROM CONCAT('a', @v)",
            "PREPARE s FROM 'a\\'b'",
        ] {
            assert_eq!(prepared(sql, Dialect::Mysql), prepare("s", None), "{sql}");
        }
        for sql in [
            "EXECUTE IMMEDIATE 'DO 1'",
            "EXECUTE s USING f(1)",
            "PREPARE s FROM 'DO 1'; EXECUTE s",
            "EXECUTE é",
            "/*!50000 EXECUTE s */",
            "DO 1",
        ] {
            assert_eq!(prepared(sql, Dialect::Mysql), None, "{sql}");
        }
        assert_eq!(prepared("EXECUTE p(f(1))", Dialect::Postgres), None);
    }
}
