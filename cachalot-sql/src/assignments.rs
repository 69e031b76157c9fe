//! Which columns of the row that is being written a trigger sets: `NEW.a := 1`, `SET NEW.a = 1`.
//!
//! Errs on the side of more columns: what is not surely a read counts as set, and any use of the whole row
//! that is not surely a read counts as setting all.

use super::{
    Columns, Dialect,
    lexer::{self, Token, TokenKind, back},
};

/// The names of the rows that a trigger sees. It can assign to both, and either can become the new row.
const ROWS: [&str; 2] = ["new", "old"];

/// After these words a statement of a procedural language begins.
const BEFORE_STATEMENT: &[&str] = &["begin", "declare", "do", "else", "loop", "then"];

/// Words of statements that set what they name elsewhere than at their beginning: `SELECT … INTO NEW.a`,
/// `GET DIAGNOSTICS NEW.a = …`, `CALL p(NEW.a)`, `FOR NEW.a IN …`, `x ALIAS FOR NEW`.
const SETTING_ELSEWHERE: &[&str] = &["alias", "call", "fetch", "for", "foreach", "get", "into"];

/// The column of this name; all columns, if the name does not tell which one it is.
#[must_use]
pub fn column(name: &str) -> Columns {
    let mut columns = Columns::NONE;
    columns.insert(name);
    columns
}

/// The columns of the row being written that the body of a trigger may set.
#[must_use]
pub fn assigned_columns(body: &str, dialect: Dialect) -> Columns {
    let Some(tokens) = lexer::lex(body, dialect) else {
        return Columns::All;
    };
    let elsewhere = (0..tokens.len()).any(|at| sets_elsewhere(&tokens, at, dialect));
    let mut columns = Columns::NONE;
    for (at, token) in tokens.iter().enumerate() {
        if dialect == Dialect::Postgres && token.is("return") && !returns_row(&tokens, at) {
            return Columns::All;
        }
        if !is_row(token) {
            continue;
        }
        if has_prefix(&tokens, at) {
            return Columns::All;
        }
        let set = elsewhere || is_target(&tokens, at);
        match column_at(&tokens, at) {
            Some(name) if set => columns.insert(&name),
            None if set && !is_read(&tokens, at) => return Columns::All,
            _ => {}
        }
    }
    columns
}

