//! The tracked columns of all tables of a catalog.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::Arc,
};

use super::{Catalog, Resolved, facts::Facts, tracked::TrackedColumns};
use cachalot_sql::{Changes, Columns};

static NONE: TrackedColumns = BTreeMap::new();

/// The tracked columns of all tables that have some.
pub(super) fn of(facts: &Facts) -> HashMap<Arc<str>, TrackedColumns> {
    let mut all: HashMap<Arc<str>, TrackedColumns> = HashMap::new();
    if facts.triggers_hidden {
        return all;
    }
    // What several relations of one name have in common.
    for relation in &facts.relations {
        match all.entry(Arc::clone(&relation.name)) {
            Entry::Vacant(entry) => _ = entry.insert(relation.tracked.clone()),
            Entry::Occupied(mut entry) => intersect(entry.get_mut(), &relation.tracked),
        }
    }
    for (parent, child) in &facts.inheritance {
        all.remove(parent);
        all.remove(child);
    }
    // Which rows of its table a policy reads to decide on one is unknown.
    for policy in &facts.policies {
        all.remove(&policy.table);
    }
    for (table, columns) in facts.also_updated.iter().chain(&facts.also_inserted) {
        if let Some(tracked) = all.get_mut(table) {
            tracked.retain(|name, _| match columns {
                Columns::All => false,
                Columns::Named(names) => !names.contains(name),
            });
        }
    }
    all.retain(|_, tracked| !tracked.is_empty());
    all
}

fn intersect(mine: &mut TrackedColumns, other: &TrackedColumns) {
    mine.retain(|name, tracked| match other.get(name) {
        Some(theirs) if theirs.class == tracked.class => {
            tracked.unique &= theirs.unique;
            true
        }
        _ => false,
    });
}

impl Catalog {
    /// The columns by whose values reads and writes of a table can be told apart, unless they reach further rows.
    pub(crate) fn tracked_of(&self, table: &str) -> &TrackedColumns {
        self.tracked.get(table).unwrap_or(&NONE)
    }

    /// The columns by whose values this read of a table can be told apart. None, if it reads rows of the table
    /// otherwise than by its name, or if changes of any rows lead to changes of what else it reads.
    pub(crate) fn tracked_in_reads(&self, table: &str, read: &Resolved) -> &TrackedColumns {
        if read.indirect.contains(table) || self.leads_to_others(table, read) {
            return &NONE;
        }
        self.tracked_of(table)
    }

    fn leads_to_others(&self, table: &str, read: &Resolved) -> bool {
        let others = read.reads.iter().filter(|other| ***other != *table);
        let others = others.map(|other| (Arc::clone(other), Changes::ALL));
        self.causes.leading_to(others.collect()).contains_key(table)
    }

    /// The columns by whose values these changes of a table can be told apart. None, if they cause changes of
    /// further rows, as those by a foreign key of the table to itself do.
    pub(crate) fn tracked_in_writes(&self, table: &str, changes: &Changes) -> &TrackedColumns {
        match self.tracked.get(table) {
            Some(tracked) if !self.causes.spread(table, changes) => tracked,
            _ => &NONE,
        }
    }

    /// All tracked columns, a line for each.
    pub(crate) fn tracked_lines(&self) -> Vec<String> {
        let lines = self.tracked.iter().flat_map(|(table, columns)| {
            columns.iter().map(move |(name, tracked)| {
                let unique = if tracked.unique { " unique" } else { "" };
                format!("{table}.{name}: {:?}{unique}", tracked.class)
            })
        });
        let mut lines: Vec<_> = lines.collect();
        lines.sort();
        lines
    }
}

#[cfg(test)]
mod tests {
    use cachalot_sql::{Dialect, Events};

    use super::*;
    use crate::catalog::{
        facts::{Code, Policy, Relation, RelationKind, Routine, Trigger, Volatility},
        tracked::{Class, Tracked, named},
    };

    const ID: Tracked = Tracked {
        class: Class::signed(64),
        unique: true,
    };
    const PARENT: Tracked = Tracked {
        unique: false,
        ..ID
    };

    /// Tables with a primary key `id` and a foreign key `parent`.
    fn facts(tables: &[&str]) -> Facts {
        let mut facts = Facts::with_tables(Dialect::Postgres, tables);
        for relation in &mut facts.relations {
            relation.tracked = named([("id", ID), ("parent", PARENT)]);
        }
        facts
    }

    /// The tracked columns of a table, with a star if they are unique.
    fn names(columns: &TrackedColumns) -> Vec<String> {
        let columns = columns.iter();
        columns
            .map(|(name, it)| format!("{name}{}", if it.unique { "*" } else { "" }))
            .collect()
    }

    /// Of the first of the tables that a statement reads.
    fn in_reads_of(facts: &Facts, tables: &[&str], functions: &[&str]) -> Vec<String> {
        let catalog = Catalog::new(facts);
        let read = tables.iter().map(|table| (Arc::from(*table), Columns::All));
        let functions: Vec<Arc<str>> = functions.iter().map(|it| Arc::from(*it)).collect();
        let read = catalog.resolve(&read.collect(), &functions, "");
        names(catalog.tracked_in_reads(tables[0], &read))
    }

