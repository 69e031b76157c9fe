//! The epoch: records on which every read depends, whatever its tables.

use super::{VersionStore, records::Fetched};
use crate::{
    bypass::BypassReason,
    protocol::{EPOCH_PARTS, Epoch},
    store::{Command, StoreError},
};

impl VersionStore {
    /// The current tokens. Missing records are created if `create` is set. Otherwise their tokens are
    /// fresh ones, which no entry has.
    pub(crate) fn current_epoch(&self, create: bool) -> Result<Epoch, BypassReason> {
        let mut parts = self.fetch_parts();
        let is_absent = |part: &Result<Fetched, _>| matches!(part, Ok(Fetched::Absent(_)));
        if create && parts.iter().any(is_absent) {
            // In one batch, and with one list of families. Any that this does not create are created below.
            let _ = self.parts_with_one_list();
            parts = self.fetch_parts();
        }
        let mut tokens = Vec::with_capacity(EPOCH_PARTS);
        for (part, fetched) in self.epochs.iter().zip(parts) {
            let depends = part.depends(None);
            match fetched.and_then(|fetched| self.tokens_of(part, depends, fetched, create)) {
                Ok(Some(state)) => tokens.extend(state.iter()),
                Ok(None) => return Err(BypassReason::WriterInFlight),
                Err(_) => return Err(BypassReason::StoreUnavailable),
            }
        }
        tokens
            .try_into()
            .map_err(|_| BypassReason::StoreUnavailable)
    }

    fn fetch_parts(&self) -> Vec<Result<Fetched, StoreError>> {
        let replies = self.get_all(&self.epochs);
        replies
            .map(|(part, reply)| self.fetched(part, part.depends(None), reply))
            .collect()
    }

    /// Is this the current epoch?
    pub(crate) fn is_current(&self, epoch: &Epoch) -> bool {
        let [part, ..] = &self.epochs;
        let reply = self.client.run(&[Command::Get { key: &part.key }]).pop();
        let Some(reply) = reply else { return false };
        let depends = part.depends(None);
        let state = self
            .fetched(part, depends, reply)
            .and_then(|fetched| self.tokens_of(part, depends, fetched, false));
        let token = state.ok().flatten().and_then(|it| it.iter().next());
        token.is_some() && token == epoch.first().copied()
    }
}
