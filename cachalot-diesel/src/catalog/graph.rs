//! The dependencies between relations, and the transitive dependencies of a read.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    causes::Causes,
    facts::{Facts, Relation, RelationKind},
    families::{self, Members},
    routines::Routines,
    times::{Place, TimeTypes},
    tracked::TrackedColumns,
    tracked_tables,
};
use cachalot_sql::{
    Analysis, Changes, Columns, Dialect, Events, Uncacheable, Writes,
    catalog::{Named, Times},
};

/// The relations of a database and their dependencies. Immutable: after a change of the schema a new
/// one is loaded.
#[derive(Debug)]
pub(crate) struct Catalog {
    id: u64,
    relations: HashMap<Arc<str>, Node>,
    /// Parents with many members, and all their direct and indirect members.
    pub(super) families: Members,
    pub(super) causes: Causes,
    /// Tables, and their columns by whose values reads and writes are told apart.
    pub(super) tracked: HashMap<Arc<str>, TrackedColumns>,
    routines: Routines,
    /// Functions that can be called on a whole row as if they were one of its columns.
    row_functions: BTreeSet<Arc<str>>,
    /// A statement that violates a constraint may keep its earlier changes.
    fails_in_part: bool,
    /// The account cannot see triggers.
    triggers_hidden: bool,
    /// Schemas of the server that were not loaded.
    skipped_schemas: BTreeSet<Arc<str>>,
}

/// All relations of one name.
#[derive(Debug, Default)]
struct Node {
    /// Reading it also reads these.
    reads: BTreeSet<Arc<str>>,
    /// Reads of it depend on all its columns, whichever they name.
    wide: bool,
    /// Functions that it calls, except those known to be built-in and pure.
    functions: BTreeSet<Arc<str>>,
    /// Settings that affect which rows are visible.
    settings: BTreeSet<String>,
    /// Routines that can be called like one of its columns.
    computed: BTreeSet<Arc<str>>,
    /// What reading it writes.
    writes: Writes,
    /// Its `TIME` columns. MySQL combines them with today's date where it expects a date.
    times: BTreeSet<Arc<str>>,
    /// MySQL: where its text would use a time as a date.
    dated: Vec<(Times, String)>,
    /// SQLite: what its definition names that a program may have defined.
    named: Named,
    /// Why reads of it cannot be cached.
    refused: Option<Refusal>,
}

/// MySQL: whether a time is used as a date.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DateDependence {
    pub(crate) always: bool,
    /// If a bind is a time.
    pub(crate) with_times: bool,
}

/// Why no read of a relation may be cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// For the same reason as a statement with the relation's text.
    Text(Uncacheable),
    /// Its rows can change without a visible write.
    Untrackable(Arc<str>),
    /// The account cannot see triggers.
    TriggersNotVisible,
}

/// What a read depends on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// The relations that are read, directly or not.
    pub(crate) reads: BTreeSet<Arc<str>>,
    /// Those among them that are read otherwise than by their name in the text: by views and functions. Which of
    /// their rows, the text does not tell.
    pub(crate) indirect: BTreeSet<Arc<str>>,
    /// All tables whose changes may change the rows, and which changes.
    pub(crate) tables: BTreeMap<Arc<str>, Changes>,
    /// Functions that are called, directly or not, except those known to be built-in and pure.
    pub(crate) functions: BTreeSet<Arc<str>>,
    /// What the read may write.
    pub(crate) writes: Writes,
    /// A procedure among the functions may begin or end transactions.
    pub(crate) may_end_transaction: bool,
    /// Settings that affect the rows.
    pub(crate) settings: BTreeSet<String>,
    /// SQLite: functions and collations in definitions that a program may have defined.
    pub(crate) named: Named,
    pub(crate) refused: Option<Refusal>,
}

