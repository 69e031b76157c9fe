//! The findings about a text and about each of its statements.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use super::{
    Dialect, Effect, SessionChange, Uncacheable, Writes,
    classify::Verdict,
    cursor::Cursor,
    fallback, keywords,
    lexer::{self, Token},
    query, session,
    split::split,
    text::Text,
    times::Times,
    token_scan, transaction, utility,
};

/// What a text reads, writes and does.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// Its statements, in order.
    pub statements: Vec<Statement>,
    /// `false`: at least one statement was only guessed at from its tokens.
    pub parsed: bool,
    text: Text,
    reads: Vec<Arc<str>>,
    writes: Writes,
    uncacheable: Option<Uncacheable>,
}

impl Analysis {
    /// Analyses a text. Never fails; time and memory grow with the length of the text.
    #[must_use]
    pub fn of(sql: &str, dialect: Dialect) -> Self {
        let stored = as_stored(sql, dialect);
        let statements = match lexer::lex(&stored, dialect) {
            Some(tokens) => split(&tokens, dialect)
                .into_iter()
                .map(|statement| Statement::of(statement, dialect))
                .collect(),
            None => {
                let unknown = Statement::unknown(Uncacheable::Unparsed);
                vec![unknown.doing(Effect::Session(SessionChange::Unknown))]
            }
        };
        Self::new(Text::new(sql, dialect), statements)
    }

    fn new(text: Text, statements: Vec<Statement>) -> Self {
        let (reads, writes, uncacheable) = match statements.as_slice() {
            [] => (Vec::new(), Writes::Nothing, Some(Uncacheable::NotSelect)),
            [only] => (
                only.reads.clone(),
                only.writes.clone(),
                only.uncacheable.clone(),
            ),
            several => {
                let reads: BTreeSet<_> = several.iter().flat_map(|s| &s.reads).cloned().collect();
                let mut writes = Writes::Nothing;
                several
                    .iter()
                    .for_each(|statement| writes.merge(&statement.writes));
                (
                    reads.into_iter().collect(),
                    writes,
                    Some(Uncacheable::SeveralStatements),
                )
            }
        };
        let parsed = !statements.iter().any(|statement| statement.guessed);
        Self {
            statements,
            parsed,
            text,
            reads,
            writes,
            uncacheable,
        }
    }

    /// What was analysed.
    pub(crate) fn text(&self) -> &Text {
        &self.text
    }

    /// All tables read: normalised names, sorted, distinct.
    #[must_use]
    pub fn reads(&self) -> &[Arc<str>] {
        &self.reads
    }

    /// All tables written.
    #[must_use]
    pub fn writes(&self) -> &Writes {
        &self.writes
    }

