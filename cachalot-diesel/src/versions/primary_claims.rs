//! Which server is the primary of a timeline, so that its standbys count as the same database.
//!
//! A copy of a server's files that is started on its own has the timeline of the original until it is
//! promoted. If both are found to be running, neither counts as the primary.

use serde::{Deserialize, Serialize};

use super::VersionStore;
use crate::{connection::ReplicationState, events, fingerprint::Fingerprint, store::StoreError};

/// The server that claims to be the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    /// When that server was started.
    started: i64,
    /// Two servers that ran at the same time claimed it.
    disputed: bool,
}

/// The result of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClaimOutcome {
    /// The claim holds, or the primary is disputed.
    Settled,
    /// A server that was started later has claimed the timeline. The older one is gone, unless it still
    /// answers.
    Superseded,
}

impl VersionStore {
    /// Claims that this server is the primary of its timeline.
    pub(crate) fn claim_primary(
        &self,
        server: &ReplicationState,
    ) -> Result<ClaimOutcome, StoreError> {
        let started = server.started;
        let mut claimed = ClaimOutcome::Settled;
        self.update_claim(server, |claim| match claim {
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

    /// Two running servers claim the same timeline.
    pub(crate) fn dispute_primary(&self, server: &ReplicationState) -> Result<(), StoreError> {
        events::primary_disputed();
        self.update_claim(server, |claim| match claim {
            Some(Claim { disputed: true, .. }) => None,
            known => Some(Claim {
                started: known.map_or(server.started, |known| known.started),
                disputed: true,
            }),
        })
    }

    /// When the primary of that timeline was started, if exactly one is known.
    pub(crate) fn primary_of(&self, server: &ReplicationState) -> Result<Option<i64>, StoreError> {
        let (claim, _) = self.client.read_json::<Claim>(&self.claim_key(server))?;
        Ok(claim.filter(|it| !it.disputed).map(|it| it.started))
    }

    /// Replaces the claim by the result of `step`; `None` leaves it as it is.
    fn update_claim(
        &self,
        server: &ReplicationState,
        mut step: impl FnMut(Option<Claim>) -> Option<Claim>,
    ) -> Result<(), StoreError> {
        let key = self.claim_key(server);
        self.client.update_json(&key, |claim| Ok(step(claim)))?;
        Ok(())
    }

    fn claim_key(&self, server: &ReplicationState) -> String {
        let mut fingerprint = Fingerprint::new(&self.config.namespace, "primary");
        fingerprint.part(server.system.as_bytes());
        fingerprint.part(server.timeline.as_bytes());
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
    fn the_server_that_was_started_last_is_the_primary_of_its_timeline() {
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