impl Catalog {
    pub(crate) fn new(facts: &Facts) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut this = Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            relations: HashMap::new(),
            families: families::of(&facts.inheritance),
            causes: Causes::new(facts),
            tracked: tracked_tables::of(facts),
            routines: Routines::new(facts),
            row_functions: facts.row_functions.clone(),
            fails_in_part: facts.fails_in_part,
            triggers_hidden: facts.triggers_hidden,
            skipped_schemas: facts.skipped_schemas.clone(),
        };
        for relation in &facts.relations {
            this.add_relation(relation, facts.dialect);
        }
        for (parent, child) in &facts.inheritance {
            this.node(parent).reads.insert(Arc::clone(child));
        }
        for trigger in &facts.triggers {
            let effect = this.routines.of_code(&trigger.code);
            this.causes
                .add_writes(effect.writes, &trigger.table, trigger.events);
        }
        for policy in &facts.policies {
            let effect = this.routines.of_text(&policy.condition, false);
            let effect = this.routines.with_calls(effect);
            let node = this.node(&policy.table);
            node.wide = true;
            node.writes.merge(&effect.writes);
            node.reads.extend(effect.reads);
            node.settings.extend(effect.settings);
            let volatile = effect.volatile.map(Uncacheable::VolatileFunction);
            node.refuse(volatile.map(Refusal::Text));
            // Policies also apply to writes.
            this.causes
                .add_writes(effect.writes, &policy.table, Events::ALL);
        }
        for (relation, what) in &facts.nondeterministic {
            let volatile = Uncacheable::VolatileFunction(what.clone());
            this.node(relation).refuse(Some(Refusal::Text(volatile)));
        }
        for (relation, column) in &facts.time_columns {
            this.node(relation).times.insert(Arc::clone(column));
        }
        for code in &facts.event_triggers {
            // Not every change of the schema changes the epoch. Triggers that may write any table are
            // ignored, as otherwise nothing could be cached.
            if let Writes::Tables(tables) = this.routines.of_code(code).writes {
                for table in tables.keys() {
                    let untrackable = Refusal::Untrackable(Arc::clone(table));
                    this.node(table).refuse(Some(untrackable));
                }
            }
        }
        for (relation, named) in &facts.named {
            this.node(relation).named.extend(named);
        }
        for (relation, routine) in &facts.computed {
            let node = this.node(relation);
            node.computed.insert(Arc::clone(routine));
        }
        this
    }

    /// Catalogs with the same id are equal.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    fn node(&mut self, name: &Arc<str>) -> &mut Node {
        self.relations.entry(Arc::clone(name)).or_default()
    }

    fn add_relation(&mut self, relation: &Relation, dialect: Dialect) {
        let name = &relation.name;
        match &relation.kind {
            RelationKind::Table => {
                self.node(name);
            }
            RelationKind::Outside | RelationKind::View { text: None, .. } => {
                let untrackable = Refusal::Untrackable(Arc::clone(name));
                self.node(name).refuse(Some(untrackable));
            }
            RelationKind::Derived(text) => {
                let mut reads = self.routines.of_text(text, false).reads;
                reads.remove(name);
                let node = self.node(name);
                node.reads.extend(reads);
                // Its columns follow from each other, as those of a full-text table do.
                node.wide = true;
            }
            RelationKind::View {
                text: Some(text),
                updatable,
            } => self.add_view(name, text, *updatable, dialect),
        }
    }

    fn add_view(&mut self, name: &Arc<str>, text: &str, updatable: bool, dialect: Dialect) {
        let analysis = Analysis::of(text, dialect);
        let mut reads: BTreeSet<_> = analysis.reads().iter().cloned().collect();
        if !analysis.parsed {
            reads.retain(|read| self.routines.is_relation(read));
        }
        reads.remove(name);
        if updatable {
            for base in &reads {
                for events in [Events::INSERT, Events::UPDATE, Events::DELETE] {
                    self.causes.add(base, events, name, events);
                }
            }
        }
        let refused = match analysis.uncacheable_by(|_| true, |name| self.has(name)) {
            None | Some(Uncacheable::NoTable) => None,
            Some(reason) => Some(Refusal::Text(reason.clone())),
        };
        let called = self.calls_of(&analysis, text);
        let node = self.node(name);
        node.functions.extend(called);
        node.reads.extend(reads);
        let dated = analysis.times().map(|it| (it.clone(), text.to_owned()));
        node.dated.extend(dated);
        node.refuse(refused);
    }

    /// The functions that a text calls, except those known to be built-in and pure.
    pub(crate) fn calls_of(&self, analysis: &Analysis, text: &str) -> BTreeSet<Arc<str>> {
        let mut calls = self.routines.implied_by(text);
        calls.extend(analysis.unknown_functions().cloned());
        // The user may have overloaded a built-in function.
        let own = analysis
            .calls()
            .filter(|name| self.routines.get(name).is_some());
        calls.extend(own.cloned());
        calls
    }

    /// What a read of these columns of these relations, which calls these functions, depends on. `text` is
    /// searched for routines that are called like columns.
    pub(crate) fn resolve<'a>(
        &self,
        relations: &BTreeMap<Arc<str>, Columns>,
        functions: impl IntoIterator<Item = &'a Arc<str>>,
        text: &str,
    ) -> Resolved {
        let mut resolved = Resolved::default();
        let mut read: BTreeMap<Arc<str>, Changes> = BTreeMap::new();
        let mut pending: Vec<(Arc<str>, Columns)> = relations
            .iter()
            .map(|(name, columns)| (Arc::clone(name), self.columns_of(name, columns)))
            .collect();
        // Which columns of them matter, the text does not tell.
        let indirect = |name: &Arc<str>| (Arc::clone(name), Columns::All);
        let mut called: Vec<Arc<str>> = functions.into_iter().cloned().collect();
        loop {
            if let Some(function) = called.pop() {
                if !resolved.functions.insert(Arc::clone(&function)) {
                    continue;
                }
                if let Some(effect) = self.routines.get(&function) {
                    resolved.indirect.extend(effect.reads.iter().cloned());
                    pending.extend(effect.reads.iter().map(indirect));
                    resolved.settings.extend(effect.settings.iter().cloned());
                    resolved.writes.merge(&effect.writes);
                    resolved.may_end_transaction |= effect.may_end_transaction;
                    if effect.dated {
                        resolved.refused.get_or_insert_with(depends_on_date);
                    }
                }
            } else if let Some((name, columns)) = pending.pop() {
                let changes = read.entry(Arc::clone(&name)).or_default();
                changes.merge(&Changes {
                    events: Events::ALL,
                    updated: columns,
                });
                if !resolved.reads.insert(Arc::clone(&name)) {
                    continue;
                }
                let Some(node) = self.relations.get(&name) else {
                    continue;
                };
                resolved.indirect.extend(node.reads.iter().cloned());
                pending.extend(node.reads.iter().map(indirect));
                called.extend(node.functions.iter().cloned());
                let mentioned = node.computed.iter().filter(|name| mentions(text, name));
                called.extend(mentioned.cloned());
                resolved.settings.extend(node.settings.iter().cloned());
                resolved.named.extend(&node.named);
                resolved.writes.merge(&node.writes);
                if resolved.refused.is_none() {
                    resolved.refused.clone_from(&node.refused);
                }
            } else {
                break;
            }
        }
        if self.triggers_hidden && resolved.refused.is_none() {
            resolved.refused = Some(Refusal::TriggersNotVisible);
        }
        resolved.tables = self.causes.leading_to(read);
        resolved
    }

    /// The columns of a relation on which a text depends that names these: all, if these do not tell.
    fn columns_of(&self, relation: &Arc<str>, named: &Columns) -> Columns {
        let node = self.relations.get(relation);
        let told = node.is_some_and(|node| !node.wide) && self.has(relation);
        match named {
            Columns::Named(names) if told && names.is_disjoint(&self.row_functions) => {
                named.clone()
            }
            _ => Columns::All,
        }
    }

    /// MySQL: does a statement use a time as a date, itself or in a view or routine? `resolved`: what it
    /// depends on.
    pub(crate) fn date_dependence(
        &self,
        analysis: &Analysis,
        resolved: &Resolved,
    ) -> DateDependence {
        let relations = resolved.reads.iter();
        let nodes = || relations.clone().filter_map(|it| self.relations.get(it));
        let text = analysis.text().sql();
        let own = analysis.times().map(|times| Place { times, text });
        let behind = nodes().flat_map(|node| &node.dated);
        let behind = behind.map(|(times, text)| Place { times, text });
        let places: Vec<_> = own.chain(behind).collect();
        if places.is_empty() {
            return DateDependence::default();
        }
        let is_timed = |name: &str| self.routines.get(name).is_some_and(|it| it.timed);
        let types = TimeTypes {
            columns: nodes()
                .flat_map(|node| &node.times)
                .map(|it| &**it)
                .collect(),
            several: resolved.reads.len() > 1,
            calls_timed: resolved.functions.iter().any(|name| is_timed(name)),
            is_timed,
            binds: false,
        };
        let always = types.depend_on_date(&places);
        let types = TimeTypes {
            binds: true,
            ..types
        };
        DateDependence {
            always,
            with_times: types.depend_on_date(&places),
        }
    }

    /// The schemas that a text names and that were not loaded, if there are any.
    pub(crate) fn skipped_schemas(&self, analysis: &Analysis) -> Option<BTreeSet<Arc<str>>> {
        if self.skipped_schemas.is_empty() {
            return None;
        }
        let named = analysis.statements.iter().flat_map(|it| &it.schemas);
        let named = named.filter(|schema| self.skipped_schemas.contains(*schema));
        let skipped: BTreeSet<_> = named.cloned().collect();
        (!skipped.is_empty()).then_some(skipped)
    }

    /// Does a statement that violates a constraint certainly change nothing?
    pub(crate) fn fails_whole(&self) -> bool {
        !self.fails_in_part
    }

    /// The names of all relations.
    pub(crate) fn relations(&self) -> impl Iterator<Item = &Arc<str>> {
        self.routines.relations()
    }

    /// Is there a relation of this name?
    pub(crate) fn has(&self, relation: &str) -> bool {
        self.routines.is_relation(relation)
    }

    /// Is there a user-defined routine of this name?
    pub(crate) fn has_routine(&self, name: &str) -> bool {
        self.routines.get(name).is_some()
    }

    /// Does a function give the same result for the same arguments and tables?
    pub(crate) fn is_pure(&self, function: &str) -> bool {
        // Considers all functions of this name.
        !self.routines.may_be_unknown_builtin(function)
            && self
                .routines
                .get(function)
                .is_some_and(|effect| effect.volatile.is_none())
    }

    /// Are all reads and calls free of side effects?
    pub(crate) fn has_no_side_effects(&self) -> bool {
        self.routines.have_no_side_effects()
            && self.relations.values().all(|node| node.writes.is_nothing())
    }

    /// Is a function of this name built-in, and not also user-defined?
    pub(crate) fn is_builtin(&self, function: &str) -> bool {
        self.routines.is_builtin(function)
    }

    /// May a call of this name be to a routine that is newer than the catalog, or local to the session?
    pub(crate) fn is_unknown_routine(&self, function: &str) -> bool {
        self.routines.is_unknown_routine(function)
    }
}

fn depends_on_date() -> Refusal {
    Refusal::Text(Uncacheable::VolatileFunction("time".to_owned()))
}

/// Does a text contain this name, quoted or not?
fn mentions(text: &str, name: &str) -> bool {
    text.to_lowercase().contains(name)
}

impl Node {
    fn refuse(&mut self, refused: Option<Refusal>) {
        if self.refused.is_none() {
            self.refused = refused;
        }
    }
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
