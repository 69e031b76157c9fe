//! The findings about one statement.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Columns, Dialect, Effect, Keys, Uncacheable, Writes, classify::Classification, cursor::Cursor,
    fallback, keywords, lexer::Token, query, session, times::Times, token_scan, transaction,
    utility,
};

/// What one statement reads, writes and does.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The kind of statement.
    pub kind: Kind,
    /// The tables that it reads: normalised names, sorted, distinct. The target of a change counts as read
    /// only if it is named a second time.
    pub reads: Vec<Arc<str>>,
    /// Of each table that it reads, the columns that it may use; all of them, of a table that is not in the map.
    pub(super) columns: BTreeMap<Arc<str>, Columns>,
    /// Of a query, the keys of the tables that it reads; of a change, those of the table that it writes. None of
    /// a statement inside another one.
    pub(super) keys: BTreeMap<Arc<str>, Keys>,
    /// The schemas that qualify relations that it reads and functions that it calls: normalised, sorted,
    /// distinct.
    pub schemas: Vec<Arc<str>>,
    /// The tables it writes.
    pub writes: Writes,
    /// What else it does, in order.
    pub effects: Vec<Effect>,
    /// Why its result may not be cached; `None` if it may.
    pub uncacheable: Option<Uncacheable>,
    /// All functions that it calls: normalised names, sorted, distinct. A user can define a function with
    /// the name of a built-in one.
    pub calls: Vec<Arc<str>>,
    /// Functions that it calls and that are not built in, as far as this crate knows: normalised names,
    /// sorted, distinct.
    /// They may read or write tables, and they may be volatile.
    pub unknown_functions: Vec<Arc<str>>,
    /// What [`Self::uncacheable`] would be if all of them were known to be pure.
    pub(super) uncacheable_if_pure: Option<Uncacheable>,
    /// Relations that it reads and that belong to the server, unless a user created relations of the same
    /// names.
    pub(super) ambiguous_relations: Vec<Arc<str>>,
    /// The classification if a user did.
    pub(super) if_user_relations: Option<Box<Classification>>,
    /// MySQL: where a time would be converted to a date.
    pub(super) times: Option<Arc<Times>>,
    /// The parser rejected it, so every identifier counts as a table.
    pub(super) from_fallback: bool,
    /// If it fails, some of its changes may remain.
    pub(super) may_apply_in_part: bool,
    /// It is a `CALL`: it writes what the procedure writes.
    pub(super) calls_procedure: bool,
}

impl Statement {
    /// Why the result may not be cached, if the unknown functions for which `is_pure` is true are pure.
    #[must_use]
    pub fn uncacheable_knowing(&self, is_pure: impl Fn(&str) -> bool) -> Option<&Uncacheable> {
        self.uncacheable_by(is_pure, |_| false)
    }

    /// The same. `is_made` says whether a user created a relation whose name looks like one of the server's.
    pub fn uncacheable_by(
        &self,
        is_pure: impl Fn(&str) -> bool,
        is_made: impl Fn(&str) -> bool,
    ) -> Option<&Uncacheable> {
        let made = self.if_user_relations.as_deref();
        let made = made.filter(|_| self.ambiguous_relations.iter().all(|name| is_made(name)));
        let (uncacheable, otherwise) = match made {
            Some(it) => (&it.uncacheable, &it.uncacheable_if_pure),
            None => (&self.uncacheable, &self.uncacheable_if_pure),
        };
        let pure = self.unknown_functions.iter().all(|name| is_pure(name));
        if pure { otherwise } else { uncacheable }.as_ref()
    }

