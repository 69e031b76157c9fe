//! The findings about a text.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Dialect, Effect, Kind, SessionChange, Statement, Uncacheable, Writes, lexer, split::split,
    text::Text, times::Times,
};

/// What a text reads, writes and does.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// Its statements, in order.
    pub statements: Vec<Statement>,
    /// `false`: at least one statement was only from_fallback at from its tokens.
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
        let statements = match lexer::lex(sql, dialect) {
            Some(tokens) => split(&tokens, dialect)
                .into_iter()
                .map(|statement| Statement::of(statement, dialect))
                .collect(),
            None => {
                let unknown = Statement::unknown(Uncacheable::Unparsed);
                vec![unknown.with_effect(Effect::Session(SessionChange::Unknown))]
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

    /// What was analysed.
    pub fn text(&self) -> &Text {
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

    /// The relations that it reads and that are the server's, unless somebody made some of their names.
    pub fn ambiguous_relations(&self) -> impl Iterator<Item = &Arc<str>> {
        self.statements
            .iter()
            .flat_map(|it| &it.ambiguous_relations)
    }

    /// The functions that its statements call and that this crate knows nothing of.
    pub fn unknown_functions(&self) -> Vec<Arc<str>> {
        let functions = self.statements.iter().flat_map(|it| &it.unknown_functions);
        functions.cloned().collect()
    }

    /// Is one of its statements a `CALL`?
    pub fn calls_procedures(&self) -> bool {
        self.statements.iter().any(|it| it.calls_procedure)
    }

    /// MySQL: where a time would be taken for a date.
    pub fn times(&self) -> impl Iterator<Item = &Times> {
        self.statements.iter().filter_map(|it| it.times.as_deref())
    }

    /// If it fails, has it certainly changed nothing, as far as its text tells?
    pub fn fails_whole(&self) -> bool {
        matches!(self.statements.as_slice(), [only] if !only.may_apply_in_part)
    }

    /// All functions that its statements call.
    pub fn calls(&self) -> impl Iterator<Item = &Arc<str>> {
        self.statements.iter().flat_map(|it| &it.calls)
    }

    /// The same text where each statement that reads or calls anything writes this besides.
    ///
    /// `moves`: what is called may begin and end transactions.
    pub fn with_calls(this: Arc<Self>, writes: &Writes, moves: bool) -> Arc<Self> {
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

    /// The tables that the text changes or drops, and nothing else if they are temporary ones.
    pub fn changed_tables(&self) -> Option<&[String]> {
        let [only] = self.statements.as_slice() else {
            return None;
        };
        only.effects.iter().find_map(|effect| match effect {
            Effect::ChangeTables { names, .. } => Some(names.as_slice()),
            _ => None,
        })
    }

    /// The same text, whose tables are temporary ones.
    pub fn on_temporary_tables(&self) -> Arc<Self> {
        let mut statements = self.statements.clone();
        for statement in &mut statements {
            statement.writes = Writes::Nothing;
        }
        Arc::new(Self::new(self.text.clone(), statements))
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
                    .chain(&statement.ambiguous_relations)
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
