//! Normalised names: the last component, in lower case.

use std::sync::Arc;

use super::Dialect;

/// PostgreSQL truncates longer identifiers.
const MAX_POSTGRES_NAME_BYTES: usize = 63;

/// The normalised name of a table: `public."Users"`, `USERS` and `users` all become `users`.
///
/// Two tables can have the same normalised name. A table never has two.
#[must_use]
pub fn table_name(text: &str) -> Arc<str> {
    folded(&last_component(text))
}

/// The last component of a name as it is written in SQL, without its quotes.
pub fn last_component(text: &str) -> String {
    let text = text.trim();
    let start = last_start(text);
    unquoted(text.get(start..).unwrap_or(text).trim())
}

/// What is before the last component of a name as it is written in SQL: the table of a qualified column.
pub fn qualifier(text: &str) -> Option<&str> {
    let text = text.trim();
    text.get(..last_start(text))?.strip_suffix('.')
}

/// Where the last component begins.
fn last_start(text: &str) -> usize {
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
    start
}

/// The normalised form of a single component, for all databases and collations: in lower case and
/// truncated as in PostgreSQL, as a name that a program gives does not tell the database.
pub fn folded(name: &str) -> Arc<str> {
    let mut name = lower(name);
    if name.len() > MAX_POSTGRES_NAME_BYTES {
        let end = (0..=MAX_POSTGRES_NAME_BYTES)
            .rev()
            .find(|at| name.is_char_boundary(*at));
        name.truncate(end.unwrap_or_default());
    }
    name.into()
}

/// Lower case, character by character: `str::to_lowercase` treats a final sigma in a special way, so two
/// spellings of one name could differ.
fn lower(name: &str) -> String {
    if name.is_ascii() {
        name.to_ascii_lowercase()
    } else {
        name.chars().flat_map(char::to_lowercase).collect()
    }
}

/// Removes the quotes of a quoted identifier; anything else is unchanged.
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

/// The `\0061` and `\+000061` escapes of `U&"…"`. An invalid escape is unchanged: the server rejects it.
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

/// The owner of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A table, view or other relation that a user created.
    User,
    /// It belongs to the server or only to this session: no write of a known table shows that it changed.
    Server,
    /// It belongs to the server, unless the catalog has a relation of this name that a user created.
    Ambiguous,
}

/// The owner of a relation. `schema` is the component before the name, if there is one.
#[must_use]
pub fn owner(dialect: Dialect, schema: Option<&str>, name: &str) -> Owner {
    match (dialect, schema) {
        (Dialect::Postgres, Some(schema))
            if schema.starts_with("pg_") || schema == "information_schema" =>
        {
            Owner::Server
        }
        // The catalog shows whether a user created one of the same name.
        (Dialect::Postgres, _) if name.starts_with("pg_") => Owner::Ambiguous,
        (Dialect::Mysql, Some("mysql" | "information_schema" | "performance_schema" | "sys"))
        | (Dialect::Sqlite, Some("temp")) => Owner::Server,
        (Dialect::Sqlite, _) if name.starts_with("sqlite_") => Owner::Server,
        // A table takes precedence over a module of the same name.
        (Dialect::Sqlite, _) if name.starts_with("pragma_") || name == "dbstat" => Owner::Ambiguous,
        _ => Owner::User,
    }
}

/// Whether the rows of a relation of this name define other relations or triggers.
pub(super) fn is_definition(dialect: Dialect, name: &str) -> bool {
    match dialect {
        Dialect::Postgres => POSTGRES_DEFINITIONS
            .split_whitespace()
            .any(|known| known == name),
        Dialect::Mysql => false,
        Dialect::Sqlite => matches!(
            name,
            "sqlite_master" | "sqlite_schema" | "sqlite_temp_master" | "sqlite_temp_schema"
        ),
    }
}

/// The tables of PostgreSQL's catalog, and the one of its views that can be written.
const POSTGRES_DEFINITIONS: &str = "
    pg_aggregate pg_am pg_amop pg_amproc pg_attrdef pg_attribute pg_auth_members pg_authid pg_cast
    pg_class pg_collation pg_constraint pg_conversion pg_database pg_db_role_setting pg_default_acl
    pg_depend pg_description pg_enum pg_event_trigger pg_extension pg_foreign_data_wrapper
    pg_foreign_server pg_foreign_table pg_index pg_inherits pg_init_privs pg_language pg_largeobject
    pg_largeobject_metadata pg_namespace pg_opclass pg_operator pg_opfamily pg_parameter_acl
    pg_partitioned_table pg_policy pg_proc pg_publication pg_publication_namespace pg_publication_rel
    pg_range pg_replication_origin pg_rewrite pg_seclabel pg_sequence pg_settings pg_shdepend
    pg_shdescription pg_shseclabel pg_statistic pg_statistic_ext pg_statistic_ext_data pg_subscription
    pg_subscription_rel pg_tablespace pg_transform pg_trigger pg_ts_config pg_ts_config_map pg_ts_dict
    pg_ts_parser pg_ts_template pg_type pg_user_mapping
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_one_name_in_every_spelling() {
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
    fn the_schema_or_the_catalog_decides_the_owner() {
        use Dialect::{Mysql, Postgres, Sqlite};
        for (dialect, schema, name, whose) in [
            (Postgres, None, "users", Owner::User),
            (Postgres, None, "pg_search_documents", Owner::Ambiguous),
            (Postgres, Some("public"), "pg_class", Owner::Ambiguous),
            (Postgres, Some("pg_catalog"), "pg_class", Owner::Server),
            (
                Postgres,
                Some("information_schema"),
                "tables",
                Owner::Server,
            ),
            (Mysql, Some("mysql"), "user", Owner::Server),
            (Mysql, Some("shop"), "pg_x", Owner::User),
            (Sqlite, None, "sqlite_schema", Owner::Server),
            (Sqlite, Some("main"), "dbstat", Owner::Ambiguous),
            (Sqlite, Some("temp"), "users", Owner::Server),
        ] {
            assert_eq!(owner(dialect, schema, name), whose, "{schema:?} {name}");
        }
        assert!(is_definition(Postgres, "pg_class"));
        assert!(!is_definition(Postgres, "pg_search_documents"));
    }

    #[test]
    fn unicode_escapes_are_decoded() {
        assert_eq!(unquoted(r#"U&"d\0061t\+000061""#), "data");
        assert_eq!(unquoted(r#"u&"a\\b""#), r"a\b");
        assert_eq!(unquoted(r#"U&"\00""#), r"\00");
    }

    #[test]
    fn long_names_are_truncated_as_in_postgres() {
        let long = "x".repeat(100);
        assert_eq!(folded(&long).len(), 63);
        assert_eq!(folded(&"ü".repeat(40)).len(), 62);
        assert_eq!(table_name(&long), folded(&long));
    }
}
