use std::sync::Arc;

use super::{CatalogSnapshot, Planner};
use crate::protocol::Writes;
use cachalot_sql::Analysis;

/// What a text does beyond its analysis: through the routines that it calls, directly or not.
#[derive(Debug)]
pub(crate) struct SideEffects {
    /// They certainly change neither rows nor the session.
    pub(crate) pure: bool,
    pub(crate) writes: Writes,
    /// A procedure among them may begin or end transactions.
    pub(crate) may_end_transaction: bool,
    /// The snapshot that this follows from. Set if a routine may be replaced before the text runs.
    pub(crate) snapshot: Option<CatalogSnapshot>,
}

impl Default for SideEffects {
    fn default() -> Self {
        Self {
            pure: true,
            writes: Writes::Nothing,
            may_end_transaction: false,
            snapshot: None,
        }
    }
}

impl SideEffects {
    /// Is there nothing beyond what the analysis says?
    pub(crate) fn is_nothing(&self) -> bool {
        self.pure && self.writes.is_nothing() && !self.may_end_transaction
    }

    fn anything() -> Self {
        Self {
            pure: false,
            writes: Writes::Everything,
            may_end_transaction: true,
            snapshot: None,
        }
    }
}

impl Planner {
    /// The side effects of a text on a connection to that database.
    pub(crate) fn side_effects_of(
        &self,
        database: Option<&Arc<str>>,
        analysis: &Analysis,
    ) -> SideEffects {
        let trusted = &self.config.pure_functions;
        let unknown = || analysis.unknown_functions();
        let suspects = || unknown().filter(|name| !trusted.contains(&***name));
        let suspected = suspects().next().is_some();
        let last = database.and_then(|database| self.catalogs.newest(database));
        let Some(catalog) = last.filter(|catalog| catalog.skipped_schemas(analysis).is_none())
        else {
            return if suspected {
                SideEffects::anything()
            } else {
                SideEffects::default()
            };
        };
        if !suspected && catalog.has_no_side_effects() {
            return SideEffects::default();
        }
        let (plan, _) = self.plan(analysis, &catalog);
        let mut effects = SideEffects {
            pure: plan.pure,
            writes: plan.writes.clone(),
            may_end_transaction: plan.may_end_transaction,
            snapshot: None,
        };
        // The procedure is not visible to this account, or newer than the catalog.
        if analysis.calls_procedures() && !suspects().all(|name| catalog.has_routine(name)) {
            return SideEffects::anything();
        }
        if suspected && suspects().any(|name| !catalog.is_builtin(name)) {
            // The function may have been replaced since.
            let snapshot = database.and_then(|database| self.catalogs.snapshot(database));
            match snapshot.filter(|snapshot| self.is_current(snapshot)) {
                Some(snapshot) if !unknown().any(|name| catalog.is_unknown_routine(name)) => {
                    effects.snapshot = Some(snapshot);
                }
                _ => return SideEffects::anything(),
            }
        }
        effects
    }
}
