//! Parses the `CREATE` texts in SQLite's schema table.

use super::{
    Columns, Dialect, Events,
    assignments::column,
    cursor::Cursor,
    lexer::{self, Token},
};

/// What a `CREATE` text defines, as far as it affects the rows of tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Definition {
    /// A table.
    Table {
        /// A new row may replace others (`ON CONFLICT REPLACE`).
        replaces: bool,
        /// Its generated columns.
        generated: Columns,
    },
    /// A view and its query.
    View(String),
    /// A trigger.
    Trigger {
        /// The events that fire it.
        events: Events,
        /// Its condition and its statements.
        body: String,
    },
    /// A virtual table.
    Virtual {
        /// Its module, in lower case.
        module: String,
        /// The module's arguments.
        arguments: String,
    },
}

impl Definition {
    /// Parses a text. `None` if it is none of these or cannot be parsed.
    #[must_use]
    pub fn of_sqlite(sql: &str) -> Option<Self> {
        let tokens = lexer::lex(sql, Dialect::Sqlite)?;
        let mut at = Cursor::new(&tokens, Dialect::Sqlite);
        if !at.eat("create") {
            return None;
        }
        let virtual_table = at.eat("virtual");
        at.skip(&["temp", "temporary"]);
        if at.eat("view") {
            let body = behind(&tokens, "as")?;
            return Some(Self::View(text(body)));
        }
        if at.eat("trigger") {
            return trigger(at);
        }
        if !at.eat("table") {
            return None;
        }
        if !virtual_table {
            let replaces = tokens
                .windows(2)
                .any(|pair| pair[0].is("conflict") && pair[1].is("replace"));
            return Some(Self::Table {
                replaces,
                generated: generated(&tokens),
            });
        }
        let module = behind(&tokens, "using")?;
        let (first, arguments) = module.split_first()?;
        Some(Self::Virtual {
            module: first.identifier()?.to_lowercase(),
            arguments: arguments
                .iter()
                .map(|token| token.literal().unwrap_or_else(|| token.text.to_owned()))
                .collect::<Vec<_>>()
                .join(" "),
        })
    }
}

/// The columns that are defined by `AS (…)` in the parentheses of a `CREATE TABLE`.
fn generated(tokens: &[Token<'_>]) -> Columns {
    let mut columns = Columns::NONE;
    let mut depth = 0_usize;
    // The token at which the definition of a column begins.
    let mut definition = None;
    for (at, token) in tokens.iter().enumerate() {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        if depth == 1 && (token.is_symbol("(") || token.is_symbol(",")) {
            definition = tokens.get(at + 1);
        }
        let follows = tokens.get(at + 1).is_some_and(|next| next.is_symbol("("));
        if depth == 1 && token.is("as") && follows {
            let name = definition.and_then(|first| {
                let name = first.identifier().map(String::from);
                name.or_else(|| first.literal())
            });
            columns.merge(&name.map_or(Columns::All, |name| column(&name)));
        }
    }
    columns
}

/// `name [BEFORE | AFTER | INSTEAD OF] event ON table … BEGIN … END`
fn trigger(mut at: Cursor<'_, '_>) -> Option<Definition> {
    at.eat_all(&["if", "not", "exists"]);
    at.path()?;
    at.skip(&["before", "after", "instead", "of"]);
    let event = at.next()?;
    let events = if event.is("insert") {
        Events::INSERT
    } else if event.is("update") {
        Events::UPDATE
    } else if event.is("delete") {
        Events::DELETE
    } else {
        return None;
    };
    let on = behind(at.rest, "on")?;
    Some(Definition::Trigger {
        events,
        body: text(on),
    })
}

/// What follows the first occurrence of a word outside of parentheses.
fn behind<'t, 'a>(tokens: &'t [Token<'a>], word: &str) -> Option<&'t [Token<'a>]> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && token.is(word) {
            return tokens.get(at + 1..);
        }
    }
    None
}

fn text(tokens: &[Token<'_>]) -> String {
    let mut text = String::new();
    for token in tokens {
        if token.spaced {
            text.push(' ');
        }
        text.push_str(token.text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(sql: &str) -> Option<Definition> {
        Definition::of_sqlite(sql)
    }

    #[test]
    fn a_view_is_its_query() {
        let view = |query: &str| Some(Definition::View(query.to_owned()));
        assert_eq!(
            definition("CREATE TEMP VIEW \"as\" (a, b) AS SELECT x AS y, z FROM t -- t2"),
            view(" SELECT x AS y, z FROM t")
        );
    }

    #[test]
    fn a_trigger_is_its_event_and_the_text_after_its_table() {
        let Some(Definition::Trigger { events, body }) = definition(
            "CREATE TRIGGER IF NOT EXISTS main.t INSTEAD OF UPDATE OF a, \"on\" ON v \
             WHEN NEW.a > (SELECT max(a) FROM u) BEGIN DELETE FROM w; END",
        ) else {
            panic!("a trigger");
        };
        assert_eq!(events, Events::UPDATE);
        assert!(body.ends_with("BEGIN DELETE FROM w; END"), "{body}");
    }

    #[test]
    fn a_virtual_table_is_its_module_and_the_arguments() {
        assert_eq!(
            definition("CREATE VIRTUAL TABLE f USING FTS5(body, content='posts')"),
            Some(Definition::Virtual {
                module: "fts5".to_owned(),
                arguments: "( body , content = posts )".to_owned(),
            })
        );
    }

    #[test]
    fn generated_columns_are_those_defined_by_an_expression() {
        for (columns, generated) in [
            ("a INT, b TEXT DEFAULT (1 + 2)", &[][..]),
            ("a INT, b INT GENERATED ALWAYS AS (a + 1) STORED", &["b"]),
            (
                "\"B\" AS (a, 1), a INT, 'c' INT AS(f(a, (2))), CHECK (a IN (1, 2))",
                &["b", "c"],
            ),
            (
                "a INT CHECK (a = (SELECT 1 AS x)), b NUMERIC(1, 2) AS /* ( */ (a)",
                &["b"],
            ),
        ] {
            let sql = format!("CREATE TABLE t ({columns}) STRICT");
            let Some(Definition::Table {
                generated: found, ..
            }) = definition(&sql)
            else {
                panic!("a table");
            };
            assert_eq!(found, generated.iter().copied().collect(), "{sql}");
        }
    }

    #[test]
    fn other_texts_are_not_definitions() {
        let table = |replaces| {
            let generated = Columns::NONE;
            Some(Definition::Table {
                replaces,
                generated,
            })
        };
        assert_eq!(definition("CREATE TABLE t (a)"), table(false));
        let replaces = "CREATE TABLE t (a PRIMARY KEY ON CONFLICT REPLACE)";
        assert_eq!(definition(replaces), table(true));
        for sql in [
            "",
            "CREATE INDEX i ON t (a)",
            "SELECT 1",
            "CREATE TRIGGER t ON",
        ] {
            assert_eq!(definition(sql), None, "{sql}");
        }
    }
}