    fn in_reads(facts: &Facts, table: &str) -> Vec<String> {
        in_reads_of(facts, &[table], &[])
    }

    fn in_writes(facts: &Facts, table: &str, changes: impl Into<Changes>) -> Vec<String> {
        names(Catalog::new(facts).tracked_in_writes(table, &changes.into()))
    }

    fn update_of(column: &str) -> Changes {
        Changes {
            events: Events::UPDATE,
            updated: Facts::columns([column]),
        }
    }

    fn trigger(table: &str, events: Events, text: &str) -> Trigger {
        Trigger {
            table: table.into(),
            events,
            code: Code::Text(text.to_owned()),
        }
    }

    const BOTH: [&str; 2] = ["id*", "parent"];

    #[test]
    fn the_columns_of_a_table_are_found_by_its_name() {
        let facts = facts(&["a", "b"]);
        assert_eq!(in_reads(&facts, "a"), BOTH);
        assert_eq!(in_writes(&facts, "a", Changes::ALL), BOTH);
        assert!(in_reads(&facts, "c").is_empty());
        assert!(in_writes(&facts, "c", Changes::ALL).is_empty());
    }

    #[test]
    fn of_relations_with_one_name_only_what_they_have_in_common_is_tracked() {
        let mut facts = facts(&["a", "a", "b", "b", "c", "c"]);
        facts.relations[1].tracked = named([(
            "id",
            Tracked {
                unique: false,
                ..ID
            },
        )]);
        let text = Class::Text { max: None };
        facts.relations[3].tracked = named([
            ("id", ID),
            (
                "parent",
                Tracked {
                    class: text,
                    ..PARENT
                },
            ),
        ]);
        facts.relations[5] = Relation {
            name: "c".into(),
            kind: RelationKind::Outside,
            tracked: TrackedColumns::new(),
        };
        assert_eq!(in_reads(&facts, "a"), ["id"]);
        assert_eq!(in_reads(&facts, "b"), ["id*"]);
        assert!(in_reads(&facts, "c").is_empty());
    }

    #[test]
    fn parents_children_and_tables_with_policies_have_no_tracked_columns() {
        let mut facts = facts(&["parent", "child", "guarded", "plain"]);
        facts.inheritance = vec![("parent".into(), "child".into())];
        facts.policies = vec![Policy {
            table: "guarded".into(),
            condition: "owner = current_user".to_owned(),
        }];
        for table in ["parent", "child", "guarded"] {
            assert!(in_reads(&facts, table).is_empty(), "{table}");
        }
        assert_eq!(in_reads(&facts, "plain"), BOTH);
    }

    #[test]
    fn a_table_that_is_also_read_by_a_view_or_a_function_is_not_told_apart() {
        let mut facts = facts(&["a", "b"]);
        facts.relations.push(Relation {
            name: "v".into(),
            kind: RelationKind::View {
                text: Some("SELECT count(*) FROM a".to_owned()),
                updatable: false,
            },
            tracked: TrackedColumns::new(),
        });
        facts.routines.push(Routine {
            name: "f".into(),
            code: Code::Text("BEGIN RETURN (SELECT count(*) FROM v); END".to_owned()),
            volatility: Volatility::Stable,
            trusted: false,
            times: Default::default(),
        });
        assert_eq!(in_reads_of(&facts, &["a", "b"], &[]), BOTH);
        assert!(in_reads_of(&facts, &["a", "v"], &[]).is_empty());
        assert!(in_reads_of(&facts, &["a"], &["f"]).is_empty());
        for others in [&["b", "v"][..], &["b", "a"]] {
            assert_eq!(in_reads_of(&facts, others, &["f"]), BOTH);
        }
    }

    #[test]
    fn a_table_whose_changes_lead_to_changes_of_others_that_are_read_is_not_told_apart() {
        let mut facts = facts(&["posts", "comments", "tags", "authors"]);
        let keys = || [Facts::columns(["parent"]), Facts::columns(["id"])];
        facts.add_foreign_key(["comments", "posts"], ["CASCADE", "NO ACTION"], keys());
        facts.add_foreign_key(["tags", "posts"], ["NO ACTION", "NO ACTION"], keys());
        facts.add_foreign_key(["posts", "authors"], ["CASCADE", "NO ACTION"], keys());
        let read = |tables: &[&str]| in_reads_of(&facts, tables, &[]);
        assert!(read(&["posts", "comments"]).is_empty());
        assert!(read(&["authors", "comments"]).is_empty());
        assert!(read(&["authors", "tags", "posts"]).is_empty());
        for told_apart in [
            &["posts"][..],
            &["comments", "posts"],
            &["posts", "authors"],
            &["posts", "tags"],
            &["tags", "posts"],
        ] {
            assert_eq!(read(told_apart), BOTH, "{told_apart:?}");
        }
    }

