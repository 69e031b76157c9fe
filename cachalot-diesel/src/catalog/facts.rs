//! The contents of a database's catalog, as loaded by the backends. Names are normalised (last
//! component, lower case); texts are as in the database.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use super::{declared::FoundKeys, tracked::TrackedColumns};
use crate::fingerprint::Fingerprint;
use cachalot_sql::{
    Columns, Dialect, Events,
    catalog::{Named, column, relation_name},
};

/// The relevant contents of the catalog of one database.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) dialect: Dialect,
    pub(crate) relations: Vec<Relation>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
    pub(crate) triggers: Vec<Trigger>,
    pub(crate) routines: Vec<Routine>,
    pub(crate) policies: Vec<Policy>,
    /// Parents and children: inheritance and partitions.
    pub(crate) inheritance: Vec<(Arc<str>, Arc<str>)>,
    /// Relations, and the function that makes their rows change without a write.
    pub(crate) nondeterministic: Vec<(Arc<str>, String)>,
    /// MySQL: tables, and their columns of type `TIME`.
    pub(crate) time_columns: Vec<(Arc<str>, Arc<str>)>,
    /// Code that runs on changes of the schema or on connecting.
    pub(crate) event_triggers: Vec<Code>,
    /// Built-in functions, if the server lists them.
    pub(crate) builtins: BTreeSet<Arc<str>>,
    /// User-defined operators: the symbol and the routine.
    pub(crate) operators: Vec<(String, Arc<str>)>,
    /// User-defined casts.
    pub(crate) casts: Vec<Cast>,
    /// Relations, and routines that can be called like one of their columns.
    pub(crate) computed: Vec<(Arc<str>, Arc<str>)>,
    /// PostgreSQL: functions that can be called on a whole row as if they were one of its columns.
    pub(crate) row_functions: BTreeSet<Arc<str>>,
    /// Tables, and the columns that any update of them may change: generated columns, those of MySQL's
    /// `ON UPDATE`, and those that a trigger sets in the row that is written.
    pub(crate) also_updated: BTreeMap<Arc<str>, Columns>,
    /// Tables, and the columns that an insert into them may set to other values than the statement tells:
    /// those that a trigger sets in the row that is written.
    pub(crate) also_inserted: BTreeMap<Arc<str>, Columns>,
    /// SQLite: tables in which an insert may replace rows (`ON CONFLICT REPLACE`).
    pub(crate) replacing: Vec<Arc<str>>,
    /// SQLite: a statement that violates a constraint may keep its earlier changes.
    pub(crate) fails_in_part: bool,
    /// SQLite: relations, and functions and collations in their definitions that a program may have
    /// defined.
    pub(crate) named: Vec<(Arc<str>, Named)>,
    /// The account cannot see triggers.
    pub(crate) triggers_hidden: bool,
    /// Schemas of the server that were not loaded, as they are unrelated to the one that is read.
    pub(crate) skipped_schemas: BTreeSet<Arc<str>>,
    /// The columns that the program has declared as keys.
    pub(crate) declared: FoundKeys,
}

/// A table, a view, or anything else that a `FROM` can name.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    pub(crate) name: Arc<str>,
    pub(crate) kind: RelationKind,
    /// Candidates, as far as the definitions of the columns tell; see [`tracked`](super::tracked).
    pub(crate) tracked: TrackedColumns,
}

#[derive(Debug, Clone)]
pub(crate) enum RelationKind {
    /// Has rows of its own, which change by statements that name it. Includes materialized views.
    Table,
    View {
        /// `None` if the account cannot see it.
        text: Option<String>,
        /// A write to the view writes to its base tables.
        updatable: bool,
    },
    /// A virtual table over the relations in its definition.
    Derived(String),
    /// Its rows change without statements that name it: a foreign table, a sequence, or a table that
    /// loses its rows when the server stops.
    Outside,
}

/// A foreign key with an action.
#[derive(Debug, Clone)]
pub(crate) struct ForeignKey {
    pub(crate) child: Arc<str>,
    pub(crate) parent: Arc<str>,
    pub(crate) on_delete: Action,
    pub(crate) on_update: Action,
    /// Its columns in the child.
    pub(crate) child_columns: Columns,
    /// The columns of the parent that it refers to.
    pub(crate) parent_columns: Columns,
}

