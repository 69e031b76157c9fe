//! What statements the connection has prepared under a name.

use std::{collections::HashMap, sync::Arc};

use crate::statement::{self, Analysis, Dialect, Effect, Prepared, SessionChange, Writes};

/// How many are remembered. To execute another one writes everything.
const MOST: usize = 100;
/// Nor are longer texts remembered.
const LONGEST: usize = 64 * 1024;

/// The statements by their names; what is not here may be anything.
#[derive(Debug, Default)]
pub(super) struct PreparedStatements(HashMap<String, Arc<Analysis>>);

impl PreparedStatements {
    /// What a text runs that executes one of them.
    pub(super) fn executed(&self, analysis: &Analysis, dialect: Dialect) -> Option<Arc<Analysis>> {
        if self.0.is_empty() || !may_name_one(analysis) {
            return None;
        }
        match statement::prepared(analysis.text().sql(), dialect)? {
            Prepared::Execute(name) => self.0.get(&name).cloned(),
            Prepared::Prepare { .. } => None,
        }
    }

    /// Takes note of a text that has run, well or not.
    pub(super) fn finished(&mut self, analysis: &Analysis, dialect: Dialect, succeeded: bool) {
        if may_name_one(analysis)
            && let Some(Prepared::Prepare { name, sql }) =
                statement::prepared(analysis.text().sql(), dialect)
        {
            let sql = sql.filter(|sql| succeeded && sql.len() <= LONGEST);
            match sql {
                Some(sql) if self.0.len() < MOST || self.0.contains_key(&name) => {
                    self.0.insert(name, statement::analysis(&sql, dialect));
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

/// Is it a text of the sort of a `PREPARE` or an `EXECUTE`?
fn may_name_one(analysis: &Analysis) -> bool {
    matches!(analysis.statements.as_slice(), [only] if only.effects.contains(&UNKNOWN))
}

const UNKNOWN: Effect = Effect::Session(SessionChange::Unknown);

/// May code run that prepares another in the place of one of them, or does one mean another table now?
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
