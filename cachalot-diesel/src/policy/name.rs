//! The SQL name of a table, from Diesel's `table!` macro.

use diesel::internal::table_macro::{Identifier, InfixNode, StaticQueryFragment};

/// The SQL name of a `table!` module's `table`, without the schema.
#[must_use]
pub fn sql_name<T>() -> &'static str
where
    T: StaticQueryFragment,
    T::Component: Named,
{
    T::STATIC_COMPONENT.name()
}

/// Strips schema and quotes from an SQL name in an attribute.
///
/// Leaks the result; it is called once per model.
#[must_use]
pub fn written(text: &'static str) -> &'static str {
    let name = cachalot_sql::last_component(text);
    if name == text { text } else { name.leak() }
}

/// The names that `table!` stores.
pub trait Named {
    /// The last component.
    fn name(&'static self) -> &'static str;
}

impl Named for Identifier<'static> {
    fn name(&'static self) -> &'static str {
        self.0
    }
}

/// `schema.table`. Its parts are private, so the name is taken from its SQL. Leaks the result; it is
/// called once per model.
impl Named for InfixNode<Identifier<'static>, Identifier<'static>, &'static str> {
    fn name(&'static self) -> &'static str {
        printed(self).leak()
    }
}

/// The last identifier in the node's SQL, for any of the enabled backends.
#[cfg(any(feature = "sqlite", feature = "mysql", feature = "postgres"))]
fn printed(node: &InfixNode<Identifier<'static>, Identifier<'static>, &'static str>) -> String {
    use diesel::query_builder::{QueryBuilder, QueryFragment};

    #[cfg(all(feature = "mysql", not(feature = "sqlite")))]
    use diesel::mysql::Mysql as Any;
    #[cfg(all(feature = "postgres", not(feature = "sqlite"), not(feature = "mysql")))]
    use diesel::pg::Pg as Any;
    #[cfg(feature = "sqlite")]
    use diesel::sqlite::Sqlite as Any;

    let mut builder = <Any as diesel::backend::Backend>::QueryBuilder::default();
    // Two identifiers and a dot: this cannot fail.
    let _ = QueryFragment::<Any>::to_sql(node, &mut builder, &Any);
    cachalot_sql::last_component(&builder.finish())
}

/// Without a backend nothing can be cached.
#[cfg(not(any(feature = "sqlite", feature = "mysql", feature = "postgres")))]
fn printed(_node: &InfixNode<Identifier<'static>, Identifier<'static>, &'static str>) -> String {
    String::new()
}

#[cfg(test)]
#[cfg(any(feature = "sqlite", feature = "mysql", feature = "postgres"))]
mod tests {
    use super::*;

    diesel::table! {
        other.things {
            id -> Integer,
        }
    }

    diesel::table! {
        #[sql_name = "Some.Things"]
        other.dotted (id) {
            id -> Integer,
        }
    }

    diesel::table! {
        #[sql_name = "Ünusual Name"]
        unusual {
            id -> Integer,
        }
    }

    #[test]
    fn the_sql_name_comes_from_the_table_macro() {
        assert_eq!(sql_name::<things::table>(), "things");
        assert_eq!(sql_name::<dotted::table>(), "Some.Things");
        assert_eq!(sql_name::<unusual::table>(), "Ünusual Name");
    }

    #[test]
    fn a_written_name_loses_its_schema_and_its_quotes() {
        assert_eq!(written("Users"), "Users");
        assert_eq!(written("public.Users"), "Users");
        assert_eq!(written("public.\"we.ird\""), "we.ird");
    }
}
