//! Which rows of its tables a read depends on.

use std::sync::Arc;

use super::key_values::KeyValues;
use crate::{
    catalog::{Catalog, Resolved, tracked::Class},
    protocol::{Key, KeyNames},
};
use cachalot_sql::{Analysis, KeyValue, Keys};

/// The tables of which a read sees only the rows that have certain values of a column.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReadKeys(Vec<ReadKey>);

#[derive(Debug, Clone)]
struct ReadKey {
    table: Arc<str>,
    column: Arc<str>,
    class: Class,
    values: Box<[KeyValue]>,
}

impl ReadKeys {
    /// Of a text. `resolved`: all that it reads.
    pub(super) fn of(analysis: &Analysis, catalog: &Catalog, resolved: &Resolved) -> Self {
        let tables = analysis.reads().iter();
        let keys = tables.filter_map(|table| {
            let keys = analysis.keys(table)?;
            ReadKey::of_table(table, keys, catalog, resolved)
        });
        Self(keys.collect())
    }

    /// Those of a read that sees any rows of further tables.
    pub(super) fn without(&self, further: &Resolved) -> Self {
        let keys = self.0.iter();
        let kept = keys.filter(|key| !further.tables.contains_key(&key.table));
        Self(kept.cloned().collect())
    }

    /// Are some of the values binds?
    pub(crate) fn are_bound(&self) -> bool {
        let mut values = self.0.iter().flat_map(|key| &key.values);
        values.any(|value| matches!(value, KeyValue::Bind(_) | KeyValue::Array(_)))
    }

    /// By table, the rows that an execution with these values sees. It may see any of a table that is missing. `names`:
    /// those of the catalog from which the plan was computed.
    pub(crate) fn of_values(
        &self,
        known: &KeyValues<'_>,
        names: &KeyNames,
    ) -> Vec<(Arc<str>, Key)> {
        let keys = self.0.iter().filter_map(|key| {
            let rows = known.read_key(&names.column(&key.column), key.class, &key.values)?;
            Some((Arc::clone(&key.table), rows))
        });
        keys.collect()
    }
}