    /// Analyses one statement.
    pub(super) fn of(tokens: &[Token<'_>], dialect: Dialect) -> Self {
        if let Some(mut statement) = Self::query(tokens, dialect) {
            statement.may_apply_in_part =
                dialect == Dialect::Sqlite && keywords::keeps_changes_on_failure(tokens);
            return statement;
        }
        let cursor = Cursor::new(tokens, dialect);
        let read = transaction::read(cursor)
            .or_else(|| session::read(cursor))
            .or_else(|| utility::read(cursor));
        let mut statement = read.unwrap_or_else(|| {
            Self::unknown(Uncacheable::NotSelect)
                .with_effect_if(dialect == Dialect::Mysql, Effect::MayControlTransaction)
        });
        statement.keys.clear();
        if let Some(change) = token_scan::session_change(tokens) {
            statement.effects.push(Effect::Session(change));
        }
        if tokens.iter().any(|token| token.conditional) && statement.kind != Kind::Session {
            statement.writes = Writes::Everything;
            statement.from_fallback = true;
            if statement.kind == Kind::Transaction {
                statement.effects.push(Effect::MayControlTransaction);
            }
        }
        let commits = |effect: &Effect| {
            matches!(
                effect,
                Effect::ImplicitCommit | Effect::MayControlTransaction
            )
        };
        statement.may_apply_in_part =
            statement.kind == Kind::Other || statement.effects.iter().any(commits);
        statement
    }

    /// Analyses a query or a change of rows; `None` if the statement is neither.
    pub(super) fn query(tokens: &[Token<'_>], dialect: Dialect) -> Option<Self> {
        let verb = tokens.iter().find(|token| !token.is_symbol("("))?;
        if !verb.is_any(QUERY_VERBS) {
            return None;
        }
        let conditional = tokens.iter().any(|token| token.conditional);
        let parsed = if conditional {
            None
        } else {
            query::read(tokens, dialect)
        };
        Some(parsed.unwrap_or_else(|| fallback::read(tokens, dialect)))
    }

    /// A statement that reads and writes no table.
    pub(super) fn without_tables(kind: Kind) -> Self {
        Self {
            kind,
            reads: Vec::new(),
            columns: BTreeMap::new(),
            keys: BTreeMap::new(),
            schemas: Vec::new(),
            writes: Writes::Nothing,
            effects: Vec::new(),
            uncacheable: Some(Uncacheable::NotSelect),
            calls: Vec::new(),
            unknown_functions: Vec::new(),
            uncacheable_if_pure: Some(Uncacheable::NotSelect),
            ambiguous_relations: Vec::new(),
            if_user_relations: None,
            times: None,
            from_fallback: false,
            may_apply_in_part: false,
            calls_procedure: false,
        }
    }

    /// A statement that may write any table.
    pub(super) fn writes_unbounded(kind: Kind) -> Self {
        Self::without_tables(kind).with_writes(Writes::Everything)
    }

    /// A statement that could not be analysed: it may write any table.
    pub(super) fn unknown(why: Uncacheable) -> Self {
        Self {
            uncacheable: Some(why.clone()),
            uncacheable_if_pure: Some(why),
            from_fallback: true,
            ..Self::writes_unbounded(Kind::Other)
        }
    }

    pub(super) fn with_writes(mut self, writes: Writes) -> Self {
        self.writes = writes;
        self
    }

    pub(super) fn with_read(mut self, table: Arc<str>) -> Self {
        self.reads = vec![table];
        self
    }

    pub(super) fn with_effect_if(self, condition: bool, effect: Effect) -> Self {
        if condition {
            self.with_effect(effect)
        } else {
            self
        }
    }

    pub(super) fn with_effect(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }
}

/// The first words of statements that are parsed.
const QUERY_VERBS: &[&str] = &[
    "select", "with", "values", "table", "insert", "replace", "update", "delete", "merge",
];

/// The kind of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A query.
    Select,
    /// New rows: `INSERT`, `REPLACE`, `COPY … FROM`, `LOAD DATA`.
    Insert,
    /// `UPDATE`
    Update,
    /// `DELETE`, `TRUNCATE`
    Delete,
    /// A change of the schema or of privileges.
    Ddl,
    /// Begins or ends a transaction, or sets a savepoint.
    Transaction,
    /// Changes the session.
    Session,
    /// Anything else.
    Other,
}

impl Kind {
    /// Its name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Ddl => "ddl",
            Self::Transaction => "transaction",
            Self::Session => "session",
            Self::Other => "other",
        }
    }
}
