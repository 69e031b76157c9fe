//! How names are compared: by their last component, in lower case.

use std::sync::Arc;

use super::Dialect;

/// PostgreSQL cuts identifiers at this many bytes.
const POSTGRES_NAME_BYTES: usize = 63;

/// The name by which a table is compared: `public."Users"`, `USERS` and `users` are all `users`.
///
/// Can make one of two tables, never two of one.
#[must_use]
pub fn table_name(text: &str) -> Arc<str> {
    let text = text.trim();
    let mut quote = None;
    let mut start = 0;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '.') => start = at + 1,
            (None, '"' | '`') => quote = Some(c),
            (None, '[') => quote = Some(']'),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    let last = text.get(start..).unwrap_or(text).trim();
    fold(&unquoted(last)).into()
}

/// A name as the dialect compares it, made safe for all collations: lower case in the Unicode sense.
pub(crate) fn folded(name: &str, dialect: Dialect) -> Arc<str> {
    let mut name = fold(name);
    if dialect == Dialect::Postgres && name.len() > POSTGRES_NAME_BYTES {
        let end = (0..=POSTGRES_NAME_BYTES)
            .rev()
            .find(|at| name.is_char_boundary(*at));
        name.truncate(end.unwrap_or_default());
    }
    name.into()
}

/// Lower case character by character: `str::to_lowercase` would give a final sigma another form,
/// and two spellings of one name would differ.
fn fold(name: &str) -> String {
    if name.is_ascii() {
        name.to_ascii_lowercase()
    } else {
        name.chars().flat_map(char::to_lowercase).collect()
    }
}

/// Takes the quotes off a quoted identifier; anything else stays as it is.
pub(super) fn unquoted(text: &str) -> String {
    let inside = |open: char, close: char| text.strip_prefix(open)?.strip_suffix(close);
    if let Some(name) = inside('"', '"') {
        name.replace("\"\"", "\"")
    } else if let Some(name) = inside('`', '`') {
        name.replace("``", "`")
    } else if let Some(name) = inside('[', ']') {
        name.to_owned()
    } else if let Some(name) = text.get(2..).filter(|_| has_unicode_prefix(text)) {
        decoded(&unquoted(name))
    } else {
        text.to_owned()
    }
}

/// `U&"…"` or `U&'…'` of PostgreSQL.
pub(super) fn has_unicode_prefix(text: &str) -> bool {
    matches!(text.as_bytes(), [b'u' | b'U', b'&', b'"' | b'\'', ..])
}

/// The `\0061` and `\+000061` escapes of `U&"…"`. A bad escape stays as it is: the server refuses it.
fn decoded(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        name.push_str(before);
        let (skip, digits) = if after.starts_with('+') {
            (1, 6)
        } else {
            (0, 4)
        };
        let escape = after
            .get(skip..skip + digits)
            .and_then(|hex| u32::from_str_radix(hex, 16).ok());
        if let Some(c) = escape.and_then(char::from_u32) {
            name.push(c);
            rest = after.get(skip + digits..).unwrap_or_default();
        } else {
            name.push('\\');
            rest = after.strip_prefix('\\').unwrap_or(after);
        }
    }
    name + rest
}

/// Whether a relation belongs to the server or to this session alone, so that no write of a known
/// table would show that it changed. `schema` is the component before the name, if there is one.
pub(crate) fn is_foreign(dialect: Dialect, schema: Option<&str>, name: &str) -> bool {
    let schema = schema.unwrap_or_default();
    match dialect {
        Dialect::Postgres => {
            name.starts_with("pg_") || schema.starts_with("pg_") || schema == "information_schema"
        }
        Dialect::Mysql => {
            matches!(
                schema,
                "mysql" | "information_schema" | "performance_schema" | "sys"
            )
        }
        Dialect::Sqlite => {
            schema == "temp"
                || name.starts_with("sqlite_")
                || name.starts_with("pragma_")
                || name == "dbstat"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_table_has_one_name_however_it_is_written() {
        for text in [
            "users",
            "USERS",
            " public.Users ",
            "\"public\".\"users\"",
            "`Users`",
            "[users]",
            "a.b.users",
        ] {
            assert_eq!(&*table_name(text), "users", "{text}");
        }
        assert_eq!(&*table_name("\"we.ird\""), "we.ird");
        assert_eq!(&*table_name("\"a\"\"b\""), "a\"b");
        assert_eq!(&*table_name("\"\""), "");
        assert_eq!(&*table_name(""), "");
        assert_eq!(table_name("ΣΑΣ"), table_name("σασ"));
        assert_eq!(&*table_name("ÜBER"), "über");
    }

    #[test]
    fn unicode_escapes_are_decoded() {
        assert_eq!(unquoted(r#"U&"d\0061t\+000061""#), "data");
        assert_eq!(unquoted(r#"u&"a\\b""#), r"a\b");
        assert_eq!(unquoted(r#"U&"\00""#), r"\00");
    }

    #[test]
    fn postgres_cuts_long_names() {
        let long = "x".repeat(100);
        assert_eq!(folded(&long, Dialect::Postgres).len(), 63);
        assert_eq!(folded(&long, Dialect::Sqlite).len(), 100);
        assert_eq!(folded(&"ü".repeat(40), Dialect::Postgres).len(), 62);
    }
}
