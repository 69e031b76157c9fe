//! What `#[derive(Cacheable)]` records of a model, and what that means to its table.

mod name;

use std::{
    collections::HashMap,
    sync::{LazyLock, OnceLock},
    time::Duration,
};

pub use name::{sql_name, written};

use crate::events::TARGET;

/// A model whose table and settings the cache knows. Derive it:
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
/// Reads need no derive; it is for settings, which apply to every query that touches the table:
///
/// | `#[cachalot(…)]` | |
/// |---|---|
/// | `ttl = "10m"` | the longest that a result may live; `"0s"` sets no bound |
/// | `depends_on(a, b)` | queries depend on these tables too: paths of `table!` modules, or names in quotes, as in SQL |
/// | `uncacheable` | no query that touches the table is cached |
/// | `table = "name"` | the name as in SQL, instead of that of `#[diesel(table_name = …)]` |
/// | `crate = path` | where `cachalot_diesel` is, if it was renamed |
///
/// Where several models of one table differ, the shortest life counts, the table is uncacheable if
/// one says so, and it depends on what any of them names.
#[diagnostic::on_unimplemented(
    message = "the cache knows no table of `{Self}`",
    label = "not a `Cacheable` model",
    note = "add `#[derive(Cacheable)]` to `{Self}`, or name the tables: `.depends_on_tables([\"users\"])`"
)]
pub trait Cacheable {
    /// The names that the derive recorded: the model's own table first, then those of `depends_on`.
    ///
    /// They are the tables' names themselves, without schema and quotes: a dot is part of the name.
    fn tables() -> &'static [&'static str];
}

/// What one derive recorded.
#[derive(Debug)]
pub struct Policy {
    model: &'static str,
    tables: fn() -> &'static [&'static str],
    ttl_millis: Option<u64>,
    uncacheable: bool,
}

impl Policy {
    /// Called by the derive's code only.
    #[must_use]
    pub const fn new(
        model: &'static str,
        tables: fn() -> &'static [&'static str],
        ttl_millis: Option<u64>,
        uncacheable: bool,
    ) -> Self {
        Self {
            model,
            tables,
            ttl_millis,
            uncacheable,
        }
    }
}

inventory::collect!(Policy);

/// The names of a model's tables, found when they are first asked for.
#[derive(Debug, Default)]
pub struct Tables(OnceLock<Vec<&'static str>>);

impl Tables {
    /// None asked for yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The names; `find` is called once.
    pub fn get(&'static self, find: impl FnOnce() -> Vec<&'static str>) -> &'static [&'static str] {
        self.0.get_or_init(find)
    }
}

/// What all models of a table together say of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TablePolicy {
    /// The longest that a result may live; zero is no bound.
    pub(crate) ttl: Option<Duration>,
    pub(crate) uncacheable: bool,
    /// Normalised names.
    pub(crate) depends_on: Vec<String>,
}

static POLICIES: LazyLock<HashMap<String, TablePolicy>> =
    LazyLock::new(|| by_table(inventory::iter::<Policy>.into_iter()));

/// What the program's models say of a table, by its normalised name.
pub(crate) fn for_table(table: &str) -> Option<&'static TablePolicy> {
    POLICIES.get(table)
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

/// A name that stands for itself, as a model's does, as names are compared: in lower case.
pub(crate) fn exact(name: &str) -> String {
    crate::statement::relation_name(name).to_string()
}

/// A name in SQL, as names are compared: the last component, in lower case, without quotes.
pub(crate) fn normalise(name: &str) -> String {
    crate::statement::table_name(name).to_string()
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
    fn several_models_of_a_table_are_taken_together() {
        let policies = [
            Policy::new("User", users, Some(60_000), false),
            Policy::new("Admin", admins, Some(5_000), true),
            Policy::new("Name", users, Some(0), false),
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
    fn a_models_name_is_exact_so_a_dot_is_part_of_it() {
        fn dotted() -> &'static [&'static str] {
            &["We.ird", "au.dit"]
        }
        let tables = by_table([Policy::new("Dotted", dotted, None, true)].iter());
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
