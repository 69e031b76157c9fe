//! What a read depends on, as the catalog tells it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    facts::{Action, Facts, Relation, RelationKind},
    routines::Routines,
    times::{Known, Place},
};
use crate::statement::{Analysis, Dialect, Events, Named, Times, Uncacheable, Writes};

/// What follows from a database's catalog. It never changes; when the database does, there is another.
#[derive(Debug)]
pub(crate) struct Catalog {
    id: u64,
    relations: HashMap<Arc<str>, Node>,
    routines: Routines,
    /// Events after which code runs that may write any table.
    writes_unbounded: Vec<(Arc<str>, Events)>,
    /// A statement that breaks a constraint may keep what it did before.
    fails_in_part: bool,
    /// Nobody can see what runs when tables are written.
    triggers_hidden: bool,
    /// Schemas of the server that were left out.
    skipped_schemas: BTreeSet<Arc<str>>,
}

/// What is known of all relations of one name.
#[derive(Debug, Default)]
struct Node {
    /// Who reads it reads these too.
    reads: BTreeSet<Arc<str>>,
    /// Its rows change by changes of others.
    causes: Vec<Cause>,
    /// Functions that it calls and that the analysis of statements knows nothing of.
    functions: BTreeSet<Arc<str>>,
    /// Settings that decide what is seen of it.
    settings: BTreeSet<String>,
    /// Routines that can be named like one of its columns.
    computed: BTreeSet<Arc<str>>,
    /// What reading it writes.
    writes: Writes,
    /// Its columns of times, which MySQL takes for those of today where a date is wanted.
    times: BTreeSet<Arc<str>>,
    /// MySQL: where its text would take a time for a date.
    dated: Vec<(Times, String)>,
    /// SQLite: what its definition names that a program may have defined.
    named: Named,
    /// Why no read of it may be cached.
    refused: Option<Refusal>,
}

/// When this happens to that table, that happens to the rows of this one.
#[derive(Debug)]
struct Cause {
    table: Arc<str>,
    when: Events,
    then: Events,
}

/// MySQL: whether a time is taken for a date.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MovesWithDate {
    pub(crate) always: bool,
    /// If a bind is a time.
    pub(crate) with_times: bool,
}

/// Why no read of a relation may be cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// As for a statement with the same text.
    Text(Uncacheable),
    /// Its rows can change without a statement that could be seen to change them.
    Unseen(Arc<str>),
    /// Nobody can see what runs when tables are written.
    Blind,
}

/// What a read depends on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// The relations that are read, named by the statement or behind those.
    pub(crate) reads: BTreeSet<Arc<str>>,
    /// All tables whose changes may change the rows, and which of their changes.
    pub(crate) tables: BTreeMap<Arc<str>, Events>,
    /// Functions that are called, by the statement or behind it, and of which the analysis of
    /// statements does not know that they are pure.
    pub(crate) functions: BTreeSet<Arc<str>>,
    /// What reading all this may write.
    pub(crate) writes: Writes,
    /// A procedure among the functions may begin or end transactions.
    pub(crate) moves: bool,
    /// Settings that decide the rows.
    pub(crate) settings: BTreeSet<String>,
    /// SQLite: what the definitions of the relations name that a program may have defined.
    pub(crate) named: Named,
    pub(crate) refused: Option<Refusal>,
}

