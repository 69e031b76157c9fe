use super::*;
use crate::catalog::facts::{Action, Code, ForeignKey, Policy, Routine, Trigger, Volatility};
use cachalot_sql::table_name;

fn facts(relations: &[&str]) -> Facts {
    Facts::with_tables(Dialect::Postgres, relations)
}

fn view(name: &str, text: &str, updatable: bool) -> Relation {
    Relation {
        name: name.into(),
        kind: RelationKind::View {
            text: Some(text.to_owned()),
            updatable,
        },
        tracked: Default::default(),
    }
}

fn trigger(table: &str, events: Events, text: &str) -> Trigger {
    Trigger {
        table: table.into(),
        events,
        code: Code::Text(text.to_owned()),
    }
}

fn routine(name: &str, volatility: Volatility, text: &str) -> Routine {
    Routine {
        name: name.into(),
        code: Code::Text(text.to_owned()),
        volatility,
        trusted: false,
        times: Default::default(),
    }
}

/// A read of these columns of a relation.
fn used(relation: &str, columns: Columns) -> BTreeMap<Arc<str>, Columns> {
    BTreeMap::from([(table_name(relation), columns)])
}

fn resolve(facts: &Facts, relation: &str) -> Resolved {
    Catalog::new(facts).resolve(&used(relation, Columns::All), &[], "")
}

/// What a read of a relation depends on: names, and the initials of the events.
fn depends(facts: &Facts, relation: &str) -> Vec<String> {
    let events = |events: &Events| {
        let all = [
            (events.insert, 'i'),
            (events.update, 'u'),
            (events.delete, 'd'),
        ];
        all.iter()
            .filter(|it| it.0)
            .map(|it| it.1)
            .collect::<String>()
    };
    let resolved = resolve(facts, relation);
    let tables = resolved.tables.iter();
    tables
        .map(|(table, which)| format!("{table}:{}", events(&which.events)))
        .collect()
}

#[test]
fn a_plain_table_depends_on_itself() {
    assert_eq!(depends(&facts(&["a", "b"]), "a"), ["a:iud"]);
    assert_eq!(depends(&facts(&[]), "unknown"), ["unknown:iud"]);
}

#[test]
fn a_view_depends_on_its_tables_transitively() {
    let mut facts = facts(&["a", "b"]);
    facts
        .relations
        .push(view("v", "SELECT a.id FROM a, b", false));
    facts.relations.push(view("w", "SELECT id FROM v", false));
    assert_eq!(depends(&facts, "w"), ["a:iud", "b:iud", "v:iud", "w:iud"]);
    assert_eq!(depends(&facts, "a"), ["a:iud"]);
}

#[test]
fn a_table_depends_on_its_updatable_views() {
    let mut facts = facts(&["a"]);
    facts.relations.push(view("v", "SELECT id FROM a", true));
    facts.relations.push(view("w", "SELECT id FROM v", true));
    assert_eq!(depends(&facts, "a"), ["a:iud", "v:iud", "w:iud"]);
}

#[test]
fn cycles_of_views_terminate() {
    let mut facts = facts(&[]);
    facts.relations.push(view("v", "SELECT id FROM w", true));
    facts.relations.push(view("w", "SELECT id FROM v", true));
    assert_eq!(depends(&facts, "v"), ["v:iud", "w:iud"]);
}

#[test]
fn a_child_depends_on_the_events_of_its_parent_that_cascade() {
    let mut facts = facts(&["child", "parent", "grandparent"]);
    let key = |child: &str, parent: &str, on_delete, on_update| ForeignKey {
        child: child.into(),
        parent: parent.into(),
        on_delete,
        on_update,
        child_columns: Columns::All,
        parent_columns: Columns::All,
    };
    facts.foreign_keys = vec![
        key("child", "parent", Action::Delete, Action::Nothing),
        key("parent", "grandparent", Action::Delete, Action::Update),
    ];
    // Neither an update of the parent's key nor of the grandparent's affects the child.
    assert_eq!(
        depends(&facts, "child"),
        ["child:iud", "grandparent:d", "parent:d"]
    );
    assert_eq!(depends(&facts, "parent"), ["grandparent:ud", "parent:iud"]);
    assert_eq!(depends(&facts, "grandparent"), ["grandparent:iud"]);
}

