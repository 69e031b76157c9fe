use std::sync::Arc;

use super::{CatalogSnapshot, Planner};
use crate::{protocol::Writes, statement::Analysis};

/// What a text does besides what its analysis says.
#[derive(Debug)]
pub(crate) struct SideEffects {
    /// It certainly changes nothing, neither rows nor the session.
    pub(crate) pure: bool,
    pub(crate) writes: Writes,
    /// A procedure among what it calls may begin or end transactions.
    pub(crate) moves: bool,
    /// What this was found in, if another may take its place before the text has run.
    pub(crate) known: Option<CatalogSnapshot>,
}

impl Default for SideEffects {
    fn default() -> Self {
        Self {
            pure: true,
            writes: Writes::Nothing,
            moves: false,
            known: None,
        }
    }
}

impl SideEffects {
    fn anything() -> Self {
        Self {
            pure: false,
            writes: Writes::Everything,
            moves: true,
            known: None,
        }
    }
}

impl Planner {
    /// What a text does besides what its analysis says, on a connection to that database: through
    /// functions that it calls, and through what reads and calls them for it.
    pub(crate) fn side_effects_of(
        &self,
        database: Option<&Arc<str>>,
        analysis: &Analysis,
    ) -> SideEffects {
        let trusted = &self.config.pure_functions;
        let unknown = analysis.unknown_functions();
        let mut suspects = unknown.iter().filter(|name| !trusted.contains(&***name));
        let suspected = suspects.next().is_some();
        let last = database.and_then(|database| self.catalogs.newest(database));
        let Some(catalog) = last.filter(|catalog| catalog.left_out(analysis).is_empty()) else {
            return if suspected {
                SideEffects::anything()
            } else {
                SideEffects::default()
            };
        };
        if !suspected && catalog.is_inert() {
            return SideEffects::default();
        }
        let (plan, _) = self.plan(analysis, &catalog);
        let mut calls = SideEffects {
            pure: plan.pure,
            writes: plan.writes.clone(),
            moves: plan.moves,
            known: None,
        };
        // A procedure that the account cannot see, or that is newer than the catalog.
        let mut suspects = unknown.iter().filter(|name| !trusted.contains(&***name));
        if analysis.calls_procedures() && !suspects.all(|name| catalog.has_routine(name)) {
            return SideEffects::anything();
        }
        let mut suspects = unknown.iter().filter(|name| !trusted.contains(&***name));
        if suspected && suspects.any(|name| !catalog.is_builtin(name)) {
            // Somebody may have put another in its place.
            let known = database.and_then(|database| self.catalogs.known(database));
            match known.filter(|known| self.is_current(known)) {
                Some(known) if !unknown.iter().any(|name| catalog.is_strange(name)) => {
                    calls.known = Some(known);
                }
                _ => return SideEffects::anything(),
            }
        }
        calls
    }
}
