//! What routines and triggers read and write, including the routines that they call.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use super::{
    facts::{Cast, Code, Facts, Routine, Volatility},
    times::{returned, routine_depends_on_date},
};
use cachalot_sql::{
    Changes, Columns, Dialect, Events, Writes,
    catalog::{Body, Owner, is_known_function, owner},
};

/// The effect of running a piece of code.
#[derive(Debug, Clone, Default)]
pub(crate) struct Effect {
    /// The relations that it names.
    pub(super) reads: BTreeSet<Arc<str>>,
    pub(super) writes: Writes,
    /// The function that makes its result volatile, if any.
    pub(super) volatile: Option<String>,
    /// Settings that affect its result.
    pub(super) settings: BTreeSet<String>,
    /// It may begin, commit or roll back a transaction, if it is a procedure.
    pub(super) may_end_transaction: bool,
    /// MySQL: its result may be a time.
    pub(super) timed: bool,
    /// MySQL: its result may depend on the current date.
    pub(super) dated: bool,
    /// The user's routines that it names.
    calls: BTreeSet<Arc<str>>,
}

impl Effect {
    /// The effect of code that cannot be analysed.
    fn unknown(name: &str) -> Self {
        Self {
            writes: Writes::Everything,
            volatile: Some(name.to_owned()),
            may_end_transaction: true,
            ..Self::default()
        }
    }

    fn add(&mut self, other: &Self) {
        self.reads.extend(other.reads.iter().cloned());
        self.writes.merge(&other.writes);
        self.settings.extend(other.settings.iter().cloned());
        self.calls.extend(other.calls.iter().cloned());
        self.may_end_transaction |= other.may_end_transaction;
        self.timed |= other.timed;
        self.dated |= other.dated;
        if self.volatile.is_none() {
            self.volatile.clone_from(&other.volatile);
        }
    }

    /// How much is known: grows until nothing can be added.
    fn size(&self) -> (usize, usize, usize, usize, [bool; 4]) {
        let writes = match &self.writes {
            Writes::Nothing => 0,
            // Events of a known table may still grow.
            Writes::Tables(tables) => tables
                .values()
                .map(|changes| 1 + size_of_changes(changes))
                .sum(),
            Writes::Everything => usize::MAX,
        };
        let (reads, settings) = (self.reads.len(), self.settings.len());
        (
            reads,
            writes,
            settings,
            self.calls.len(),
            [
                self.volatile.is_some(),
                self.may_end_transaction,
                self.timed,
                self.dated,
            ],
        )
    }
}

/// The user-defined routines by name. Overloads are combined.
#[derive(Debug)]
pub(crate) struct Routines {
    dialect: Dialect,
    relations: HashSet<Arc<str>>,
    effects: HashMap<Arc<str>, Effect>,
    builtins: BTreeSet<Arc<str>>,
    operators: Vec<(String, Arc<str>)>,
    casts: Vec<Cast>,
}

impl Routines {
    pub(super) fn new(facts: &Facts) -> Self {
        let relations = facts.relations.iter().map(|it| Arc::clone(&it.name));
        let names = facts
            .routines
            .iter()
            .map(|it| (Arc::clone(&it.name), Effect::default()));
        let mut this = Self {
            dialect: facts.dialect,
            relations: relations.collect(),
            effects: names.collect(),
            builtins: facts.builtins.clone(),
            operators: facts.operators.clone(),
            casts: facts.casts.clone(),
        };
        let mut effects: HashMap<Arc<str>, Effect> = HashMap::new();
        let times: BTreeSet<&str> = facts.time_columns.iter().map(|it| &*it.1).collect();
        for routine in &facts.routines {
            let mut own = this.of_routine(routine);
            if let Code::Text(text) = &routine.code
                && facts.dialect == Dialect::Mysql
            {
                own.timed |= routine.times.gives_time;
                own.dated |=
                    !routine.trusted && routine_depends_on_date(text, routine.times, &times);
            }
            effects
                .entry(Arc::clone(&routine.name))
                .or_default()
                .add(&own);
        }
        this.effects = effects;
        this.close();
        if facts.dialect == Dialect::Mysql {
            // A time returned by another routine.
            for routine in &facts.routines {
                let Code::Text(text) = &routine.code else {
                    continue;
                };
                let opaque = routine.times.gives_date || returned(text).is_none();
                if let Some(effect) = this.effects.get_mut(&routine.name) {
                    effect.dated |= opaque && effect.timed && !routine.trusted;
                }
            }
            this.close();
        }
        this
    }

