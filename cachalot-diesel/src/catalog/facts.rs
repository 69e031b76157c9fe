//! What a database's catalog says, as the loaders of the backends bring it: names as statements are
//! compared (last component, lower case), texts as the database keeps them.

use std::{collections::BTreeSet, fmt, sync::Arc};

use crate::{
    fingerprint::Fingerprint,
    statement::{Dialect, Events, Named, relation_name},
};

/// All that is asked of one database.
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
    /// Relations, and what in their rows changes by itself.
    pub(crate) nondeterministic: Vec<(Arc<str>, String)>,
    /// MySQL: tables, and columns of theirs that have the type `TIME`.
    pub(crate) time_columns: Vec<(Arc<str>, Arc<str>)>,
    /// Code that runs when the schema is changed, or somebody connects.
    pub(crate) event_triggers: Vec<Code>,
    /// Functions of the server's own, where it lists them.
    pub(crate) builtins: BTreeSet<Arc<str>>,
    /// Operators of the user's: the symbol, and the routine behind it.
    pub(crate) operators: Vec<(String, Arc<str>)>,
    /// Casts of the user's: the routine behind each, and whether it has to be asked for.
    pub(crate) casts: Vec<Cast>,
    /// Relations, and routines that can be named like a column of theirs.
    pub(crate) computed: Vec<(Arc<str>, Arc<str>)>,
    /// SQLite: tables in which a new row may take the place of others.
    pub(crate) replacing: Vec<Arc<str>>,
    /// SQLite: a statement that breaks a constraint may keep what it did before.
    pub(crate) fails_in_part: bool,
    /// SQLite: relations, and what their definitions name that a program may have defined.
    pub(crate) named: Vec<(Arc<str>, Named)>,
    /// The account may not see what runs when tables are written.
    pub(crate) triggers_hidden: bool,
    /// Schemas of the server that have nothing to do with the one that is read.
    pub(crate) skipped_schemas: BTreeSet<Arc<str>>,
}

/// A table, a view, or what else stands in a `FROM`.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    pub(crate) name: Arc<str>,
    pub(crate) kind: RelationKind,
}

#[derive(Debug, Clone)]
pub(crate) enum RelationKind {
    /// Rows of its own, which change by statements that name it. A materialized view is one.
    Table,
    /// Rows of others. Without its text nobody can tell whose.
    View {
        text: Option<String>,
        /// A statement that writes to it writes to the tables behind it.
        updatable: bool,
    },
    /// A virtual table over what its definition names.
    Derived(String),
    /// Rows that change without any statement which names it: foreign tables, sequences, what is emptied
    /// when the server goes down.
    Outside,
}

/// A foreign key with an action.
#[derive(Debug, Clone)]
pub(crate) struct ForeignKey {
    pub(crate) child: Arc<str>,
    pub(crate) parent: Arc<str>,
    pub(crate) on_delete: Action,
    pub(crate) on_update: Action,
}

/// What a foreign key does to the child's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// It forbids the change of the parent.
    Nothing,
    Delete,
    Update,
}

impl Action {
    /// Reads `CASCADE`, `SET NULL` and their kin; `cascade` is what the first of them does.
    pub(super) fn parse(text: &str, cascade: Self) -> Self {
        match text.to_ascii_uppercase().as_str() {
            "CASCADE" | "C" => cascade,
            "SET NULL" | "N" | "SET DEFAULT" | "D" => Self::Update,
            _ => Self::Nothing,
        }
    }
}

/// What runs when a table is written: a trigger, a rule, a default or a check that calls a routine.
#[derive(Debug, Clone)]
pub(crate) struct Trigger {
    pub(crate) table: Arc<str>,
    pub(crate) events: Events,
    pub(crate) code: Code,
}

/// A function or procedure of the user's.
#[derive(Debug, Clone)]
pub(crate) struct Routine {
    pub(crate) name: Arc<str>,
    pub(crate) code: Code,
    pub(crate) volatility: Volatility,
    /// The program vouches for it: it writes nothing, and its results change with tables alone.
    pub(crate) trusted: bool,
    /// MySQL: what it gives and takes.
    pub(crate) times: RoutineTimes,
}

/// MySQL: what a routine has to do with times and dates.
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
    /// Only where the text says so.
    pub(crate) explicit: bool,
}

/// What the database says of a routine's results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Volatility {
    /// PostgreSQL: another one each time, and it may write.
    Volatile,
    /// PostgreSQL: the same for the same arguments and tables; it may not write.
    Stable,
    /// PostgreSQL: it may not write, but nobody can tell what it reads.
    Reading,
    /// The database does not say.
    Unsaid,
}

/// What is executed.
#[derive(Debug, Clone)]
pub(crate) enum Code {
    /// SQL, or a procedural language around it.
    Text(String),
    /// Calls this routine.
    Call(Arc<str>),
    /// Compiled into the server: touches no table of the user's.
    Builtin,
    /// In another language, or not to be seen.
    Hidden,
}

/// A row-level security policy.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) table: Arc<str>,
    /// What decides which rows are seen.
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
            replacing: Vec::new(),
            fails_in_part: false,
            named: Vec::new(),
            triggers_hidden: false,
            skipped_schemas: BTreeSet::new(),
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
            })
            .collect();
        facts
    }

    /// A hash that two sessions of one account have in common while the schema stays as it is:
    /// whatever the order of the rows, and without what belongs to a session (its temporary tables,
    /// its functions) or to the rest of the server.
    pub(crate) fn shared_hash(&self) -> String {
        let names: BTreeSet<_> = self.relations.iter().map(|it| &it.name).collect();
        let keys = self.foreign_keys.iter();
        let keys = keys.filter(|key| names.contains(&key.child));
        let triggers = self.triggers.iter();
        let triggers = triggers.filter(|trigger| names.contains(&trigger.table));
        let inheritance = self.inheritance.iter();
        let inheritance = inheritance.filter(|(_, child)| names.contains(child));
        let mut facts = BTreeSet::new();
        add(&mut facts, "relation", self.relations.iter());
        add(&mut facts, "foreign key", keys);
        add(&mut facts, "trigger", triggers);
        add(&mut facts, "routine", self.routines.iter());
        add(&mut facts, "policy", self.policies.iter());
        add(&mut facts, "inheritance", inheritance);
        add(&mut facts, "moving", self.nondeterministic.iter());
        add(&mut facts, "timed", self.time_columns.iter());
        add(&mut facts, "event trigger", self.event_triggers.iter());
        add(&mut facts, "operator", self.operators.iter());
        add(&mut facts, "cast", self.casts.iter());
        add(&mut facts, "computed", self.computed.iter());
        add(&mut facts, "replacing", self.replacing.iter());
        let mut fingerprint = Fingerprint::new("", "shared catalog");
        for fact in facts {
            fingerprint.part(fact.as_bytes());
        }
        fingerprint.finish()
    }

    /// Notes which routines the program vouches for.
    pub(crate) fn trust(&mut self, names: &BTreeSet<String>) {
        for routine in &mut self.routines {
            routine.trusted = names.contains(&*routine.name);
        }
    }

    /// A name as it is compared.
    pub(super) fn name(&self, text: &str) -> Arc<str> {
        relation_name(text)
    }
}

fn add<'a, T: fmt::Debug + 'a>(
    facts: &mut BTreeSet<String>,
    kind: &str,
    all: impl Iterator<Item = &'a T>,
) {
    facts.extend(all.map(|fact| format!("{kind}: {fact:?}")));
}