/// What a foreign key does to the child's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// `RESTRICT` or `NO ACTION`.
    Nothing,
    Delete,
    Update,
}

impl Action {
    /// Parses `CASCADE`, `SET NULL` and so on; `cascade` is the meaning of the first.
    fn parse(text: &str, cascade: Self) -> Self {
        match text.to_ascii_uppercase().as_str() {
            "CASCADE" | "C" => cascade,
            "SET NULL" | "N" | "SET DEFAULT" | "D" => Self::Update,
            _ => Self::Nothing,
        }
    }
}

/// Code that runs when a table is written: a trigger, a rule, or a default or check that calls a
/// routine.
#[derive(Debug, Clone)]
pub(crate) struct Trigger {
    pub(crate) table: Arc<str>,
    pub(crate) events: Events,
    pub(crate) code: Code,
}

/// A user-defined function or procedure.
#[derive(Debug, Clone)]
pub(crate) struct Routine {
    pub(crate) name: Arc<str>,
    pub(crate) code: Code,
    pub(crate) volatility: Volatility,
    /// Listed in the setting `pure_functions`: it writes nothing, and its result depends only on its
    /// arguments and tables.
    pub(crate) trusted: bool,
    /// MySQL: whether it returns or takes times.
    pub(crate) times: RoutineTimes,
}

/// MySQL: which of a routine's types are times or dates.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RoutineTimes {
    /// Its result is a time.
    pub(crate) gives_time: bool,
    /// Its result is a date.
    pub(crate) gives_date: bool,
    /// An argument is a time.
    pub(crate) takes_time: bool,
}

/// A cast that calls a routine.
#[derive(Debug, Clone)]
pub(crate) struct Cast {
    pub(crate) routine: Arc<str>,
    /// Not applied implicitly.
    pub(crate) explicit: bool,
}

/// The declared volatility of a routine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Volatility {
    /// PostgreSQL: `VOLATILE`. It may write.
    Volatile,
    /// PostgreSQL: `STABLE` or `IMMUTABLE`. It cannot write.
    Stable,
    /// PostgreSQL: it cannot write, but which tables it reads is unknown.
    Reading,
    /// Not declared.
    Undeclared,
}

/// The code of a routine or trigger.
#[derive(Debug, Clone)]
pub(crate) enum Code {
    /// SQL or a procedural SQL language.
    Text(String),
    /// A call of this routine.
    Call(Arc<str>),
    /// Built into the server: does not use user tables.
    Builtin,
    /// In another language, or not visible to the account.
    Hidden,
}

/// A row-level security policy.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) table: Arc<str>,
    /// The condition for rows to be visible.
    pub(crate) condition: String,
}