    /// The kind that all statements are of; [`Kind::Other`] if there is none or they differ.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let mut kinds = self.statements.iter().map(|statement| statement.kind);
        let first = kinds.next().unwrap_or(Kind::Other);
        if kinds.all(|kind| kind == first) {
            first
        } else {
            Kind::Other
        }
    }

    /// Why the result may not be cached; `None` if it may: the text is exactly one `SELECT` that
    /// reads a table, changes nothing and gives the same rows as long as its tables stay the same.
    #[must_use]
    pub fn uncacheable(&self) -> Option<&Uncacheable> {
        self.uncacheable.as_ref()
    }

    /// The same, if the functions that this crate does not know are as good as `is_pure` says.
    #[must_use]
    pub fn uncacheable_knowing(&self, is_pure: impl Fn(&str) -> bool) -> Option<&Uncacheable> {
        self.uncacheable_by(is_pure, |_| false)
    }

    /// The same, if `is_made` says which relations somebody made whose names look like the server's.
    pub(crate) fn uncacheable_by(
        &self,
        is_pure: impl Fn(&str) -> bool,
        is_made: impl Fn(&str) -> bool,
    ) -> Option<&Uncacheable> {
        match self.statements.as_slice() {
            [only] => only.uncacheable_by(is_pure, is_made),
            _ => self.uncacheable(),
        }
    }

    /// The relations that it reads and that are the server's, unless somebody made some of their names.
    pub(crate) fn suspects(&self) -> impl Iterator<Item = &Arc<str>> {
        self.statements.iter().flat_map(|it| &it.suspects)
    }

    /// The functions that its statements call and that this crate knows nothing of.
    pub(crate) fn unknown_functions(&self) -> Vec<Arc<str>> {
        let functions = self.statements.iter().flat_map(|it| &it.unknown_functions);
        functions.cloned().collect()
    }

    /// Is one of its statements a `CALL`?
    pub(crate) fn calls_procedures(&self) -> bool {
        self.statements.iter().any(|it| it.calls_procedure)
    }

    /// MySQL: where a time would be taken for a date.
    pub(crate) fn times(&self) -> impl Iterator<Item = &Times> {
        self.statements.iter().filter_map(|it| it.times.as_deref())
    }

    /// If it fails, has it certainly changed nothing, as far as its text tells?
    pub(crate) fn fails_whole(&self) -> bool {
        matches!(self.statements.as_slice(), [only] if !only.in_part)
    }

    /// All functions that its statements call.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &Arc<str>> {
        self.statements.iter().flat_map(|it| &it.calls)
    }

    /// The same text where each statement that reads or calls anything writes this besides.
    ///
    /// `moves`: what is called may begin and end transactions.
    pub(crate) fn with_calls(this: Arc<Self>, writes: &Writes, moves: bool) -> Arc<Self> {
        if writes.is_nothing() && !this.calls_procedures() {
            return this;
        }
        let mut statements = this.statements.clone();
        for statement in &mut statements {
            if statement.calls_procedure {
                statement.writes = Writes::Nothing;
                let stays = |effect: &Effect| moves || *effect != Effect::MayControlTransaction;
                statement.effects.retain(stays);
            }
            let quiet = statement.kind == Kind::Transaction || statement.kind == Kind::Session;
            if !quiet || !statement.calls.is_empty() {
                statement.writes.merge(writes);
            }
        }
        Arc::new(Self::new(this.text.clone(), statements))
    }

    /// About how many bytes of memory this takes.
    pub(super) fn weight(&self) -> usize {
        let name = |name: &Arc<str>| name.len() + 2 * size_of::<Arc<str>>();
        let statements = self.statements.iter().map(|statement| {
            let written = match &statement.writes {
                Writes::Tables(tables) => tables.keys().map(|key| name(key) + 8).sum(),
                _ => 0,
            };
            size_of::<Statement>()
                + statement
                    .reads
                    .iter()
                    .chain(&statement.schemas)
                    .chain(&statement.calls)
                    .chain(&statement.unknown_functions)
                    .chain(&statement.suspects)
                    .map(name)
                    .sum::<usize>()
                + 2 * written
                + statement.times.as_ref().map_or(0, |times| times.weight())
                + statement.effects.len() * 2 * size_of::<Effect>()
        });
        size_of::<Self>()
            + self.text.sql().len()
            + statements.sum::<usize>()
            + self.reads.len() * size_of::<Arc<str>>()
    }
}

/// MySQL stores names without characters outside the BMP: it replaces each by a question mark, and finds
/// the table by either spelling. MariaDB refuses such names. Outside of names these characters occur only
/// in literals and comments.
fn as_stored(sql: &str, dialect: Dialect) -> Cow<'_, str> {
    let is_lost = |c: char| c > '\u{ffff}';
    if dialect == Dialect::Mysql && sql.contains(is_lost) {
        Cow::Owned(sql.replace(is_lost, "?"))
    } else {
        Cow::Borrowed(sql)
    }
}

