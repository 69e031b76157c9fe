//! What an entry is valid under.

use crate::protocol::{self, Proofs, Token};

/// What a read has found in the version records. An entry keeps those under which it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Validators {
    /// The epoch's token, then those of the tables of which the read depends on all rows.
    pub(super) tokens: Vec<Token>,
    /// Those of the other tables.
    pub(super) proofs: Vec<Proofs>,
}

impl Validators {
    /// Are rows that were stored under these still current?
    pub(super) fn hold(&self, now: &Self) -> bool {
        now.are_met_by(self.tokens.iter().copied(), self.proofs.iter().cloned())
    }

    /// The same for what an entry has.
    pub(super) fn are_met_by(
        &self,
        tokens: impl ExactSizeIterator<Item = Token>,
        proofs: impl ExactSizeIterator<Item = Proofs>,
    ) -> bool {
        protocol::is_current(tokens, self.tokens.iter().copied())
            && proofs.len() == self.proofs.len()
            && proofs.zip(&self.proofs).all(|(then, now)| then.hold(now))
    }
}