#[test]
fn a_table_depends_on_the_triggers_that_write_it() {
    let mut facts = facts(&["a", "log", "totals", "settings"]);
    facts.triggers = vec![
        trigger(
            "a",
            Events::INSERT,
            "BEGIN INSERT INTO log SELECT x FROM settings; RETURN NEW; END",
        ),
        trigger("log", Events::INSERT, "UPDATE totals SET n = n + 1"),
        trigger("log", Events::DELETE, "UPDATE totals SET n = n - 1"),
    ];
    assert_eq!(depends(&facts, "log"), ["a:i", "log:iud"]);
    assert_eq!(depends(&facts, "totals"), ["a:i", "log:id", "totals:iud"]);
    assert_eq!(depends(&facts, "settings"), ["settings:iud"]);
}

#[test]
fn a_trigger_with_dynamic_sql_may_change_anything() {
    let mut facts = facts(&["a", "b"]);
    let dynamic = "BEGIN EXECUTE format('DELETE FROM %I', NEW.t); END";
    facts.triggers = vec![trigger("a", Events::UPDATE, dynamic)];
    assert_eq!(depends(&facts, "b"), ["a:u", "b:iud"]);
}

#[test]
fn parents_and_children_depend_on_each_other() {
    let mut facts = facts(&["p", "c1", "c2"]);
    facts.inheritance = vec![("p".into(), "c1".into()), ("p".into(), "c2".into())];
    assert_eq!(depends(&facts, "p"), ["c1:iud", "c2:iud", "p:iud"]);
    assert_eq!(depends(&facts, "c1"), ["c1:iud", "p:iud"]);
}

#[test]
fn the_effect_of_a_function_includes_the_functions_it_calls() {
    let mut facts = facts(&["a", "log"]);
    facts.routines = vec![
        routine("total", Volatility::Stable, "SELECT count(*) FROM a"),
        routine("twice", Volatility::Stable, "SELECT 2 * total()"),
        routine(
            "note",
            Volatility::Volatile,
            "INSERT INTO log DEFAULT VALUES",
        ),
        routine(
            "outer_note",
            Volatility::Volatile,
            "BEGIN PERFORM note(); END",
        ),
        routine("today", Volatility::Stable, "SELECT now()"),
        routine(
            "whose",
            Volatility::Stable,
            "SELECT current_setting('app.user')",
        ),
    ];
    let catalog = Catalog::new(&facts);
    let resolved = catalog.resolve(&BTreeMap::new(), &["twice".into(), "whose".into()], "");
    assert_eq!(resolved.reads, BTreeSet::from(["a".into()]));
    assert_eq!(resolved.settings, BTreeSet::from(["app.user".to_owned()]));
    for (function, pure) in [
        ("total", true),
        ("twice", true),
        ("whose", true),
        ("note", false),
        ("outer_note", false),
        ("today", false),
        ("absent", false),
    ] {
        assert_eq!(catalog.is_pure(function), pure, "{function}");
    }
    let written: Writes = [("log".into(), Events::INSERT)].into_iter().collect();
    let writes_of = |name: &str| catalog.resolve(&BTreeMap::new(), &[name.into()], "").writes;
    assert_eq!(writes_of("outer_note"), written);
    assert_eq!(writes_of("total"), Writes::Nothing);
    assert_eq!(writes_of("absent"), Writes::Nothing);
}

#[test]
fn a_trusted_function_only_reads() {
    let mut facts = facts(&["a", "b"]);
    let made_up = "BEGIN EXECUTE 'SELECT 1'; PERFORM count(*) FROM a; END";
    facts.routines = vec![routine("harmless", Volatility::Volatile, made_up)];
    facts.triggers = vec![Trigger {
        table: "b".into(),
        events: Events::INSERT,
        code: Code::Call("harmless".into()),
    }];
    assert_eq!(depends(&facts, "a"), ["a:iud", "b:i"]);
    facts.trust(&BTreeSet::from(["harmless".to_owned()]));
    assert_eq!(depends(&facts, "a"), ["a:iud"]);
    let catalog = Catalog::new(&facts);
    let resolved = catalog.resolve(&BTreeMap::new(), &["harmless".into()], "");
    assert_eq!(resolved.reads, BTreeSet::from(["a".into()]));
    assert_eq!(resolved.writes, Writes::Nothing);
    assert!(catalog.is_pure("harmless"));
}

