//! The epoch: records on which every read depends, whatever its tables.

use super::VersionStore;
use crate::{
    bypass::BypassReason,
    protocol::{EPOCHS, Epoch},
    store::Command,
};

impl VersionStore {
    /// The present tokens; missing records are created if `create` says so. Else the tokens of those are
    /// none that anything could be stored under.
    pub(crate) fn present_epoch(&self, create: bool) -> Result<Epoch, BypassReason> {
        let epochs = &self.epochs;
        let commands = epochs
            .each_ref()
            .map(|part| Command::Get { key: &part.key });
        let mut tokens = Vec::with_capacity(EPOCHS);
        for (part, reply) in epochs.iter().zip(self.client.run(&commands)) {
            let state = self
                .fetched(&part.key, reply)
                .and_then(|fetched| self.state_of(part, fetched, create));
            match state {
                Ok(Some(state)) => tokens.extend(state.of(part.events)),
                Ok(None) => return Err(BypassReason::WriterInFlight),
                Err(_) => return Err(BypassReason::StoreUnavailable),
            }
        }
        tokens
            .try_into()
            .map_err(|_| BypassReason::StoreUnavailable)
    }

    /// Is this the current epoch?
    pub(crate) fn is_current(&self, epoch: &Epoch) -> bool {
        let [part, ..] = &self.epochs;
        let reply = self.client.run(&[Command::Get { key: &part.key }]).pop();
        let Some(reply) = reply else { return false };
        let state = self
            .fetched(&part.key, reply)
            .and_then(|fetched| self.state_of(part, fetched, false));
        let token = state
            .ok()
            .flatten()
            .and_then(|it| it.of(part.events).next());
        token.is_some() && token == epoch.first().copied()
    }
}