/// Is there a word from [`SETTING_ELSEWHERE`], except the `INTO` of an `INSERT`?
fn sets_elsewhere(tokens: &[Token<'_>], at: usize, dialect: Dialect) -> bool {
    let inserts: &[&str] = match dialect {
        Dialect::Mysql => &[
            "delayed",
            "high_priority",
            "ignore",
            "insert",
            "low_priority",
            "replace",
        ],
        _ => &["insert", "merge"],
    };
    let inserted = back(tokens, at, 1).is_some_and(|before| before.is_any(inserts));
    let token = &tokens[at];
    token.is_any(SETTING_ELSEWHERE) && !(token.is("into") && inserted)
}

/// Does a `RETURN` of PostgreSQL return one of the rows, or none?
fn returns_row(tokens: &[Token<'_>], at: usize) -> bool {
    let row = tokens.get(at + 1);
    let end = tokens.get(at + 2);
    row.is_some_and(|row| is_row(row) || row.is("null")) && end.is_none_or(|end| end.is_symbol(";"))
}

fn is_row(token: &Token<'_>) -> bool {
    identifier(token).is_some_and(|name| is_row_name(&name))
        // `:NEW` in MariaDB's Oracle mode.
        || (token.kind == TokenKind::Parameter && token.text.get(1..).is_some_and(is_row_name))
}

fn is_row_name(name: &str) -> bool {
    ROWS.iter().any(|row| row.eq_ignore_ascii_case(name))
}

/// In MySQL's mode `ANSI_QUOTES` a text in double quotes is an identifier.
fn identifier(token: &Token<'_>) -> Option<String> {
    let quoted = token.kind == TokenKind::Text && token.text.starts_with('"');
    let name = token.identifier().map(String::from);
    name.or_else(|| token.literal().filter(|_| quoted))
}

/// Is the row named in a way that is not followed here: `block.NEW`, `:NEW`?
fn has_prefix(tokens: &[Token<'_>], at: usize) -> bool {
    let before = back(tokens, at, 1);
    tokens[at].kind == TokenKind::Parameter
        || before.is_some_and(|before| before.is_symbol(".") || before.is_symbol(":"))
}

/// The column that follows the name of a row.
fn column_at(tokens: &[Token<'_>], at: usize) -> Option<String> {
    let dot = tokens.get(at + 1)?;
    identifier(tokens.get(at + 2)?).filter(|_| dot.is_symbol("."))
}

/// Does a row or its column stand where a statement assigns: at its beginning or, after a `SET` or a comma,
/// before an equals sign?
fn is_target(tokens: &[Token<'_>], at: usize) -> bool {
    let Some(before) = back(tokens, at, 1) else {
        return true;
    };
    let equals = || {
        let next = tokens.get(at + 1..at + 4).unwrap_or_default();
        next.iter().any(|it| it.is_symbol("=") || it.is_symbol(":"))
    };
    before.is_symbol(";")
        || before.is_any(BEFORE_STATEMENT)
        // The end of a label.
        || (before.is_symbol(">") && back(tokens, at, 2).is_some_and(|it| it.is_symbol(">")))
        || before.is("set")
        || (before.is_symbol(",") && equals())
}

/// Is the whole row surely read: `RETURN NEW`, `NEW.* IS DISTINCT FROM OLD.*`?
fn is_read(tokens: &[Token<'_>], at: usize) -> bool {
    let is_symbol = |at: usize, symbol| tokens.get(at).is_some_and(|it| it.is_symbol(symbol));
    let all_columns = is_symbol(at + 1, ".") && is_symbol(at + 2, "*");
    let next = tokens.get(if all_columns { at + 3 } else { at + 1 });
    let before = |steps, word| back(tokens, at, steps).is_some_and(|it| it.is(word));
    before(1, "return")
        || (before(1, "from") && before(2, "distinct"))
        || next.is_some_and(|next| next.is("is"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(body: &str) -> Columns {
        assigned_columns(body, Dialect::Postgres)
    }

    fn mysql(body: &str) -> Columns {
        assigned_columns(body, Dialect::Mysql)
    }

    fn named(names: &[&str]) -> Columns {
        names.iter().copied().collect()
    }

    #[test]
    fn diesels_own_trigger_sets_one_column() {
        let body = "
            BEGIN
                IF (
                    NEW IS DISTINCT FROM OLD AND
                    NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at
                ) THEN
                    NEW.updated_at := current_timestamp;
                END IF;
                RETURN NEW;
            END;
            ";
        assert_eq!(postgres(body), named(&["updated_at"]));
    }

    #[test]
    fn assignments_are_told_from_reads() {
        for (body, columns) in [
            ("BEGIN RETURN NEW; END", &[][..]),
            ("BEGIN RETURN NULL; END", &[]),
            (
                "BEGIN NEW.slug = lower(NEW.title); RETURN NEW; END",
                &["slug"],
            ),
            ("BEGIN new.\"Slug\" := NEW.a; RETURN new; END", &["slug"]),
            (
                "BEGIN NEW.tags[1] := 'x'; NEW.point.x := 1; RETURN NEW; END",
                &["point", "tags"],
            ),
            (
                "BEGIN IF NEW.a > OLD.b THEN NEW.c := 1; ELSE NEW.d := 2; END IF; RETURN NEW; END",
                &["c", "d"],
            ),
            ("<<b>> BEGIN OLD.a := 1; RETURN OLD; END", &["a"]),
            (
                "BEGIN INSERT INTO log VALUES (NEW.a, to_jsonb(NEW)); RETURN NEW; END",
                &[],
            ),
            (
                "BEGIN IF NEW.* IS DISTINCT FROM OLD.* THEN NEW.n := OLD.n + 1; END IF; RETURN NEW; END",
                &["n"],
            ),
        ] {
            assert_eq!(postgres(body), named(columns), "{body}");
        }
        for (body, columns) in [
            ("SET NEW.updated_at = NOW()", &["updated_at"][..]),
            (
                "BEGIN SET NEW.a = NEW.b + 1, `NEW`.c := f(NEW.d, NEW.e); END",
                &["a", "c"],
            ),
            ("BEGIN SET @x = NEW.a; SET \"NEW\".b = 1; END", &["b"]),
            ("INSERT IGNORE INTO log VALUES (NEW.a)", &[]),
            (
                "BEGIN IF NEW.a <> OLD.a THEN SET NEW.n = OLD.n + 1; END IF; END",
                &["n"],
            ),
        ] {
            assert_eq!(mysql(body), named(columns), "{body}");
        }
    }

    #[test]
    fn statements_with_targets_elsewhere_count_every_column_as_set() {
        for body in [
            "BEGIN SELECT max(x) INTO NEW.a FROM t; RETURN NEW; END",
            "BEGIN SELECT 1, 2 INTO STRICT x, NEW.a; RETURN NEW; END",
            "BEGIN INSERT INTO t VALUES (1) RETURNING id INTO NEW.a; RETURN NEW; END",
            "BEGIN GET DIAGNOSTICS NEW.a = ROW_COUNT; RETURN NEW; END",
            "BEGIN CALL p(CASE WHEN x THEN 1 ELSE 2 END, NEW.a); RETURN NEW; END",
            "BEGIN FETCH c INTO NEW.a; RETURN NEW; END",
            "BEGIN FOR NEW.a IN 1..3 LOOP END LOOP; RETURN NEW; END",
            "BEGIN FOREACH NEW.a IN ARRAY x LOOP END LOOP; RETURN NEW; END",
        ] {
            assert_eq!(postgres(body), named(&["a"]), "{body}");
        }
        assert_eq!(mysql("CALL p(NEW.a)"), named(&["a"]));
    }

    #[test]
    fn another_row_or_an_unclear_use_of_the_row_may_set_all() {
        for body in [
            "BEGIN NEW := f(NEW); RETURN NEW; END",
            "BEGIN NEW = OLD; RETURN NEW; END",
            "BEGIN RETURN f(NEW); END",
            "BEGIN RETURN (NEW); END",
            "BEGIN RETURN NEW #= hstore('a', '1'); END",
            "DECLARE r record; BEGIN r := NEW; r.a := 1; RETURN r; END",
            "DECLARE n ALIAS FOR NEW; BEGIN n.a := 1; RETURN NEW; END",
            "DECLARE new t%ROWTYPE; BEGIN new.a := 1; RETURN new; END",
            "BEGIN SELECT * INTO NEW FROM t; RETURN NEW; END",
            "BEGIN SELECT 1, t INTO x, NEW FROM t; RETURN NEW; END",
            "BEGIN CALL p(NEW); RETURN NEW; END",
            "<<b>> BEGIN b.NEW.a := 1; RETURN NEW; END",
            "BEGIN NEW.größe := 1; RETURN NEW; END",
            "BEGIN 'open",
        ] {
            assert_eq!(postgres(body), Columns::All, "{body}");
        }
        assert_eq!(mysql("BEGIN :NEW.a := 1; END"), Columns::All);
    }
}