    /// Adds to each routine the effects of those that it calls, up to the fixed point.
    fn close(&mut self) {
        let mut grew = true;
        while grew {
            grew = false;
            let names: Vec<_> = self.effects.keys().cloned().collect();
            for name in names {
                let Some(mut effect) = self.effects.get(&name).cloned() else {
                    continue;
                };
                let before = effect.size();
                for called in effect.calls.clone() {
                    if let Some(called) = self.effects.get(&called) {
                        effect.add(called);
                    }
                }
                if effect.size() != before {
                    self.effects.insert(name, effect);
                    grew = true;
                }
            }
        }
    }

    fn of_routine(&self, routine: &Routine) -> Effect {
        let mut effect = match (&routine.code, routine.volatility) {
            (Code::Hidden, Volatility::Stable | Volatility::Reading) | (Code::Builtin, _) => {
                Effect::default()
            }
            (Code::Hidden, _) => Effect::unknown(&routine.name),
            (Code::Call(called), _) => Effect {
                calls: BTreeSet::from([Arc::clone(called)]),
                ..Effect::default()
            },
            (Code::Text(text), volatility) => {
                let mut effect = self.of_text(text, volatility == Volatility::Undeclared);
                // In PostgreSQL only volatile functions can write; others may call one.
                if volatility == Volatility::Stable {
                    effect.writes = Writes::Nothing;
                }
                effect
            }
        };
        let writes = !effect.writes.is_nothing();
        let volatile = matches!(
            routine.volatility,
            Volatility::Volatile | Volatility::Reading
        );
        if volatile || writes {
            effect.volatile = Some(routine.name.to_string());
        }
        if routine.trusted {
            effect.writes = Writes::Nothing;
            effect.volatile = None;
        }
        effect
    }

    /// The effect of a text, without the routines that it calls. `strict`: unknown functions count as
    /// volatile.
    pub(super) fn of_text(&self, text: &str, strict: bool) -> Effect {
        let body = Body::of(text, self.dialect);
        let known = |name: &Arc<str>| self.relations.contains(name);
        let mut writes = body.writes;
        let perhaps = body.possibly_written.into_iter().filter(|name| known(name));
        writes.merge(&perhaps.map(|name| (name, Events::ALL)).collect());
        let mut volatile = body
            .volatile
            .into_iter()
            .find(|word| !is_in_key(word, self.dialect));
        if body.dynamic {
            writes = Writes::Everything;
            volatile.get_or_insert_with(|| "EXECUTE".to_owned());
        }
        let mut unknown = body.unknown_calls.iter();
        let unknown = unknown.find(|name| !known(name) && !self.effects.contains_key(*name));
        if let Some(name) = unknown {
            if strict {
                volatile.get_or_insert_with(|| name.to_string());
            }
            // The account may not see the routine.
            if self.dialect == Dialect::Mysql {
                writes = Writes::Everything;
            }
        }
        if self.dialect == Dialect::Sqlite {
            // The `OR REPLACE` of the statement also applies to the triggers that it fires.
            writes = replacing(writes);
        }
        let may_end_transaction = body.may_end_transaction || writes == Writes::Everything;
        let (mut reads, mut calls) = (BTreeSet::new(), self.implied_by(text));
        for name in body.names {
            if volatile.is_none() && self.changes_without_write(&name, body.sets) {
                volatile = Some(name.to_string());
            }
            if self.effects.contains_key(&name) {
                calls.insert(Arc::clone(&name));
            }
            if known(&name) {
                reads.insert(name);
            }
        }
        Effect {
            reads,
            writes,
            volatile,
            settings: body.settings,
            may_end_transaction,
            calls,
            timed: false,
            dated: false,
        }
    }

    /// Does a name in a body refer to something that changes without a write to a table: a system
    /// catalog or, if the body sets variables, a session variable?
    fn changes_without_write(&self, name: &str, sets: bool) -> bool {
        let catalog = name == "information_schema"
            || match self.dialect {
                // A name that is not a relation may be a schema.
                Dialect::Postgres => {
                    owner(self.dialect, None, name) != Owner::User && !self.is_relation(name)
                }
                Dialect::Mysql => owner(self.dialect, Some(name), "") != Owner::User,
                Dialect::Sqlite => false,
            };
        catalog || (sets && self.dialect == Dialect::Mysql && SESSION_VARIABLES.contains(&name))
    }

