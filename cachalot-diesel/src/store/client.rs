//! The client of a store: counts errors and holds the key that authenticates items.

use std::sync::Arc;

use super::{Command, Reply, Store, StoreError, auth::Authenticator};
use crate::{events, stats::Counters};

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
}

fn too_few() -> StoreError {
    StoreError::Protocol("fewer replies than commands".to_owned())
}
