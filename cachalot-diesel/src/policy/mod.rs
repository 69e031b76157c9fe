//! Policies: what `#[derive(Cacheable)]` records of models, combined by table.

mod declared_keys;
mod key_type;
mod name;

use std::{
    collections::HashMap,
    sync::{LazyLock, OnceLock},
    time::Duration,
};

pub(crate) use declared_keys::DeclaredKeys;
pub use key_type::key_name;
pub use name::{sql_name, written};

use crate::events::TARGET;

/// A model with cache settings for its table. Derive it:
///
/// ```
/// # mod schema {
/// #     diesel::table! { flights { id -> Integer, arr_delay -> Nullable<Integer> } }
/// #     diesel::table! { airlines { id -> Integer } }
/// # }
/// use cachalot_diesel::prelude::*;
/// use diesel::prelude::*;
/// use schema::{airlines, flights};
///
/// #[derive(Queryable, Selectable, Cacheable)]
/// #[diesel(table_name = flights)]
/// #[cachalot(ttl = "10m", depends_on(airlines))]
/// struct Flight {
///     id: i32,
///     arr_delay: Option<i32>,
/// }
///
/// assert_eq!(Flight::tables(), ["flights", "airlines"]);
/// ```
///
/// The derive is optional: any query can be cached. The settings apply to every query that reads the
/// table, whatever it is loaded into:
///
/// | `#[cachalot(…)]` | |
/// |---|---|
/// | `ttl = "10m"` | the maximum time to live of results; `"0s"` sets no limit |
/// | `depends_on(a, b)` | queries also depend on these tables: paths of `table!` modules, or SQL names in quotes |
/// | `keys(a, b)` | columns by whose values reads and writes are told apart, beside the primary key and foreign keys: names of the `table!` module, or SQL names in quotes |
/// | `uncacheable` | no query that reads the table is cached |
/// | `table = "name"` | the SQL name of the table, instead of `#[diesel(table_name = …)]` |
/// | `crate = path` | the path of `cachalot_diesel`, if it was renamed |
///
/// If a table has several models, the shortest time to live applies, the table is uncacheable if any
/// model says so, it depends on the tables of all of them, and the keys of all of them are used.
#[diagnostic::on_unimplemented(
    message = "the tables of `{Self}` are unknown",
    label = "not a `Cacheable` model",
    note = "add `#[derive(Cacheable)]` to `{Self}`, or name the tables: `.depends_on_tables([\"users\"])`"
)]
pub trait Cacheable {
    /// The names of tables: the model's own first, then those of `depends_on`.
    ///
    /// Without schema and quotes: a dot is part of the name.
    fn tables() -> &'static [&'static str];
}

/// The settings of one model.
#[derive(Debug)]
pub struct Policy {
    model: &'static str,
    tables: fn() -> &'static [&'static str],
    ttl_millis: Option<u64>,
    uncacheable: bool,
    keys: &'static [&'static str],
}

impl Policy {
    /// Called by the code of the derive.
    #[must_use]
    pub const fn new(
        model: &'static str,
        tables: fn() -> &'static [&'static str],
        ttl_millis: Option<u64>,
        uncacheable: bool,
        keys: &'static [&'static str],
    ) -> Self {
        Self {
            model,
            tables,
            ttl_millis,
            uncacheable,
            keys,
        }
    }
}

inventory::collect!(Policy);

/// The names of a model's tables, computed on first use.
#[derive(Debug, Default)]
pub struct Tables(OnceLock<Vec<&'static str>>);

impl Tables {
    /// Not computed yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The names. Calls `find` once.
    pub fn get(&'static self, find: impl FnOnce() -> Vec<&'static str>) -> &'static [&'static str] {
        self.0.get_or_init(find)
    }
}

/// The combined settings of all models of a table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TablePolicy {
    /// The maximum time to live; zero sets no limit.
    pub(crate) ttl: Option<Duration>,
    pub(crate) uncacheable: bool,
    /// Normalised names.
    pub(crate) depends_on: Vec<String>,
}

static POLICIES: LazyLock<HashMap<String, TablePolicy>> =
    LazyLock::new(|| by_table(inventory::iter::<Policy>.into_iter()));

/// The settings of the program's models for a table, by its normalised name.
pub(crate) fn for_table(table: &str) -> Option<&'static TablePolicy> {
    POLICIES.get(table)
}

/// The key columns of all models, and these.
pub(crate) fn with_keys_of_models(mut declared: DeclaredKeys) -> DeclaredKeys {
    for policy in inventory::iter::<Policy> {
        if let Some(table) = (policy.tables)().first() {
            let keys = policy.keys.iter();
            keys.for_each(|column| declared.insert(table, column));
        }
    }
    declared
}

fn by_table<'a>(policies: impl Iterator<Item = &'a Policy>) -> HashMap<String, TablePolicy> {
    let mut tables: HashMap<String, TablePolicy> = HashMap::new();
    for policy in policies {
        let Some((own, others)) = (policy.tables)().split_first() else {
            continue;
        };
        tracing::trace!(
            name: "cachalot.model",
            target: TARGET,
            model = policy.model,
            table = own,
            "model registered"
        );
        let table = tables.entry(exact(own)).or_default();
        let bound = policy
            .ttl_millis
            .filter(|millis| *millis > 0)
            .map(Duration::from_millis);
        table.ttl = [table.ttl, bound].into_iter().flatten().min();
        table.uncacheable |= policy.uncacheable;
        for other in others.iter().map(|other| exact(other)) {
            if !table.depends_on.contains(&other) {
                table.depends_on.push(other);
            }
        }
    }
    tables
}

/// Normalises a name without schema and quotes: in lower case.
pub(crate) fn exact(name: &str) -> String {
    cachalot_sql::catalog::relation_name(name).to_string()
}

/// Normalises a name in SQL: its last component, in lower case, without quotes.
pub(crate) fn normalise(name: &str) -> String {
    cachalot_sql::table_name(name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> &'static [&'static str] {
        &["Users", "audit"]
    }

    fn admins() -> &'static [&'static str] {
        &["users", "roles", "audit"]
    }

    #[test]
    fn the_models_of_a_table_are_combined() {
        let policies = [
            Policy::new("User", users, Some(60_000), false, &[]),
            Policy::new("Admin", admins, Some(5_000), true, &[]),
            Policy::new("Name", users, Some(0), false, &[]),
        ];
        let tables = by_table(policies.iter());
        let expected = TablePolicy {
            ttl: Some(Duration::from_secs(5)),
            uncacheable: true,
            depends_on: vec!["audit".to_owned(), "roles".to_owned()],
        };
        assert_eq!(tables.get("users"), Some(&expected));
        assert_eq!(tables.len(), 1);
    }

    #[test]
    fn a_dot_is_part_of_a_models_table_name() {
        fn dotted() -> &'static [&'static str] {
            &["We.ird", "au.dit"]
        }
        let tables = by_table([Policy::new("Dotted", dotted, None, true, &[])].iter());
        assert!(
            tables
                .get("we.ird")
                .is_some_and(|policy| policy.uncacheable)
        );
        assert_eq!(tables["we.ird"].depends_on, ["au.dit"]);
    }

    #[test]
    fn names_are_compared_by_their_last_component_in_lower_case() {
        for name in ["users", "Users", "public.Users", "\"public\".\"Users\""] {
            assert_eq!(normalise(name), "users", "{name}");
        }
    }
}
