//! What code kept in the database reads and writes, with everything that it calls.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use super::{
    facts::{Cast, Code, Facts, Routine, Volatility},
    times::{returned, routine_moves},
};
use crate::statement::{Body, Dialect, Events, Owner, Writes, is_known_function, owner};

/// What running a piece of code does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Effect {
    /// The relations that it names.
    pub(super) reads: BTreeSet<Arc<str>>,
    pub(super) writes: Writes,
    /// Why its result may be another one next time; `None` if it may not.
    pub(super) volatile: Option<String>,
    /// Settings that decide its result.
    pub(super) settings: BTreeSet<String>,
    /// It may begin, commit or roll back a transaction, if it is a procedure.
    pub(super) moves: bool,
    /// MySQL: its result may be a time.
    pub(super) timed: bool,
    /// MySQL: its result may move with the date.
    pub(super) dated: bool,
    /// The user's routines that it names.
    calls: BTreeSet<Arc<str>>,
}

impl Effect {
    /// Code that nobody can look into.
    fn unknown(name: &str) -> Self {
        Self {
            writes: Writes::Everything,
            volatile: Some(name.to_owned()),
            moves: true,
            ..Self::default()
        }
    }

    fn add(&mut self, other: &Self) {
        self.reads.extend(other.reads.iter().cloned());
        self.writes.merge(&other.writes);
        self.settings.extend(other.settings.iter().cloned());
        self.calls.extend(other.calls.iter().cloned());
        self.moves |= other.moves;
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
                .map(|e| 1 + usize::from(e.insert) + usize::from(e.update) + usize::from(e.delete))
                .sum(),
            Writes::Everything => usize::MAX,
        };
        let (reads, settings) = (self.reads.len(), self.settings.len());
        (
            reads,
            writes,
            settings,
            self.calls.len(),
            [self.volatile.is_some(), self.moves, self.timed, self.dated],
        )
    }
}

/// The user's routines by name; what differs between those of one name is taken together.
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
                own.dated |= !routine.trusted && routine_moves(text, routine.times, &times);
            }
            effects
                .entry(Arc::clone(&routine.name))
                .or_default()
                .add(&own);
        }
        this.effects = effects;
        this.close();
        if facts.dialect == Dialect::Mysql {
            // A time that comes from another routine.
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

    /// Adds to each routine what those do that it calls, until there is nothing to add.
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
                let mut effect = self.of_text(text, volatility == Volatility::Unsaid);
                // PostgreSQL lets no other write, save by calling one that may.
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

    /// What a text does by itself. `strict`: what it calls and is not known may be volatile.
    pub(super) fn of_text(&self, text: &str, strict: bool) -> Effect {
        let body = Body::of(text, self.dialect);
        let known = |name: &Arc<str>| self.relations.contains(name);
        let mut writes = body.writes;
        let perhaps = body.perhaps_written.into_iter().filter(|name| known(name));
        writes.merge(&perhaps.map(|name| (name, Events::ALL)).collect());
        let mut volatile = body
            .volatile
            .into_iter()
            .find(|word| !decides_the_key(word, self.dialect));
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
            // A routine that the account may not see.
            if self.dialect == Dialect::Mysql {
                writes = Writes::Everything;
            }
        }
        if self.dialect == Dialect::Sqlite {
            // An `OR REPLACE` of the statement that sets a trigger off holds in the trigger too.
            writes = replacing(writes);
        }
        let moves = body.moves || writes == Writes::Everything;
        let (mut reads, mut calls) = (BTreeSet::new(), self.implied_by(text));
        for name in body.names {
            if volatile.is_none() && self.decides_unseen(&name, body.sets) {
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
            moves,
            calls,
            timed: false,
            dated: false,
        }
    }

    /// Does a name in a body stand for what changes without a statement on a table: a catalog of the
    /// server, or, where the body sets something, a variable of the session?
    fn decides_unseen(&self, name: &str, sets: bool) -> bool {
        let catalog = name == "information_schema"
            || match self.dialect {
                // A name that is no relation's may be a schema's.
                Dialect::Postgres => {
                    owner(self.dialect, None, name) != Owner::User && !self.is_relation(name)
                }
                Dialect::Mysql => owner(self.dialect, Some(name), "") != Owner::User,
                Dialect::Sqlite => false,
            };
        catalog || (sets && self.dialect == Dialect::Mysql && SESSION_VARIABLES.contains(&name))
    }

    /// Routines that a text may call without naming them: operators and casts of the user's.
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

    /// Is there a routine of the user's that writes, or that may do something else the next time?
    pub(super) fn are_inert(&self) -> bool {
        self.effects
            .values()
            .all(|effect| effect.volatile.is_none())
    }

    /// May a call of this name be one of a function of the server's own that is not known to be pure?
    pub(super) fn may_be_unknown_builtin(&self, name: &str) -> bool {
        self.builtins.contains(name) && !is_known_function(self.dialect, name)
    }

    /// Is a function of this name the server's own, and not the user's too?
    pub(super) fn is_builtin(&self, name: &str) -> bool {
        self.builtins.contains(name) && !self.effects.contains_key(name)
    }

    /// May a call of this name be one of a routine that is newer than the catalog, or the session's?
    pub(super) fn is_strange(&self, name: &str) -> bool {
        !self.builtins.is_empty()
            && !self.builtins.contains(name)
            && !self.effects.contains_key(name)
    }

    /// What code does, with all that it calls.
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

    /// A routine of the user's; `None` if there is none of that name.
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

/// Words whose value is a part of every entry's key, so that it may decide a result.
fn decides_the_key(word: &str, dialect: Dialect) -> bool {
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

/// Variables of MySQL that a routine can set for the session, and that decide what it reads.
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

/// New rows may take the place of others.
fn replacing(writes: Writes) -> Writes {
    match writes {
        Writes::Tables(tables) => tables
            .into_iter()
            .map(|(table, events)| {
                let events = if events.insert || events.update {
                    events.or(Events::DELETE)
                } else {
                    events
                };
                (table, events)
            })
            .collect(),
        other => other,
    }
}