/// What one statement reads, writes and does.
#[derive(Debug, Clone)]
pub struct Statement {
    /// What sort of statement it is.
    pub kind: Kind,
    /// The tables it reads: normalised names, sorted, distinct. The target of a change is read
    /// only if it is named a second time.
    pub reads: Vec<Arc<str>>,
    /// The schemas that it names before relations that it reads and functions that it calls: as
    /// compared, sorted, distinct.
    pub schemas: Vec<Arc<str>>,
    /// The tables it writes.
    pub writes: Writes,
    /// What else it does, in order.
    pub effects: Vec<Effect>,
    /// Why its result may not be cached; `None` if it may.
    pub uncacheable: Option<Uncacheable>,
    /// All functions it calls, by their normalised names, sorted, distinct: one that this crate knows
    /// may be the user's own for other arguments.
    pub calls: Vec<Arc<str>>,
    /// The functions it calls that this crate knows nothing of: normalised names, sorted, distinct.
    /// They may read or write tables, and they may be volatile.
    pub unknown_functions: Vec<Arc<str>>,
    /// What [`Self::uncacheable`] would be if all of them were known to be pure.
    pub(super) otherwise: Option<Uncacheable>,
    /// Relations that it reads and that are the server's, unless somebody made some of their names.
    pub(super) suspects: Vec<Arc<str>>,
    /// What both verdicts would be if somebody did.
    pub(super) if_made: Option<Box<Verdict>>,
    /// MySQL: where a time would be taken for a date.
    pub(super) times: Option<Arc<Times>>,
    pub(super) guessed: bool,
    /// If it fails, some of its changes may stay.
    pub(super) in_part: bool,
    /// It is a `CALL`: what it writes is what the procedure writes that it names.
    pub(super) calls_procedure: bool,
}

impl Statement {
    /// Why the result may not be cached, if the functions that this crate does not know are as good
    /// as `is_pure` says.
    #[must_use]
    pub fn uncacheable_knowing(&self, is_pure: impl Fn(&str) -> bool) -> Option<&Uncacheable> {
        self.uncacheable_by(is_pure, |_| false)
    }

    /// The same, if `is_made` says which relations somebody made whose names look like the server's.
    pub(crate) fn uncacheable_by(
        &self,
        is_pure: impl Fn(&str) -> bool,
        is_made: impl Fn(&str) -> bool,
    ) -> Option<&Uncacheable> {
        let made = self.if_made.as_deref();
        let made = made.filter(|_| self.suspects.iter().all(|name| is_made(name)));
        let (uncacheable, otherwise) = match made {
            Some(verdict) => (&verdict.uncacheable, &verdict.otherwise),
            None => (&self.uncacheable, &self.otherwise),
        };
        let pure = self.unknown_functions.iter().all(|name| is_pure(name));
        if pure { otherwise } else { uncacheable }.as_ref()
    }