impl ReadKey {
    /// By a column that is unique, if there is one, or else by the one of the fewest values.
    fn of_table(
        table: &Arc<str>,
        keys: &Keys,
        catalog: &Catalog,
        resolved: &Resolved,
    ) -> Option<Self> {
        let tracked = catalog.tracked_in_reads(table, resolved);
        let columns = keys.iter().filter_map(|(column, values)| {
            let tracked = tracked.get(column)?;
            Some((tracked, column, values))
        });
        let is_array = |value: &KeyValue| matches!(value, KeyValue::Array(_));
        let (tracked, column, values) = columns.min_by_key(|(tracked, _, values)| {
            let many = values.iter().any(is_array);
            (!tracked.unique, many, values.len())
        })?;
        Some(Self {
            table: Arc::clone(table),
            column: Arc::clone(column),
            class: tracked.class,
            values: values.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use cachalot_sql::{Columns, Dialect};

    use super::*;
    use crate::{
        catalog::{
            Facts,
            facts::{Code, Relation, RelationKind, Routine, Volatility},
            tracked::{Tracked, named},
        },
        planner::Planner,
        protocol::{EPOCH_PARTS, Token, bucket_of},
        rows::private::Bind,
    };

    const ID: Tracked = Tracked {
        class: Class::signed(64),
        unique: true,
    };
    const PARENT: Tracked = Tracked {
        unique: false,
        ..ID
    };
    const NAME: Tracked = Tracked {
        class: Class::Text { max: None },
        unique: false,
    };

    fn facts() -> Facts {
        let mut facts = Facts::with_tables(Dialect::Sqlite, &["t", "u", "plain"]);
        for relation in &mut facts.relations[..2] {
            relation.tracked = named([("id", ID), ("parent", PARENT), ("name", NAME)]);
        }
        facts.relations.push(Relation {
            name: "v".into(),
            kind: RelationKind::View {
                text: Some("SELECT id FROM t".to_owned()),
                updatable: false,
            },
            tracked: Default::default(),
        });
        facts
    }

    fn key_names() -> KeyNames {
        KeyNames::of(&[Token::from_bytes([1; Token::LEN]); EPOCH_PARTS])
    }

    fn integer(number: i64) -> Bind {
        Bind {
            type_code: 1,
            value: Some(number.to_le_bytes().to_vec()),
        }
    }

    fn keys_of(plan: &crate::planner::Plan, binds: &[Bind]) -> Vec<(Arc<str>, Key)> {
        let values = KeyValues {
            dialect: Dialect::Sqlite,
            binds,
            exact_texts: true,
        };
        plan.keys.of_values(&values, &key_names())
    }

    /// `t.id`, with `$` if it takes the binds.
    fn planned_with(facts: &Facts, sql: &str, extra: &[&str]) -> String {
        let planner = Planner::without_store();
        let catalog = Catalog::new(facts);
        let analysis = cachalot_sql::analysis(sql, Dialect::Sqlite);
        let (mut plan, _) = planner.plan(&analysis, &catalog);
        if !extra.is_empty() {
            let extra: Vec<String> = extra.iter().map(|it| (*it).to_owned()).collect();
            plan = planner.with_extra_dependencies(&plan, &extra, &catalog);
        }
        let keys = plan.keys.0.iter();
        let keys = keys.map(|key| format!("{}.{}", key.table, key.column));
        let mut shown = keys.collect::<Vec<_>>().join(" ");
        if plan.keys.are_bound() {
            shown.push('$');
        }
        shown
    }

    fn planned(sql: &str) -> String {
        planned_with(&facts(), sql, &[])
    }

    #[test]
    fn k04_the_best_of_the_columns_tells_the_rows() {
        for (condition, column) in [
            ("id = 1", "t.id"),
            ("id = ?", "t.id$"),
            ("parent = 1", "t.parent"),
            ("parent = 1 AND id IN (1, 2, 3)", "t.id"),
            ("parent IN (1, 2) AND name = 'a'", "t.name"),
            ("parent = 1 AND name IN ('a', 'b')", "t.parent"),
            ("other = 1", ""),
            ("id > 1", ""),
            ("id = 1 OR id = 2", ""),
            ("1 = 1", ""),
        ] {
            let sql = format!("SELECT * FROM t WHERE {condition}");
            assert_eq!(planned(&sql), column, "{sql}");
        }
        assert_eq!(planned("SELECT * FROM plain WHERE id = 1"), "");
    }

    #[test]
    fn k09_a_table_that_is_reached_in_another_way_has_no_key() {
        for (sql, keys) in [
            (
                "SELECT * FROM t, u WHERE t.id = 1 AND u.id = ?",
                "t.id u.id$",
            ),
            (
                "SELECT * FROM t JOIN plain ON t.id = plain.id WHERE t.id = 1",
                "t.id",
            ),
            ("SELECT * FROM u, v WHERE u.id = 1", "u.id"),
            ("SELECT * FROM t, v WHERE t.id = 1", ""),
            ("SELECT * FROM v WHERE id = 1", ""),
            (
                "SELECT * FROM t WHERE id = 1 AND id IN (SELECT parent FROM t)",
                "",
            ),
        ] {
            assert_eq!(planned(sql), keys, "{sql}");
        }
        let mut facts = facts();
        facts.routines.push(Routine {
            name: "f".into(),
            code: Code::Text("SELECT count(*) FROM v".to_owned()),
            volatility: Volatility::Stable,
            trusted: false,
            times: Default::default(),
        });
        assert_eq!(
            planned_with(&facts, "SELECT f() FROM t WHERE id = 1", &[]),
            ""
        );
        assert_eq!(
            planned_with(&facts, "SELECT f() FROM u WHERE id = 1", &[]),
            "u.id"
        );
    }

    #[test]
    fn k09_what_the_caller_names_in_addition_is_read_wholly() {
        let sql = "SELECT * FROM t, u WHERE t.id = 1 AND u.id = 1";
        let with = |facts: &Facts, extra: &[&str]| planned_with(facts, sql, extra);
        let mut facts = facts();
        assert_eq!(with(&facts, &["plain"]), "t.id u.id");
        assert_eq!(with(&facts, &["u"]), "t.id");
        assert_eq!(with(&facts, &["v"]), "u.id");
        // Deleting any row of `u` may change `plain`.
        let keys = [Columns::All, Columns::All];
        facts.add_foreign_key(["plain", "u"], ["CASCADE", "NO ACTION"], keys);
        assert_eq!(with(&facts, &["plain"]), "t.id");
    }

    #[test]
    fn k04_an_execution_has_the_buckets_of_its_values() {
        let planner = Planner::without_store();
        let catalog = Catalog::new(&facts());
        let sql = "SELECT * FROM t, u WHERE t.id IN (?, 7) AND u.name = ?";
        let analysis = cachalot_sql::analysis(sql, Dialect::Sqlite);
        let (plan, _) = planner.plan(&analysis, &catalog);
        let text = |text: &str| Bind {
            type_code: 3,
            value: Some(text.into()),
        };
        let keys = keys_of(&plan, &[integer(5), text("a")]);
        let number = |number: i128| bucket_of(&key_names().column("id"), &number.to_le_bytes());
        let [(t, ids), (u, names)] = keys.as_slice() else {
            panic!("{keys:?}")
        };
        assert_eq!((&**t, KeyNames::column_of(&ids.column)), ("t", "id"));
        assert!(
            ids.buckets
                .iter()
                .eq(&std::collections::BTreeSet::from([number(5), number(7)]))
        );
        assert_eq!((&**u, KeyNames::column_of(&names.column)), ("u", "name"));
        assert!(
            names
                .buckets
                .iter()
                .eq([&bucket_of(&key_names().column("name"), b"a")])
        );
        // Of another class: any rows.
        let keys = keys_of(&plan, &[text("5"), text("a")]);
        assert!(matches!(keys.as_slice(), [(u, _)] if &**u == "u"));
        assert!(keys_of(&plan, &[text("5"), integer(1)]).is_empty());
        assert!(keys_of(&plan, &[]).is_empty());
    }
}
