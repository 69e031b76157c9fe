//! Builds the [`Statement`] from the findings about a query or a change of rows.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Columns, Dialect, Effect, Events, Keys, Kind, Statement, Uncacheable, Writes,
    functions::Purity,
    lexer::Token,
    names::{self, Owner},
    times::Times,
    token_scan::TokenScan,
};

/// Why the result may not be cached.
#[derive(Debug, Clone)]
pub(super) struct Classification {
    pub(super) uncacheable: Option<Uncacheable>,
    /// The same, if all functions that it calls are pure.
    pub(super) uncacheable_if_pure: Option<Uncacheable>,
}

/// What was found in a query or a change of rows.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) kind: Kind,
    pub(super) writes: Writes,
    pub(super) tables: Tables,
    /// Of a table that is not in it, all columns may be used.
    pub(super) columns: BTreeMap<Arc<str>, Columns>,
    /// By table, the keys of its rows that a query reads, or of those that a change touches.
    pub(super) keys: BTreeMap<Arc<str>, Keys>,
    pub(super) calls: Calls,
    pub(super) times: Times,
    pub(super) from_fallback: bool,
}

impl Findings {
    /// Adds the findings of the token scan and decides whether the result may be cached.
    pub(super) fn conclude(mut self, tokens: &[Token<'_>], dialect: Dialect) -> Statement {
        let scan = TokenScan::of(tokens, dialect);
        // This operator calls a function that the program defines.
        if dialect == Dialect::Sqlite && tokens.iter().any(|token| token.is("regexp")) {
            self.calls.add(&"regexp".into(), Purity::Unknown, false);
        }
        if let Writes::Tables(tables) = &self.writes
            && tables
                .keys()
                .any(|name| names::is_definition(dialect, name))
        {
            self.writes = Writes::Everything;
        }
        let mut effects = Vec::new();
        if self.kind == Kind::Select
            && let Some(into) = &scan.into_table
        {
            let name: Arc<str> = into.name.as_str().into();
            self.writes.merge(&Writes::table(name, Events::ALL));
            if into.temporary {
                effects.push(Effect::CreateTemporary(vec![into.name.clone()]));
            }
        }
        let changes_session = scan.session.is_some() || scan.redirected;
        effects.extend(scan.session.map(Effect::Session));

        let volatile = scan.volatile.or(self.calls.volatile);
        let classify = |foreign: Option<&String>| {
            let uncacheable_if_pure = if self.kind != Kind::Select || !self.writes.is_nothing() {
                Some(Uncacheable::NotSelect)
            } else if scan.locks {
                Some(Uncacheable::RowLock)
            } else if changes_session {
                Some(Uncacheable::Session)
            } else if let Some(name) = foreign {
                Some(Uncacheable::SystemCatalog(name.clone()))
            } else if scan.samples {
                Some(Uncacheable::TableSample)
            } else if let Some(name) = &volatile {
                Some(Uncacheable::VolatileFunction(name.clone()))
            } else if self.tables.reads.is_empty() {
                Some(Uncacheable::NoTable)
            } else {
                self.calls.random_order.then_some(Uncacheable::RandomOrder)
            };
            let uncacheable = match (&uncacheable_if_pure, self.calls.unknown.first()) {
                (None | Some(Uncacheable::RandomOrder), Some(name)) => {
                    Some(Uncacheable::VolatileFunction(name.to_string()))
                }
                _ => uncacheable_if_pure.clone(),
            };
            Classification {
                uncacheable,
                uncacheable_if_pure,
            }
        };
        let only_reads = self.kind == Kind::Select && self.writes.is_nothing() && !scan.locks;
        let only_changes = self.kind != Kind::Select && self.writes != Writes::Everything;
        if !only_reads && !only_changes {
            self.keys.clear();
        }
        // What a change reads says nothing about its result.
        if self.kind != Kind::Select || !self.writes.is_nothing() {
            self.columns.clear();
        }
        let ambiguous = self.tables.ambiguous_relations.values().next();
        let Classification {
            uncacheable,
            uncacheable_if_pure,
        } = classify(self.tables.foreign.as_ref().or(ambiguous));
        let if_user_relations = ambiguous.map(|_| Box::new(classify(self.tables.foreign.as_ref())));
        Statement {
            kind: self.kind,
            reads: self.tables.reads.into_iter().collect(),
            columns: self.columns,
            keys: self.keys,
            schemas: self.tables.schemas.into_iter().collect(),
            writes: self.writes,
            effects,
            uncacheable,
            calls: self.calls.named.into_iter().collect(),
            unknown_functions: self.calls.unknown.into_iter().collect(),
            uncacheable_if_pure,
            ambiguous_relations: self.tables.ambiguous_relations.into_keys().collect(),
            if_user_relations,
            times: (!self.times.is_nothing()).then(|| Arc::new(self.times)),
            from_fallback: self.from_fallback,
            may_apply_in_part: false,
            calls_procedure: false,
        }
    }
}

/// The tables that are read.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) reads: BTreeSet<Arc<str>>,
    /// Those that are named more than once.
    several: BTreeSet<Arc<str>>,
    /// The schemas that qualify the names of relations and functions.
    pub(super) schemas: BTreeSet<Arc<str>>,
    /// One that belongs to the server or only to this session.
    foreign: Option<String>,
    /// Those that belong to the server unless the user created one of the same name. The key is the
    /// normalised name, the value the name as it is written.
    ambiguous_relations: BTreeMap<Arc<str>, String>,
}

impl Tables {
    /// Adds a table by its path, whose last component is the name.
    pub(super) fn add(&mut self, path: &[Arc<str>], dialect: Dialect) {
        let Some((name, schemas)) = path.split_last() else {
            return;
        };
        let schema = schemas.last().map(AsRef::as_ref);
        self.schemas.extend(schemas.last().cloned());
        match names::owner(dialect, schema, name) {
            Owner::User => {}
            Owner::Server => {
                self.foreign.get_or_insert_with(|| path.join("."));
            }
            Owner::Ambiguous => {
                let written = || path.join(".");
                self.ambiguous_relations
                    .entry(Arc::clone(name))
                    .or_insert_with(written);
            }
        }
        if !self.reads.insert(Arc::clone(name)) {
            self.several.insert(Arc::clone(name));
        }
    }

    /// Whether a table is read, and at one place of the text.
    pub(super) fn occurs_once(&self, table: &str) -> bool {
        self.reads.contains(table) && !self.several.contains(table)
    }
}

/// The functions that are called.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// One that is known to be volatile.
    volatile: Option<String>,
    /// All of them.
    named: BTreeSet<Arc<str>>,
    unknown: BTreeSet<Arc<str>>,
    /// A random function is called in an `ORDER BY`.
    random_order: bool,
}

impl Calls {
    /// Adds a call. `in_order`: it is part of an `ORDER BY`.
    pub(super) fn add(&mut self, name: &Arc<str>, purity: Purity, in_order: bool) {
        self.named.insert(Arc::clone(name));
        match purity {
            Purity::Pure => {}
            Purity::Random if in_order => self.random_order = true,
            Purity::Random | Purity::Volatile | Purity::Dated { .. } => {
                self.volatile.get_or_insert_with(|| name.to_string());
            }
            Purity::Unknown => {
                self.unknown.insert(Arc::clone(name));
            }
        }
    }
}
