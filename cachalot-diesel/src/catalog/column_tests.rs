//! Which columns' updates a read depends on.

use super::*;

/// What a read of these columns of a relation depends on: names, `i` and `d`, and the columns whose updates
/// matter.
fn depends_by_column(facts: &Facts, relation: &str, columns: &[&str]) -> Vec<String> {
    let columns = columns.iter().copied().collect();
    let resolved = Catalog::new(facts).resolve(&used(relation, columns), &[], "");
    let tables = resolved.tables.iter();
    tables
        .map(|(table, changes)| {
            let Events {
                insert,
                update,
                delete,
            } = changes.events;
            let events = [(insert, "i"), (delete, "d")];
            let events = events.iter().filter(|it| it.0).map(|it| it.1.to_owned());
            let updates = match &changes.updated {
                Columns::Named(names) => names.iter().map(ToString::to_string).collect(),
                Columns::All => vec!["*".to_owned()],
            };
            assert!(update || updates.is_empty());
            let all: Vec<_> = events.chain(updates).collect();
            format!("{table}: {}", all.join(" "))
        })
        .collect()
}

fn also_updated(table: &str, columns: Columns) -> (Arc<str>, Columns) {
    (table.into(), columns)
}

#[test]
fn a_read_depends_on_updates_of_the_columns_that_it_names() {
    let facts = facts(&["a", "b"]);
    assert_eq!(depends_by_column(&facts, "a", &["x", "y"]), ["a: i d x y"]);
    assert_eq!(depends_by_column(&facts, "a", &[]), ["a: i d"]);
    assert_eq!(
        depends_by_column(&facts, "unknown", &["x"]),
        ["unknown: i d *"]
    );
}

#[test]
fn columns_of_relations_that_the_text_does_not_name_are_not_told_apart() {
    let mut facts = facts(&["a", "b"]);
    facts.relations.push(view("v", "SELECT x FROM a", false));
    assert_eq!(
        depends_by_column(&facts, "v", &["x"]),
        ["a: i d *", "v: i d x"]
    );
    let both = [("a", &["x"]), ("v", &["x"])];
    let both = both.map(|(name, columns)| (name.into(), columns.iter().copied().collect()));
    let both = Catalog::new(&facts).resolve(&BTreeMap::from(both), &[], "");
    assert_eq!(both.tables["a"], Changes::ALL, "in either order");
    facts.routines = vec![routine("f", Volatility::Stable, "SELECT count(*) FROM a")];
    let called = Catalog::new(&facts).resolve(
        &used("a", Columns::NONE),
        &["f".into()],
        "SELECT f() FROM a",
    );
    assert_eq!(called.tables["a"], Changes::ALL);
}

#[test]
fn an_update_through_a_view_may_set_any_column() {
    let mut facts = facts(&["a"]);
    facts
        .relations
        .push(view("v", "SELECT x AS y FROM a", true));
    assert_eq!(
        depends_by_column(&facts, "a", &["x"]),
        ["a: i d x", "v: i d *"]
    );
}

#[test]
fn partitions_and_tables_with_policies_are_not_told_apart_by_column() {
    let mut partitioned = facts(&["p", "c"]);
    partitioned.inheritance = vec![("p".into(), "c".into())];
    assert_eq!(
        depends_by_column(&partitioned, "p", &["x"]),
        ["c: i d *", "p: i d *"]
    );
    let mut secured = facts(&["a", "b"]);
    secured.policies = vec![Policy {
        table: "a".into(),
        condition: "owner = CURRENT_USER".to_owned(),
    }];
    assert_eq!(depends_by_column(&secured, "a", &["x"]), ["a: i d *"]);
    assert_eq!(depends_by_column(&secured, "b", &["x"]), ["b: i d x"]);
}

#[test]
fn columns_that_change_with_others_depend_on_every_update() {
    let mut facts = facts(&["a", "b", "c"]);
    facts.also_updated = BTreeMap::from([
        also_updated("a", ["g"].into_iter().collect()),
        also_updated("b", Columns::All),
    ]);
    assert_eq!(depends_by_column(&facts, "a", &["g", "x"]), ["a: i d *"]);
    assert_eq!(depends_by_column(&facts, "a", &["x"]), ["a: i d x"]);
    assert_eq!(depends_by_column(&facts, "b", &["x"]), ["b: i d *"]);
    assert_eq!(depends_by_column(&facts, "c", &["g"]), ["c: i d g"]);
}