    /// Analyses one statement.
    pub(super) fn of(tokens: &[Token<'_>], dialect: Dialect) -> Self {
        if let Some(mut statement) = Self::query(tokens, dialect) {
            statement.in_part = dialect == Dialect::Sqlite && keywords::keeps_what_it_did(tokens);
            return statement;
        }
        let cursor = Cursor::new(tokens, dialect);
        let read = transaction::read(cursor)
            .or_else(|| session::read(cursor))
            .or_else(|| utility::read(cursor));
        let mut statement = read.unwrap_or_else(|| {
            Self::unknown(Uncacheable::NotSelect)
                .doing_if(dialect == Dialect::Mysql, Effect::MayControlTransaction)
        });
        if let Some(change) = token_scan::session_change(tokens) {
            statement.effects.push(Effect::Session(change));
        }
        if tokens.iter().any(|token| token.conditional) && statement.kind != Kind::Session {
            statement.writes = Writes::Everything;
            statement.guessed = true;
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
        statement.in_part = statement.kind == Kind::Other || statement.effects.iter().any(commits);
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
    pub(super) fn quiet(kind: Kind) -> Self {
        Self {
            kind,
            reads: Vec::new(),
            schemas: Vec::new(),
            writes: Writes::Nothing,
            effects: Vec::new(),
            uncacheable: Some(Uncacheable::NotSelect),
            calls: Vec::new(),
            unknown_functions: Vec::new(),
            otherwise: Some(Uncacheable::NotSelect),
            suspects: Vec::new(),
            if_made: None,
            times: None,
            guessed: false,
            in_part: false,
            calls_procedure: false,
        }
    }

    /// A statement that may write any table.
    pub(super) fn writes_unbounded(kind: Kind) -> Self {
        Self::quiet(kind).writing(Writes::Everything)
    }

    /// A statement that nobody understood: it may write any table.
    pub(super) fn unknown(why: Uncacheable) -> Self {
        Self {
            uncacheable: Some(why.clone()),
            otherwise: Some(why),
            guessed: true,
            ..Self::writes_unbounded(Kind::Other)
        }
    }

    pub(super) fn writing(mut self, writes: Writes) -> Self {
        self.writes = writes;
        self
    }

    pub(super) fn reading(mut self, table: Arc<str>) -> Self {
        self.reads = vec![table];
        self
    }

    pub(super) fn doing_if(self, condition: bool, effect: Effect) -> Self {
        if condition { self.doing(effect) } else { self }
    }

    pub(super) fn doing(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }
}

/// Words that open a statement which the parser is asked about.
const QUERY_VERBS: &[&str] = &[
    "select", "with", "values", "table", "insert", "replace", "update", "delete", "merge",
];

/// What sort of statement it is.
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
    /// Begins, ends or divides a transaction.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(sql: &str) -> Analysis {
        Analysis::of(sql, Dialect::Postgres)
    }

    #[test]
    fn a_batch_tells_its_statements_in_order_and_all_tables_at_once() {
        let analysis = postgres("BEGIN; UPDATE a SET x = (SELECT y FROM b); DELETE FROM c; COMMIT");
        let kinds: Vec<_> = analysis
            .statements
            .iter()
            .map(|s| s.kind.as_str())
            .collect();
        assert_eq!(kinds, ["transaction", "update", "delete", "transaction"]);
        assert_eq!(analysis.kind(), Kind::Other);
        assert_eq!(analysis.reads(), [Arc::from("b")]);
        let Writes::Tables(tables) = analysis.writes() else {
            panic!("two tables are written")
        };
        assert_eq!(
            tables.keys().map(AsRef::as_ref).collect::<Vec<_>>(),
            ["a", "c"]
        );
        assert_eq!(
            analysis.uncacheable(),
            Some(&Uncacheable::SeveralStatements)
        );
    }

    #[test]
    fn an_empty_text_does_nothing() {
        let analysis = postgres(" ; -- nothing\n");
        assert!(
            analysis.statements.is_empty() && analysis.parsed && analysis.writes().is_nothing()
        );
        assert_eq!(analysis.uncacheable(), Some(&Uncacheable::NotSelect));
    }

    #[test]
    fn unknown_functions_can_be_vouched_for() {
        let analysis = postgres("SELECT f(a), schema.g(b) FROM t");
        let functions = &analysis.statements[0].unknown_functions;
        assert_eq!(functions.as_slice(), [Arc::from("f"), Arc::from("g")]);
        assert_eq!(
            analysis.uncacheable(),
            Some(&Uncacheable::VolatileFunction("f".into()))
        );
        assert_eq!(analysis.uncacheable_knowing(|_| true), None);
        assert_eq!(
            analysis.uncacheable_knowing(|name| name == "f"),
            analysis.uncacheable()
        );
    }

    #[test]
    fn to_vouch_for_a_function_excuses_nothing_else() {
        for (sql, why) in [
            (
                "SELECT f(a) FROM t ORDER BY random()",
                Uncacheable::RandomOrder,
            ),
            (
                "SELECT f(now()) FROM t",
                Uncacheable::VolatileFunction("now".into()),
            ),
            ("SELECT f(1)", Uncacheable::NoTable),
            ("SELECT f(a) FROM t FOR UPDATE", Uncacheable::RowLock),
        ] {
            assert_eq!(
                postgres(sql).uncacheable_knowing(|_| true),
                Some(&why),
                "{sql}"
            );
        }
    }
}