impl Facts {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            relations: Vec::new(),
            foreign_keys: Vec::new(),
            triggers: Vec::new(),
            routines: Vec::new(),
            policies: Vec::new(),
            inheritance: Vec::new(),
            nondeterministic: Vec::new(),
            time_columns: Vec::new(),
            event_triggers: Vec::new(),
            builtins: BTreeSet::new(),
            operators: Vec::new(),
            casts: Vec::new(),
            computed: Vec::new(),
            row_functions: BTreeSet::new(),
            also_updated: BTreeMap::new(),
            also_inserted: BTreeMap::new(),
            replacing: Vec::new(),
            fails_in_part: false,
            named: Vec::new(),
            triggers_hidden: false,
            skipped_schemas: BTreeSet::new(),
            declared: FoundKeys::default(),
        }
    }

    /// A database with these tables.
    #[cfg(test)]
    pub(crate) fn with_tables(dialect: Dialect, tables: &[&str]) -> Self {
        let mut facts = Self::new(dialect);
        facts.relations = tables
            .iter()
            .map(|name| Relation {
                name: facts.name(name),
                kind: RelationKind::Table,
                tracked: TrackedColumns::new(),
            })
            .collect();
        facts
    }

    /// Adds a foreign key, with its actions as SQL names them.
    pub(crate) fn add_foreign_key(
        &mut self,
        [child, parent]: [&str; 2],
        [on_delete, on_update]: [&str; 2],
        [child_columns, parent_columns]: [Columns; 2],
    ) {
        let key = ForeignKey {
            child: self.name(child),
            parent: self.name(parent),
            on_delete: Action::parse(on_delete, Action::Delete),
            on_update: Action::parse(on_update, Action::Update),
            child_columns,
            parent_columns,
        };
        self.foreign_keys.push(key);
    }

    /// Any update of the table may change these columns too.
    pub(crate) fn add_also_updated(&mut self, table: &str, columns: &Columns) {
        merge(&mut self.also_updated, table, columns);
    }

    /// Any insert into the table may set these columns to other values than it tells.
    pub(crate) fn add_also_inserted(&mut self, table: &str, columns: &Columns) {
        merge(&mut self.also_inserted, table, columns);
    }

    /// These columns, by normalised name.
    pub(crate) fn columns<'a>(names: impl IntoIterator<Item = &'a str>) -> Columns {
        let mut columns = Columns::NONE;
        for name in names {
            columns.merge(&column(name));
        }
        columns
    }

    /// A hash that is the same for all sessions of an account while the schema does not change. It is
    /// independent of the order of rows, and excludes what belongs to a session (temporary tables,
    /// functions of SQLite) or to other databases of the server.
    pub(crate) fn shared_hash(&self) -> String {
        let names: BTreeSet<_> = self.relations.iter().map(|it| &it.name).collect();
        let keys = self.foreign_keys.iter();
        let keys = keys.filter(|key| names.contains(&key.child));
        let triggers = self.triggers.iter();
        let triggers = triggers.filter(|trigger| names.contains(&trigger.table));
        let inheritance = self.inheritance.iter();
        let inheritance = inheritance.filter(|(_, child)| names.contains(child));
        let updated = self.also_updated.iter();
        let updated: Vec<_> = updated.filter(|it| names.contains(it.0)).collect();
        let inserted = self.also_inserted.iter();
        let inserted: Vec<_> = inserted.filter(|it| names.contains(it.0)).collect();
        let mut facts = BTreeSet::new();
        add(&mut facts, "relation", self.relations.iter());
        add(&mut facts, "foreign key", keys);
        add(&mut facts, "trigger", triggers);
        add(&mut facts, "routine", self.routines.iter());
        add(&mut facts, "policy", self.policies.iter());
        add(&mut facts, "inheritance", inheritance);
        add(&mut facts, "nondeterministic", self.nondeterministic.iter());
        add(&mut facts, "time column", self.time_columns.iter());
        add(&mut facts, "event trigger", self.event_triggers.iter());
        add(&mut facts, "operator", self.operators.iter());
        add(&mut facts, "cast", self.casts.iter());
        add(&mut facts, "computed", self.computed.iter());
        add(&mut facts, "row function", self.row_functions.iter());
        add(&mut facts, "also updated", updated.iter());
        add(&mut facts, "also inserted", inserted.iter());
        add(&mut facts, "replacing", self.replacing.iter());
        let mut fingerprint = Fingerprint::new("", "shared catalog");
        for fact in facts {
            fingerprint.part(fact.as_bytes());
        }
        fingerprint.finish()
    }

    /// Marks the routines that the settings declare pure.
    pub(crate) fn trust(&mut self, names: &BTreeSet<String>) {
        for routine in &mut self.routines {
            routine.trusted = names.contains(&*routine.name);
        }
    }

    /// Normalises a name.
    pub(crate) fn name(&self, text: &str) -> Arc<str> {
        relation_name(text)
    }
}

fn merge(all: &mut BTreeMap<Arc<str>, Columns>, table: &str, columns: &Columns) {
    if *columns != Columns::NONE {
        let known = all.entry(relation_name(table));
        known.or_insert(Columns::NONE).merge(columns);
    }
}

fn add<'a, T: fmt::Debug + 'a>(
    facts: &mut BTreeSet<String>,
    kind: &str,
    all: impl Iterator<Item = &'a T>,
) {
    facts.extend(all.map(|fact| format!("{kind}: {fact:?}")));
}