#[test]
fn a_foreign_key_changes_its_columns() {
    let mut facts = facts(&["child", "parent"]);
    facts.add_foreign_key(
        ["child", "parent"],
        ["SET NULL", "CASCADE"],
        [Facts::columns(["Parent"]), Facts::columns(["id"])],
    );
    assert_eq!(
        depends_by_column(&facts, "child", &["parent"]),
        ["child: i d parent", "parent: d id"]
    );
    assert_eq!(
        depends_by_column(&facts, "child", &["name"]),
        ["child: i d name"]
    );
    // The key's column is changed by other updates too.
    facts.also_updated = BTreeMap::from([
        also_updated("parent", ["id"].into_iter().collect()),
        also_updated("child", ["changed_at"].into_iter().collect()),
    ]);
    for column in ["parent", "changed_at"] {
        let found = depends_by_column(&facts, "child", &[column]);
        assert_eq!(found[1], "parent: d *", "{column}");
    }
    assert_eq!(
        depends_by_column(&facts, "child", &["name"]),
        ["child: i d name"]
    );
}

#[test]
fn a_foreign_key_with_unknown_columns_may_change_any() {
    let mut facts = facts(&["tree"]);
    facts.add_foreign_key(
        ["tree", "tree"],
        ["SET NULL", "SET NULL"],
        [Columns::All, Facts::columns(["größe"])],
    );
    assert_eq!(
        depends_by_column(&facts, "tree", &["name"]),
        ["tree: i d *"]
    );
    let [key] = &mut *facts.foreign_keys else {
        panic!("one key")
    };
    key.child_columns = Facts::columns(["above"]);
    assert_eq!(
        depends_by_column(&facts, "tree", &["name"]),
        ["tree: i d name"]
    );
    assert_eq!(
        depends_by_column(&facts, "tree", &["above"]),
        ["tree: i d *"]
    );
}

#[test]
fn what_a_row_can_be_passed_to_like_a_column_depends_on_the_whole_row() {
    let mut facts = facts(&["a"]);
    facts.row_functions = BTreeSet::from(["to_jsonb".into()]);
    assert_eq!(depends_by_column(&facts, "a", &["to_jsonb"]), ["a: i d *"]);
    assert_eq!(depends_by_column(&facts, "a", &["x"]), ["a: i d x"]);
}

#[test]
fn a_trigger_changes_the_columns_that_its_update_sets() {
    let mut facts = facts(&["a", "b"]);
    facts.triggers = vec![trigger(
        "a",
        Events::UPDATE,
        "BEGIN UPDATE b SET x = 1; END",
    )];
    assert_eq!(depends_by_column(&facts, "b", &["x"]), ["a: *", "b: i d x"]);
    assert_eq!(depends_by_column(&facts, "b", &["z"]), ["b: i d z"]);
}

#[test]
fn a_trigger_whose_update_could_not_be_parsed_may_set_any_column() {
    let mut facts = facts(&["a", "b"]);
    facts.triggers = vec![trigger(
        "a",
        Events::INSERT,
        "BEGIN UPDATE b SET (x = 1 WHERE y; END",
    )];
    assert_eq!(depends_by_column(&facts, "b", &["x"]), ["a: i", "b: i d x"]);
    assert_eq!(depends_by_column(&facts, "b", &["z"]), ["a: i", "b: i d z"]);
}

#[test]
fn every_fact_that_tells_columns_changes_the_shared_hash() {
    let plain = facts(&["a", "b"]);
    let changed = |change: &dyn Fn(&mut Facts)| {
        let mut facts = plain.clone();
        change(&mut facts);
        facts.shared_hash() != plain.shared_hash()
    };
    assert!(changed(&|facts| facts.add_also_updated("a", &Columns::All)));
    assert!(!changed(
        &|facts| facts.add_also_updated("a", &Columns::NONE)
    ));
    assert!(!changed(
        &|facts| facts.add_also_updated("a_table_of_a_session", &Columns::All)
    ));
    assert!(changed(&|facts| facts.row_functions.extend(["f".into()])));
    let with_key = |columns: &[&str]| {
        let mut facts = plain.clone();
        let columns = columns.iter().copied();
        facts.add_foreign_key(
            ["a", "b"],
            ["c", "c"],
            [Facts::columns(columns), Columns::All],
        );
        facts.shared_hash()
    };
    assert_ne!(with_key(&["x"]), with_key(&["y"]));
}
