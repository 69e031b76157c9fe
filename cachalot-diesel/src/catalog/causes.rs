//! Which changes of a table cause changes of the rows of others, or further changes of its own.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::facts::{Action, Facts, ForeignKey};
use cachalot_sql::{Changes, Columns, Events, Writes};

/// All causes, by the table that changes in consequence.
#[derive(Debug, Default)]
pub(super) struct Causes {
    of: HashMap<Arc<str>, Vec<Cause>>,
    /// Changes that run code which may write any table.
    unbounded: Vec<(Arc<str>, Changes)>,
}

/// The changes `when` of `table` cause the changes `then`.
#[derive(Debug)]
struct Cause {
    table: Arc<str>,
    when: Changes,
    then: Changes,
    /// The changes caused are of the rows that changed, not of others.
    same_rows: bool,
}

impl Causes {
    /// The causes that the facts tell without the analysis of any text.
    pub(super) fn new(facts: &Facts) -> Self {
        let mut this = Self::default();
        for (parent, child) in &facts.inheritance {
            // A statement on the parent affects the children's rows, and an update may move rows from
            // one child to another.
            this.add(child, Events::INSERT, parent, Events::INSERT);
            this.add(child, Events::DELETE, parent, Events::DELETE);
            this.add(child, Events::ALL, parent, Events::UPDATE);
        }
        for key in &facts.foreign_keys {
            this.add_key(key);
        }
        for table in &facts.replacing {
            this.add(table, Events::DELETE, table, Events::UPSERT);
        }
        for (table, columns) in &facts.also_updated {
            this.of.entry(Arc::clone(table)).or_default().push(Cause {
                table: Arc::clone(table),
                when: Events::UPDATE.into(),
                then: update_of(columns.clone()),
                same_rows: true,
            });
        }
        this
    }

    /// The changes `when` of the table `by` cause the changes `then` of `table`.
    pub(super) fn add(
        &mut self,
        table: &Arc<str>,
        then: impl Into<Changes>,
        by: &Arc<str>,
        when: impl Into<Changes>,
    ) {
        self.of.entry(Arc::clone(table)).or_default().push(Cause {
            table: Arc::clone(by),
            when: when.into(),
            then: then.into(),
            same_rows: false,
        });
    }

    fn add_key(&mut self, key: &ForeignKey) {
        let ForeignKey { child, parent, .. } = key;
        let update_of_parent = update_of(key.parent_columns.clone());
        let actions = [
            (key.on_delete, Events::DELETE.into()),
            (key.on_update, update_of_parent),
        ];
        for (action, when) in actions {
            let then = match action {
                Action::Nothing => continue,
                Action::Delete => Events::DELETE.into(),
                Action::Update => update_of(key.child_columns.clone()),
            };
            self.add(child, then, parent, when);
        }
    }

    /// Adds the writes of code that runs on the events `when` of the table `by`.
    pub(super) fn add_writes(&mut self, writes: Writes, by: &Arc<str>, when: Events) {
        match writes {
            Writes::Nothing => {}
            Writes::Tables(tables) => {
                for (table, then) in tables {
                    self.add(&table, then, by, when);
                }
            }
            Writes::Everything => self.unbounded.push((Arc::clone(by), when.into())),
        }
    }

    /// All changes that are or cause one of these changes, by table.
    pub(super) fn leading_to(
        &self,
        changes: BTreeMap<Arc<str>, Changes>,
    ) -> BTreeMap<Arc<str>, Changes> {
        let mut all: BTreeMap<Arc<str>, Changes> = BTreeMap::new();
        let mut pending: Vec<(Arc<str>, Changes)> = changes.into_iter().collect();
        if !pending.is_empty() {
            pending.extend(self.unbounded.iter().cloned());
        }
        while let Some((table, changes)) = pending.pop() {
            let known = all.entry(Arc::clone(&table)).or_default();
            let mut more = known.clone();
            more.merge(&changes);
            if more == *known {
                continue;
            }
            known.clone_from(&more);
            let causes = self.of.get(&table).into_iter().flatten();
            let causes = causes.filter(|cause| cause.then.meets(&more));
            pending.extend(causes.map(|cause| (Arc::clone(&cause.table), cause.when.clone())));
        }
        all
    }

    /// May these changes of a table cause changes of further rows of it?
    pub(super) fn spread(&self, table: &str, changes: &Changes) -> bool {
        let causes = self.of.get(table).into_iter().flatten();
        let causes = causes.filter(|cause| !cause.same_rows);
        let causes = causes.map(|cause| (&cause.table, &cause.when));
        let unbounded = self.unbounded.iter().map(|(table, when)| (table, when));
        let mut sources: BTreeMap<Arc<str>, Changes> = BTreeMap::new();
        for (source, when) in causes.chain(unbounded) {
            sources.entry(Arc::clone(source)).or_default().merge(when);
        }
        let sources = self.leading_to(sources);
        sources.get(table).is_some_and(|when| when.meets(changes))
    }
}

/// Updates of these columns.
fn update_of(columns: Columns) -> Changes {
    Changes {
        events: Events::UPDATE,
        updated: columns,
    }
}