#[test]
fn a_policy_reads_tables_and_settings() {
    let mut facts = facts(&["secrets", "members"]);
    facts.policies = vec![Policy {
        table: "secrets".into(),
        condition: "EXISTS (SELECT 1 FROM members m WHERE m.name = CURRENT_USER \
                    AND m.tenant = current_setting('app.tenant'))"
            .to_owned(),
    }];
    let resolved = resolve(&facts, "secrets");
    assert_eq!(resolved.reads.len(), 2);
    assert_eq!(resolved.settings, BTreeSet::from(["app.tenant".to_owned()]));
    assert_eq!(resolved.refused, None);
}

#[test]
fn hidden_and_nondeterministic_relations_are_refused() {
    let mut facts = facts(&["a"]);
    facts
        .relations
        .push(view("recent", "SELECT id FROM a WHERE at > now()", false));
    facts.relations.push(Relation {
        name: "remote".into(),
        kind: RelationKind::Outside,
        tracked: Default::default(),
    });
    facts
        .relations
        .push(view("over", "SELECT id FROM remote", false));
    let now = Uncacheable::VolatileFunction("now".to_owned());
    assert_eq!(resolve(&facts, "recent").refused, Some(Refusal::Text(now)));
    for relation in ["remote", "over"] {
        let untrackable = Refusal::Untrackable("remote".into());
        assert_eq!(resolve(&facts, relation).refused, Some(untrackable));
    }
}

#[test]
fn implicit_calls_are_found() {
    let mut facts = facts(&["people", "log", "rates"]);
    facts.routines = vec![
        routine("plus", Volatility::Volatile, "INSERT INTO log VALUES (1)"),
        routine("length", Volatility::Stable, "SELECT count(*) FROM rates"),
        routine("age_of", Volatility::Stable, "SELECT max(x) FROM rates"),
    ];
    facts.operators = vec![("<+>".to_owned(), "plus".into())];
    facts.computed = vec![("people".into(), "age_of".into())];
    let catalog = Catalog::new(&facts);
    let of = |sql: &str| {
        let analysis = Analysis::of(sql, Dialect::Postgres);
        let calls = catalog.calls_of(&analysis, sql);
        let used = analysis.reads().iter();
        let used = used.map(|table| (Arc::clone(table), analysis.columns(table)));
        catalog.resolve(&used.collect(), &calls, sql)
    };
    assert!(!of("SELECT a <+> b FROM people").writes.is_nothing());
    assert!(of("SELECT a + b FROM people").writes.is_nothing());
    for sql in [
        "SELECT length(p) FROM people p",
        "SELECT p.Age_Of FROM people p",
    ] {
        assert!(of(sql).tables.contains_key("rates"), "{sql}");
    }
    assert!(!of("SELECT name FROM people").tables.contains_key("rates"));
}

#[test]
fn reading_a_view_that_calls_a_writing_function_writes() {
    let mut facts = facts(&["people", "log"]);
    facts.routines = vec![routine(
        "touch",
        Volatility::Volatile,
        "INSERT INTO log VALUES (1)",
    )];
    facts
        .relations
        .push(view("aud", "SELECT id FROM people WHERE touch(id)", false));
    facts.policies = vec![Policy {
        table: "people".into(),
        condition: "touch(id)".to_owned(),
    }];
    assert!(!resolve(&facts, "aud").writes.is_nothing());
    assert!(!resolve(&facts, "people").writes.is_nothing());
}

#[test]
fn replacing_a_row_deletes_it() {
    let mut facts = facts(&["parents", "kids"]);
    facts.foreign_keys = vec![ForeignKey {
        child: "kids".into(),
        parent: "parents".into(),
        on_delete: Action::Delete,
        on_update: Action::Nothing,
        child_columns: Columns::All,
        parent_columns: Columns::All,
    }];
    assert_eq!(depends(&facts, "kids"), ["kids:iud", "parents:d"]);
    facts.replacing = vec!["parents".into()];
    assert_eq!(depends(&facts, "kids"), ["kids:iud", "parents:iud"]);
}

#[path = "column_tests.rs"]
mod columns;
