//! The statements that the connection has prepared under a name.

use std::{collections::HashMap, sync::Arc};

use cachalot_sql::{self, Analysis, Dialect, Effect, SessionChange, Writes, connection::Prepared};

/// How many are remembered. Executing another one counts as a write to everything.
const MAX_STATEMENTS: usize = 100;
/// Longer texts are not remembered.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The statements by name. One that is not here may do anything.
#[derive(Debug, Default)]
pub(super) struct PreparedStatements(HashMap<String, Arc<Analysis>>);

impl PreparedStatements {
    /// The statement that a text executes, if it is known.
    pub(super) fn executed(&self, analysis: &Analysis, dialect: Dialect) -> Option<Arc<Analysis>> {
        if self.0.is_empty() || !may_name_one(analysis) {
            return None;
        }
        match cachalot_sql::connection::prepared(analysis.text().sql(), dialect)? {
            Prepared::Execute(name) => self.0.get(&name).cloned(),
            Prepared::Prepare { .. } => None,
        }
    }

    /// A text has run, successfully or not.
    pub(super) fn finished(&mut self, analysis: &Analysis, dialect: Dialect, succeeded: bool) {
        if may_name_one(analysis)
            && let Some(Prepared::Prepare { name, sql }) =
                cachalot_sql::connection::prepared(analysis.text().sql(), dialect)
        {
            let sql = sql.filter(|sql| succeeded && sql.len() <= MAX_TEXT_BYTES);
            match sql {
                Some(sql) if self.0.len() < MAX_STATEMENTS || self.0.contains_key(&name) => {
                    self.0.insert(name, cachalot_sql::analysis(&sql, dialect));
                }
                _ => {
                    self.0.remove(&name);
                }
            }
        } else if changes_them(analysis) {
            self.0.clear();
        }
    }
}

/// May the text be a `PREPARE` or an `EXECUTE`?
fn may_name_one(analysis: &Analysis) -> bool {
    matches!(analysis.statements.as_slice(), [only] if only.effects.contains(&UNKNOWN))
}

const UNKNOWN: Effect = Effect::Session(SessionChange::Unknown);

/// May the text have replaced one of them, or changed which table a name in one of them means?
fn changes_them(analysis: &Analysis) -> bool {
    *analysis.writes() == Writes::Everything
        || analysis
            .statements
            .iter()
            .flat_map(|it| &it.effects)
            .any(|effect| match effect {
                Effect::Session(SessionChange::Unknown | SessionChange::All) => true,
                Effect::Session(SessionChange::Settings(names)) => {
                    names.iter().any(|name| name == "database")
                }
                _ => false,
            })
}
