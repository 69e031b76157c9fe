//! Which server is the primary of a history of changes, so that its standbys are known as the same
//! database.
//!
//! A copy of a server's files that is started by itself has the history of the original until it is promoted.
//! If both are found to live, none of them is the primary for anybody.

use serde::{Deserialize, Serialize};

use super::VersionStore;
use crate::{
    connection::ReplicationState,
    events,
    fingerprint::Fingerprint,
    store::{CasVersion, Command, Reply, StoreError},
};

/// How often the item is read again when another process was faster.
const ATTEMPTS: usize = 16;

/// Who says to be the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    /// When that server was started.
    started: i64,
    /// Two servers that lived at the same time said so.
    disputed: bool,
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClaimOutcome {
    /// It stands, or nobody's does.
    Settled,
    /// A server that was started later has claimed the same. The older one is gone, unless it speaks still.
    Superseded,
}

impl VersionStore {
    /// Tells the others that this server is the primary of its history.
    pub(crate) fn claim_primary(
        &self,
        replication: &ReplicationState,
    ) -> Result<ClaimOutcome, StoreError> {
        let started = replication.started;
        let mut claimed = ClaimOutcome::Settled;
        self.update_claim(replication, |claim| match claim {
            Some(Claim { disputed: true, .. }) => None,
            Some(known) if known.started >= started => {
                if known.started > started {
                    claimed = ClaimOutcome::Superseded;
                }
                None
            }
            _ => Some(Claim {
                started,
                disputed: false,
            }),
        })?;
        Ok(claimed)
    }

    /// Two servers that live claim the same.
    pub(crate) fn dispute_primary(&self, replication: &ReplicationState) -> Result<(), StoreError> {
        events::primary_disputed();
        self.update_claim(replication, |claim| match claim {
            Some(Claim { disputed: true, .. }) => None,
            known => Some(Claim {
                started: known.map_or(replication.started, |known| known.started),
                disputed: true,
            }),
        })
    }

    /// When the primary of that history was started, if there is exactly one that is known.
    pub(crate) fn primary_of(
        &self,
        replication: &ReplicationState,
    ) -> Result<Option<i64>, StoreError> {
        let (claim, _) = self.load_claim(&self.claim_key(replication))?;
        Ok(claim.filter(|it| !it.disputed).map(|it| it.started))
    }

    /// Puts what `step` makes of the claim in its place; `None` leaves it as it is.
    fn update_claim(
        &self,
        replication: &ReplicationState,
        mut step: impl FnMut(Option<Claim>) -> Option<Claim>,
    ) -> Result<(), StoreError> {
        let key = self.claim_key(replication);
        for _ in 0..ATTEMPTS {
            let (known, version) = self.load_claim(&key)?;
            let Some(claim) = step(known) else {
                return Ok(());
            };
            // A number and a flag: nothing in them that JSON cannot express.
            let json = serde_json::to_vec(&claim).unwrap_or_default();
            let value = &*self.client.auth.sign_record(&key, json);
            let (key, ttl) = (&*key, None);
            let put = match version {
                Some(version) => Command::CompareAndSwap {
                    key,
                    value,
                    ttl,
                    version,
                },
                None => Command::Add { key, value, ttl },
            };
            if matches!(self.client.run_one(put)?, Reply::Stored(_)) {
                return Ok(());
            }
        }
        Err(StoreError::Protocol(
            "an item changed at every attempt to write it".to_owned(),
        ))
    }

    fn load_claim(&self, key: &str) -> Result<(Option<Claim>, Option<CasVersion>), StoreError> {
        match self.client.run_one(Command::Get { key })? {
            Reply::Item { value, version } => {
                let json = self.client.auth.verify_record(key, &value);
                let claim = json.and_then(|json| serde_json::from_slice(json).ok());
                Ok((claim, Some(version)))
            }
            Reply::Missing => Ok((None, None)),
            _ => Err(StoreError::Protocol(
                "a read was answered as a write".to_owned(),
            )),
        }
    }

    fn claim_key(&self, replication: &ReplicationState) -> String {
        let mut fingerprint = Fingerprint::new(&self.config.namespace, "primary");
        fingerprint.part(replication.system.as_bytes());
        fingerprint.part(replication.timeline.as_bytes());
        fingerprint.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::MemoryStore;

    fn server(timeline: &str, started: i64) -> ReplicationState {
        ReplicationState {
            system: "7".to_owned(),
            timeline: timeline.to_owned(),
            started,
            in_recovery: false,
        }
    }

    #[test]
    fn the_server_that_was_started_last_is_the_primary_of_its_history() {
        let versions = VersionStore::with_store(Arc::new(MemoryStore::new(1 << 20)));
        let standby = server("1", 9);
        assert_eq!(versions.primary_of(&standby).unwrap(), None);
        for started in [1, 1, 2] {
            let claimed = versions.claim_primary(&server("1", started)).unwrap();
            assert_eq!(claimed, ClaimOutcome::Settled);
            assert_eq!(versions.primary_of(&standby).unwrap(), Some(started));
        }
        assert_eq!(
            versions.claim_primary(&server("1", 1)).unwrap(),
            ClaimOutcome::Superseded
        );
        assert_eq!(versions.primary_of(&standby).unwrap(), Some(2));
        assert_eq!(versions.primary_of(&server("2", 9)).unwrap(), None);
    }

    #[test]
    fn a_dispute_lasts() {
        let versions = VersionStore::with_store(Arc::new(MemoryStore::new(1 << 20)));
        versions.claim_primary(&server("1", 1)).unwrap();
        versions.dispute_primary(&server("1", 1)).unwrap();
        for started in [1, 2, 3] {
            let claimed = versions.claim_primary(&server("1", started)).unwrap();
            assert_eq!(claimed, ClaimOutcome::Settled);
            assert_eq!(versions.primary_of(&server("1", 9)).unwrap(), None);
        }
    }
}
