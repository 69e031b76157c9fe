//! The client of a store: counts errors and holds the key that authenticates items.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use super::{CasVersion, Command, Reply, Store, StoreError, auth::Authenticator};
use crate::{events, stats::Counters};

/// How often an update is tried. Each conflict means that another process succeeded, and these items
/// change seldom.
const MAX_CAS_ATTEMPTS: usize = 16;

/// All access to version records and entries goes through this.
pub(crate) struct StoreClient {
    store: Arc<dyn Store>,
    pub(crate) auth: Authenticator,
    counters: Arc<Counters>,
}

impl StoreClient {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        secret: Option<&str>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            store,
            auth: Authenticator::new(secret),
            counters,
        }
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The store's URL without credentials, or the description that a custom store gives.
    pub(crate) fn describe(&self) -> String {
        self.store.describe()
    }

    /// Runs commands and counts failures.
    pub(crate) fn run(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>> {
        let mut replies = events::timed(|| self.store.run(commands));
        // A custom store may break its contract.
        replies.resize_with(commands.len(), || Err(too_few()));
        let failed = replies
            .iter()
            .filter_map(|reply| reply.as_ref().err())
            .filter(|error| !matches!(error, StoreError::TooLarge { .. }))
            .map(|error| error as _);
        events::store_errors(&self.counters, failed);
        replies
    }

    pub(crate) fn run_one(&self, command: Command<'_>) -> Result<Reply, StoreError> {
        self.run(&[command]).pop().unwrap_or_else(|| Err(too_few()))
    }

    /// The value of an item, and the item's version. A value that is damaged counts as missing.
    pub(crate) fn read_json<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<(Option<T>, Option<CasVersion>), StoreError> {
        let item = self.run_one(Command::Get { key })?.into_item()?;
        let Some((value, version)) = item else {
            return Ok((None, None));
        };
        let json = self.auth.verify_record(key, &value);
        let value = json.and_then(|json| serde_json::from_slice(json).ok());
        Ok((value, Some(version)))
    }

    /// Updates an item by compare-and-swap: reads it, applies `step`, and starts over on a conflict. If
    /// `step` returns `None`, the item stays as it is, and the result is `false`.
    pub(crate) fn update_json<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        mut step: impl FnMut(Option<T>) -> Result<Option<T>, StoreError>,
    ) -> Result<bool, StoreError> {
        for _ in 0..MAX_CAS_ATTEMPTS {
            let (present, version) = self.read_json(key)?;
            let Some(next) = step(present)? else {
                return Ok(false);
            };
            // Strings, numbers and maps of them always serialise.
            let json = serde_json::to_vec(&next).unwrap_or_default();
            let value = self.auth.sign_record(key, json);
            let put = Command::put(key, &value, version);
            if matches!(self.run_one(put)?, Reply::Stored(_)) {
                return Ok(true);
            }
        }
        Err(StoreError::Protocol(format!(
            "every compare-and-swap of an item failed ({MAX_CAS_ATTEMPTS} attempts)"
        )))
    }
}

fn too_few() -> StoreError {
    StoreError::Protocol("fewer replies than commands".to_owned())
}
