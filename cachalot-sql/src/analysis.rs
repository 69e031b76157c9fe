//! The findings about a text.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use super::{
    Changes, Columns, Dialect, Effect, Keys, Kind, SessionChange, Statement, Uncacheable, Writes,
    lexer, split::split, text::Text, times::Times,
};

/// What a text reads, writes and does.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// Its statements, in order.
    pub statements: Vec<Statement>,
    /// `false` if the parser rejected at least one statement, so that every identifier in it counts as a
    /// table.
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
        let mut statements: Vec<_> = match lexer::lex(&stored, dialect) {
            Some(tokens) => split(&tokens, dialect)
                .into_iter()
                .map(|statement| Statement::of(statement, dialect))
                .collect(),
            None => {
                let unknown = Statement::unknown(Uncacheable::Unparsed);
                vec![unknown.with_effect(Effect::Session(SessionChange::Unknown))]
            }
        };
        // Then the literals are not those of the text.
        if matches!(stored, Cow::Owned(_)) {
            for statement in &mut statements {
                statement.keys.clear();
            }
        }
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
        let parsed = !statements.iter().any(|statement| statement.from_fallback);
        Self {
            statements,
            parsed,
            text,
            reads,
            writes,
            uncacheable,
        }
    }

    /// The text that was analysed.
    #[must_use]
    pub fn text(&self) -> &Text {
        &self.text
    }

    /// All tables read: normalised names, sorted, distinct.
    #[must_use]
    pub fn reads(&self) -> &[Arc<str>] {
        &self.reads
    }

    /// The columns of a table that a query may use, in any clause. The table is given by its normalised name.
    ///
    /// Columns without a qualifier count for every table that the text reads, so the names need not be columns
    /// of this one. On PostgreSQL, `t.f` may also be a call of a function `f` with a whole row of `t`; the text
    /// tells this of built-in functions only.
    #[must_use]
    pub fn columns(&self, table: &str) -> Columns {
        let columns = match self.statements.as_slice() {
            [only] => only.columns.get(table),
            _ => None,
        };
        columns.cloned().unwrap_or(Columns::All)
    }

    /// What is known of rows of a table, given by its normalised name: of those that the result of a query
    /// depends on, or of those that a change touches, before and after. `None` if nothing is known.
    ///
    /// It holds for what the text does by itself to a plain table. A view, a function, a trigger or a foreign
    /// key may read or change other rows of the same table. A column of the table may also change or convert a
    /// value that is written.
    #[must_use]
    pub fn keys(&self, table: &str) -> Option<&Keys> {
        match self.statements.as_slice() {
            [only] => only.keys.get(table),
            _ => None,
        }
    }

    /// All tables written.
    #[must_use]
    pub fn writes(&self) -> &Writes {
        &self.writes
    }

    /// The kind of all statements; [`Kind::Other`] if there are none or they differ.
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

    /// Why the result may not be cached. `None` if it may: the text is a single `SELECT` that reads a
    /// table, changes nothing and returns the same rows as long as its tables do not change.
    #[must_use]
    pub fn uncacheable(&self) -> Option<&Uncacheable> {
        self.uncacheable.as_ref()
    }

    /// The same, if the unknown functions for which `is_pure` is true are pure.
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
        match self.statements.as_slice() {
            [only] => only.uncacheable_by(is_pure, is_made),
            _ => self.uncacheable(),
        }
    }

    /// Is it a single `SELECT` that changes neither rows nor the session, and calls no routine, as far as the
    /// text shows?
    #[must_use]
    pub fn only_reads(&self) -> bool {
        let [only] = self.statements.as_slice() else {
            return false;
        };
        self.parsed
            && only.kind == Kind::Select
            && only.writes.is_nothing()
            && only.effects.is_empty()
            && only.unknown_functions.is_empty()
            && !only.calls_procedure
    }

    /// Relations that it reads and that belong to the server, unless a user created relations of the same
    /// names.
    pub fn ambiguous_relations(&self) -> impl Iterator<Item = &Arc<str>> {
        self.statements
            .iter()
            .flat_map(|it| &it.ambiguous_relations)
    }

    /// Functions that its statements call and that are not built in, as far as this crate knows.
    pub fn unknown_functions(&self) -> impl Iterator<Item = &Arc<str>> {
        self.statements.iter().flat_map(|it| &it.unknown_functions)
    }

    /// Whether one of its statements is a `CALL`.
    #[must_use]
    pub fn calls_procedures(&self) -> bool {
        self.statements.iter().any(|it| it.calls_procedure)
    }

    /// MySQL: where a time would be converted to a date.
    pub fn times(&self) -> impl Iterator<Item = &Times> {
        self.statements.iter().filter_map(|it| it.times.as_deref())
    }

    /// Whether it certainly changed nothing if it fails, as far as the text shows.
    #[must_use]
    pub fn fails_whole(&self) -> bool {
        matches!(self.statements.as_slice(), [only] if !only.may_apply_in_part)
    }

    /// All functions that its statements call.
    pub fn calls(&self) -> impl Iterator<Item = &Arc<str>> {
        self.statements.iter().flat_map(|it| &it.calls)
    }

    /// The same analysis, where each statement that reads or calls anything also has these `writes`.
    ///
    /// `may_end_transaction`: the called code may begin or end a transaction.
    #[must_use]
    pub fn with_calls(this: Arc<Self>, writes: &Writes, may_end_transaction: bool) -> Arc<Self> {
        if writes.is_nothing() && !this.calls_procedures() {
            return this;
        }
        let mut statements = this.statements.clone();
        for statement in &mut statements {
            statement.keys.clear();
            if statement.calls_procedure {
                statement.writes = Writes::Nothing;
                let stays = |effect: &Effect| {
                    may_end_transaction || *effect != Effect::MayControlTransaction
                };
                statement.effects.retain(stays);
            }
            let quiet = statement.kind == Kind::Transaction || statement.kind == Kind::Session;
            if !quiet || !statement.calls.is_empty() {
                statement.writes.merge(writes);
            }
        }
        Arc::new(Self::new(this.text.clone(), statements))
    }

    /// The tables that the text changes or drops. If they are temporary, it affects nothing else.
    #[must_use]
    pub fn changed_tables(&self) -> Option<&[String]> {
        let [only] = self.statements.as_slice() else {
            return None;
        };
        only.effects.iter().find_map(|effect| match effect {
            Effect::ChangeTables { names, .. } => Some(names.as_slice()),
            _ => None,
        })
    }

    /// The same analysis, if the tables that it changes are temporary.
    #[must_use]
    pub fn on_temporary_tables(&self) -> Arc<Self> {
        let mut statements = self.statements.clone();
        for statement in &mut statements {
            statement.writes = Writes::Nothing;
            statement.keys.clear();
        }
        Arc::new(Self::new(self.text.clone(), statements))
    }

    /// About how many bytes of memory this takes.
    pub(super) fn weight(&self) -> usize {
        let name = |name: &Arc<str>| name.len() + 2 * size_of::<Arc<str>>();
        let columns = |columns: &Columns| match columns {
            Columns::All => 0,
            Columns::Named(names) => names.iter().map(name).sum::<usize>(),
        };
        let used = |(table, used): (&Arc<str>, &Columns)| {
            name(table) + size_of::<Columns>() + columns(used)
        };
        let keys = |(table, keys): (&Arc<str>, &Keys)| name(table) + keys.weight();
        let statements = self.statements.iter().map(|statement| {
            let written = match &statement.writes {
                Writes::Tables(tables) => tables
                    .iter()
                    .map(|(key, changes)| {
                        name(key) + size_of::<Changes>() + columns(&changes.updated)
                    })
                    .sum(),
                _ => 0,
            };
            size_of::<Statement>()
                + statement
                    .reads
                    .iter()
                    .chain(&statement.schemas)
                    .chain(&statement.calls)
                    .chain(&statement.unknown_functions)
                    .chain(&statement.ambiguous_relations)
                    .map(name)
                    .sum::<usize>()
                + 2 * written
                + statement.columns.iter().map(used).sum::<usize>()
                + statement.keys.iter().map(keys).sum::<usize>()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(sql: &str) -> Analysis {
        Analysis::of(sql, Dialect::Postgres)
    }

    #[test]
    fn a_batch_has_its_statements_in_order_and_the_tables_of_all() {
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
    fn unknown_functions_can_be_declared_pure() {
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
    fn a_pure_function_does_not_make_the_rest_cacheable() {
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