impl Catalog {
    pub(crate) fn new(facts: &Facts) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut this = Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            relations: HashMap::new(),
            routines: Routines::new(facts),
            writes_unbounded: Vec::new(),
            fails_in_part: facts.fails_in_part,
            triggers_hidden: facts.triggers_hidden,
            skipped_schemas: facts.skipped_schemas.clone(),
        };
        for relation in &facts.relations {
            this.add_relation(relation, facts.dialect);
        }
        for (parent, child) in &facts.inheritance {
            this.node(parent).reads.insert(Arc::clone(child));
            // A statement on the parent reaches the child's rows, and an update may move them from
            // one child to another.
            this.cause(child, Events::INSERT, parent, Events::INSERT);
            this.cause(child, Events::DELETE, parent, Events::DELETE);
            this.cause(child, Events::ALL, parent, Events::UPDATE);
        }
        for key in &facts.foreign_keys {
            this.action(&key.child, key.on_delete, &key.parent, Events::DELETE);
            this.action(&key.child, key.on_update, &key.parent, Events::UPDATE);
        }
        for trigger in &facts.triggers {
            let effect = this.routines.of_code(&trigger.code);
            this.writes(effect.writes, &trigger.table, trigger.events);
        }
        for policy in &facts.policies {
            let effect = this.routines.of_text(&policy.condition, false);
            let effect = this.routines.with_calls(effect);
            let node = this.node(&policy.table);
            node.writes.merge(&effect.writes);
            node.reads.extend(effect.reads);
            node.settings.extend(effect.settings);
            let volatile = effect.volatile.map(Uncacheable::VolatileFunction);
            node.refuse(volatile.map(Refusal::Text));
            // Writes ask it too.
            this.writes(effect.writes, &policy.table, Events::ALL);
        }
        for (relation, what) in &facts.nondeterministic {
            let moving = Uncacheable::VolatileFunction(what.clone());
            this.node(relation).refuse(Some(Refusal::Text(moving)));
        }
        for (relation, column) in &facts.time_columns {
            this.node(relation).times.insert(Arc::clone(column));
        }
        for code in &facts.event_triggers {
            // Not every change of the schema renews what is known of it. What writes anything is left
            // out: it would be the end of all caching.
            if let Writes::Tables(tables) = this.routines.of_code(code).writes {
                for table in tables.keys() {
                    let unseen = Refusal::Unseen(Arc::clone(table));
                    this.node(table).refuse(Some(unseen));
                }
            }
        }
        for table in &facts.replacing {
            this.cause(table, Events::DELETE, table, Events::UPSERT);
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

    /// Two catalogs of one number are the same.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    fn node(&mut self, name: &Arc<str>) -> &mut Node {
        self.relations.entry(Arc::clone(name)).or_default()
    }

    fn cause(&mut self, table: &Arc<str>, then: Events, by: &Arc<str>, when: Events) {
        self.node(table).causes.push(Cause {
            table: Arc::clone(by),
            when,
            then,
        });
    }

    fn action(&mut self, child: &Arc<str>, action: Action, parent: &Arc<str>, when: Events) {
        match action {
            Action::Nothing => {}
            Action::Delete => self.cause(child, Events::DELETE, parent, when),
            Action::Update => self.cause(child, Events::UPDATE, parent, when),
        }
    }

    /// Notes what code writes that runs when a table is written.
    fn writes(&mut self, writes: Writes, by: &Arc<str>, when: Events) {
        match writes {
            Writes::Nothing => {}
            Writes::Tables(tables) => {
                for (table, then) in &tables {
                    self.cause(table, *then, by, when);
                }
            }
            Writes::Everything => self.writes_unbounded.push((Arc::clone(by), when)),
        }
    }

    fn add_relation(&mut self, relation: &Relation, dialect: Dialect) {
        let name = &relation.name;
        match &relation.kind {
            RelationKind::Table => {
                self.node(name);
            }
            RelationKind::Outside | RelationKind::View { text: None, .. } => {
                let unseen = Refusal::Unseen(Arc::clone(name));
                self.node(name).refuse(Some(unseen));
            }
            RelationKind::Derived(text) => {
                let mut reads = self.routines.of_text(text, false).reads;
                reads.remove(name);
                self.node(name).reads.extend(reads);
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
                    self.cause(base, events, name, events);
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

    /// The functions that a text calls and that are not known to be the server's own and pure.
    pub(crate) fn calls_of(&self, analysis: &Analysis, text: &str) -> BTreeSet<Arc<str>> {
        let mut calls = self.routines.implied_by(text);
        calls.extend(analysis.unknown_functions());
        // A name that the server knows too may be the user's for other arguments.
        let own = analysis
            .calls()
            .filter(|name| self.routines.get(name).is_some());
        calls.extend(own.cloned());
        calls
    }

    /// What a read of these relations, which calls these functions, depends on. The text may name
    /// routines like columns.
    pub(crate) fn resolve<'a>(
        &self,
        relations: impl IntoIterator<Item = &'a Arc<str>>,
        functions: impl IntoIterator<Item = &'a Arc<str>>,
        text: &str,
    ) -> Resolved {
        let mut resolved = Resolved::default();
        let mut pending: Vec<Arc<str>> = relations.into_iter().cloned().collect();
        let mut called: Vec<Arc<str>> = functions.into_iter().cloned().collect();
        loop {
            if let Some(function) = called.pop() {
                if !resolved.functions.insert(Arc::clone(&function)) {
                    continue;
                }
                if let Some(effect) = self.routines.get(&function) {
                    pending.extend(effect.reads.iter().cloned());
                    resolved.settings.extend(effect.settings.iter().cloned());
                    resolved.writes.merge(&effect.writes);
                    resolved.moves |= effect.moves;
                    if effect.dated {
                        resolved.refused.get_or_insert_with(moving_date);
                    }
                }
            } else if let Some(name) = pending.pop() {
                if !resolved.reads.insert(Arc::clone(&name)) {
                    continue;
                }
                let Some(node) = self.relations.get(&name) else {
                    continue;
                };
                pending.extend(node.reads.iter().cloned());
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
            resolved.refused = Some(Refusal::Blind);
        }
        resolved.tables = self.causes_of(&resolved.reads);
        resolved
    }

    /// MySQL: does a statement take a time for a date, by itself or in what it reads? `resolved` is what it
    /// depends on.
    pub(crate) fn moves_with_date(
        &self,
        analysis: &Analysis,
        resolved: &Resolved,
    ) -> MovesWithDate {
        let relations = resolved.reads.iter();
        let nodes = || relations.clone().filter_map(|it| self.relations.get(it));
        let text = analysis.text().sql();
        let own = analysis.times().map(|times| Place { times, text });
        let behind = nodes().flat_map(|node| &node.dated);
        let behind = behind.map(|(times, text)| Place { times, text });
        let places: Vec<_> = own.chain(behind).collect();
        if places.is_empty() {
            return MovesWithDate::default();
        }
        let is_timed = |name: &str| self.routines.get(name).is_some_and(|it| it.timed);
        let known = Known {
            columns: nodes()
                .flat_map(|node| &node.times)
                .map(|it| &**it)
                .collect(),
            several: resolved.reads.len() > 1,
            calls_timed: resolved.functions.iter().any(|name| is_timed(name)),
            is_timed,
            binds: false,
        };
        let always = known.moves(&places);
        let known = Known {
            binds: true,
            ..known
        };
        MovesWithDate {
            always,
            with_times: known.moves(&places),
        }
    }

    /// The tables whose changes may change rows of these relations, and which of their changes.
    fn causes_of(&self, relations: &BTreeSet<Arc<str>>) -> BTreeMap<Arc<str>, Events> {
        let mut all: BTreeMap<Arc<str>, Events> = BTreeMap::new();
        let mut pending: Vec<(Arc<str>, Events)> = relations
            .iter()
            .map(|name| (Arc::clone(name), Events::ALL))
            .collect();
        if !pending.is_empty() {
            pending.extend(self.writes_unbounded.iter().cloned());
        }
        while let Some((table, events)) = pending.pop() {
            let known = all.entry(Arc::clone(&table)).or_default();
            let more = known.or(events);
            if more == *known {
                continue;
            }
            *known = more;
            let Some(node) = self.relations.get(&table) else {
                continue;
            };
            let causes = node.causes.iter().filter(|cause| cause.then.meets(more));
            pending.extend(causes.map(|cause| (Arc::clone(&cause.table), cause.when)));
        }
        all
    }

    /// The schemas that a text names and that were left out.
    pub(crate) fn left_out(&self, analysis: &Analysis) -> BTreeSet<Arc<str>> {
        // The usual case costs nothing.
        if self.skipped_schemas.is_empty() {
            return BTreeSet::new();
        }
        let named = analysis.statements.iter().flat_map(|it| &it.schemas);
        let named = named.filter(|schema| self.skipped_schemas.contains(*schema));
        named.cloned().collect()
    }

    /// Does a statement that breaks a constraint certainly change nothing?
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

    /// Is there a routine of the user's of this name?
    pub(crate) fn has_routine(&self, name: &str) -> bool {
        self.routines.get(name).is_some()
    }

    /// Does a function give the same result for the same arguments and tables?
    pub(crate) fn is_pure(&self, function: &str) -> bool {
        // All that have this name count.
        !self.routines.may_be_unknown_builtin(function)
            && self
                .routines
                .get(function)
                .is_some_and(|effect| effect.volatile.is_none())
    }

    /// Does no read and no call do anything but read?
    pub(crate) fn is_inert(&self) -> bool {
        self.routines.are_inert() && self.relations.values().all(|node| node.writes.is_nothing())
    }

    /// Is a function of this name the server's own, and not the user's too?
    pub(crate) fn is_builtin(&self, function: &str) -> bool {
        self.routines.is_builtin(function)
    }

    /// May a call of this name be one of a routine that is newer than the catalog, or the session's?
    pub(crate) fn is_strange(&self, function: &str) -> bool {
        self.routines.is_strange(function)
    }
}

fn moving_date() -> Refusal {
    Refusal::Text(Uncacheable::VolatileFunction("time".to_owned()))
}

/// Does a text hold this name, however it is written?
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