    /// Routines that a text may call without naming them: user-defined operators and casts.
    pub(super) fn implied_by(&self, text: &str) -> BTreeSet<Arc<str>> {
        let operators = self
            .operators
            .iter()
            .filter(|(symbol, _)| text.contains(symbol));
        let mut routines: BTreeSet<_> = operators.map(|(_, routine)| Arc::clone(routine)).collect();
        if !self.casts.is_empty() {
            let asks = text.contains("::") || text.to_ascii_lowercase().contains("cast");
            let casts = self.casts.iter().filter(|cast| asks || !cast.explicit);
            routines.extend(casts.map(|cast| Arc::clone(&cast.routine)));
        }
        routines
    }

    /// Do all user-defined routines neither write nor return volatile results?
    pub(super) fn have_no_side_effects(&self) -> bool {
        self.effects
            .values()
            .all(|effect| effect.volatile.is_none())
    }

    /// May a call of this name be to a built-in function that is not known to be pure?
    pub(super) fn may_be_unknown_builtin(&self, name: &str) -> bool {
        self.builtins.contains(name) && !is_known_function(self.dialect, name)
    }

    /// Is a function of this name built-in, and not also user-defined?
    pub(super) fn is_builtin(&self, name: &str) -> bool {
        self.builtins.contains(name) && !self.effects.contains_key(name)
    }

    /// May a call of this name be to a routine that is newer than the catalog, or local to the session?
    pub(super) fn is_unknown_routine(&self, name: &str) -> bool {
        !self.builtins.is_empty()
            && !self.builtins.contains(name)
            && !self.effects.contains_key(name)
    }

    /// The effect of code, including the routines that it calls.
    pub(super) fn of_code(&self, code: &Code) -> Effect {
        match code {
            Code::Builtin => Effect::default(),
            Code::Hidden => Effect::unknown("?"),
            Code::Call(name) => self.get(name).cloned().unwrap_or_default(),
            Code::Text(text) => self.with_calls(self.of_text(text, false)),
        }
    }

    pub(super) fn with_calls(&self, mut effect: Effect) -> Effect {
        for name in effect.calls.clone() {
            if let Some(called) = self.get(&name) {
                effect.add(called);
            }
        }
        effect
    }

    /// The effect of a user-defined routine.
    pub(super) fn get(&self, name: &str) -> Option<&Effect> {
        self.effects.get(name)
    }

    pub(super) fn relations(&self) -> impl Iterator<Item = &Arc<str>> {
        self.relations.iter()
    }

    pub(super) fn is_relation(&self, name: &str) -> bool {
        self.relations.contains(name)
    }
}

/// Is the value of this word a part of every entry's key?
fn is_in_key(word: &str, dialect: Dialect) -> bool {
    let words: &[&str] = match dialect {
        Dialect::Postgres => &[
            "current_catalog",
            "current_database",
            "current_role",
            "current_schema",
            "current_schemas",
            "current_user",
            "session_user",
            "user",
        ],
        Dialect::Mysql => &["current_role", "current_user", "database", "schema"],
        Dialect::Sqlite => &[],
    };
    words.contains(&word)
}

/// Session variables of MySQL that a routine can set and that affect results.
const SESSION_VARIABLES: &[&str] = &[
    "autocommit",
    "character_set_connection",
    "character_set_results",
    "collation_connection",
    "default_week_format",
    "div_precision_increment",
    "foreign_key_checks",
    "group_concat_max_len",
    "lc_time_names",
    "max_sort_length",
    "old_mode",
    "role",
    "sql_mode",
    "sql_safe_updates",
    "sql_select_limit",
    "time_zone",
    "timestamp",
    "transaction_isolation",
    "tx_isolation",
];

/// Grows with every change that is added.
fn size_of_changes(changes: &Changes) -> usize {
    let Events {
        insert,
        update,
        delete,
    } = changes.events;
    let columns = match &changes.updated {
        Columns::All => usize::from(u16::MAX),
        Columns::Named(columns) => columns.len(),
    };
    usize::from(insert) + usize::from(update) + usize::from(delete) + columns
}

/// Adds deletes to inserts and updates, as they may replace other rows.
fn replacing(writes: Writes) -> Writes {
    match writes {
        Writes::Tables(tables) => tables
            .into_iter()
            .map(|(table, mut changes)| {
                if changes.events.insert || changes.events.update {
                    changes.events.delete = true;
                }
                (table, changes)
            })
            .collect(),
        other => other,
    }
}