    #[test]
    fn nothing_is_tracked_if_triggers_cannot_be_seen() {
        let mut facts = facts(&["a"]);
        facts.triggers_hidden = true;
        assert!(in_reads(&facts, "a").is_empty());
    }

    #[test]
    fn a_column_that_the_database_may_set_is_not_tracked() {
        let mut facts = facts(&["a", "b", "c"]);
        facts.add_also_updated("a", &Facts::columns(["id"]));
        facts.add_also_inserted("b", &Facts::columns(["parent", "x"]));
        facts.add_also_inserted("c", &Columns::All);
        assert_eq!(in_reads(&facts, "a"), ["parent"]);
        assert_eq!(in_reads(&facts, "b"), ["id*"]);
        assert!(in_reads(&facts, "c").is_empty());
    }

    #[test]
    fn changes_that_cause_others_of_the_same_table_are_not_told_apart() {
        let mut facts = facts(&["posts", "authors"]);
        let to = |column| Facts::columns([column]);
        let keys = [to("parent"), to("id")];
        facts.add_foreign_key(["posts", "posts"], ["CASCADE", "CASCADE"], keys.clone());
        facts.add_foreign_key(["posts", "authors"], ["CASCADE", "CASCADE"], keys);
        assert_eq!(in_reads(&facts, "posts"), BOTH);
        for kept in [Events::INSERT.into(), update_of("title")] {
            assert_eq!(in_writes(&facts, "posts", kept), BOTH);
        }
        for wide in [
            Events::DELETE.into(),
            Events::UPSERT.into(),
            update_of("id"),
        ] {
            assert!(in_writes(&facts, "posts", wide).is_empty());
        }
        // Their rows have the columns of another table.
        assert_eq!(in_writes(&facts, "authors", Changes::ALL), BOTH);
    }

    #[test]
    fn changes_that_come_back_through_another_table_are_not_told_apart() {
        let mut facts = facts(&["posts", "comments"]);
        let keys = [Facts::columns(["parent"]), Facts::columns(["id"])];
        facts.add_foreign_key(["comments", "posts"], ["CASCADE", "NO ACTION"], keys);
        facts.triggers = vec![trigger(
            "comments",
            Events::DELETE,
            "BEGIN UPDATE posts SET comments = comments - 1 WHERE id = OLD.parent; END",
        )];
        assert!(in_writes(&facts, "posts", Events::DELETE).is_empty());
        assert_eq!(in_writes(&facts, "posts", Events::UPSERT), BOTH);
        assert!(in_writes(&facts, "comments", Events::ALL).len() == 2);
    }

    #[test]
    fn triggers_that_may_write_their_own_table_leave_nothing_told_apart() {
        let mut facts = facts(&["a", "b", "c"]);
        let stamps = "BEGIN UPDATE a SET at = 1 WHERE id = NEW.id; END";
        facts.triggers = vec![trigger("a", Events::UPDATE, stamps)];
        assert!(in_writes(&facts, "a", Events::UPDATE).is_empty());
        assert_eq!(in_writes(&facts, "a", Events::INSERT), BOTH);
        assert_eq!(in_writes(&facts, "b", Events::ALL), BOTH);
        // What it does is unknown.
        facts.triggers.push(Trigger {
            table: "b".into(),
            events: Events::INSERT,
            code: Code::Hidden,
        });
        assert!(in_writes(&facts, "b", Events::INSERT).is_empty());
        assert_eq!(in_writes(&facts, "b", Events::DELETE), BOTH);
        assert_eq!(in_writes(&facts, "c", Events::ALL), BOTH);
    }

    #[test]
    fn further_changes_of_the_same_rows_are_told_apart() {
        let mut facts = facts(&["a", "b"]);
        facts.add_also_updated("a", &Facts::columns(["updated_at"]));
        assert_eq!(in_writes(&facts, "a", Events::UPDATE), BOTH);
        // Unless they lead to changes of others.
        let keys = [Facts::columns(["parent"]), Facts::columns(["updated_at"])];
        facts.add_foreign_key(["a", "a"], ["NO ACTION", "CASCADE"], keys);
        assert!(in_writes(&facts, "a", update_of("title")).is_empty());
        assert_eq!(in_writes(&facts, "a", Events::DELETE), BOTH);
    }

    #[test]
    fn a_table_in_which_a_row_may_replace_others_has_inserts_that_are_not_told_apart() {
        let mut facts = facts(&["a"]);
        facts.replacing = vec!["a".into()];
        assert!(in_writes(&facts, "a", Events::INSERT).is_empty());
        assert_eq!(in_writes(&facts, "a", Events::DELETE), BOTH);
    }

    #[test]
    fn every_fact_of_tracked_columns_changes_the_shared_hash() {
        let plain = facts(&["a"]);
        let mut other = plain.clone();
        other.add_also_inserted("a", &Columns::All);
        assert_ne!(plain.shared_hash(), other.shared_hash());
        let mut other = plain.clone();
        other.relations[0].tracked = named([("id", ID)]);
        assert_ne!(plain.shared_hash(), other.shared_hash());
    }
}
