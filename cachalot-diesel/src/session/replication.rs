//! Standbys as the database of their primary: the setting `replica_hits`.

use std::time::Duration;

use super::state::SessionState;
use crate::{
    cache::Cache,
    connection::ReplicationState,
    connection::{CacheConnection, Probe, ServerRole},
    versions::ClaimOutcome,
};

/// How often the role of a connection's server is checked: a standby may follow another server from then
/// on, or be promoted, and a primary may find that another claims to be it.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Registers a primary, or gives a standby its primary's name.
pub(super) fn link_to_primary<C: CacheConnection>(conn: &mut C, cache: &Cache, probe: &mut Probe) {
    if !cache.config().replica_hits {
        return;
    }
    let own = ask(conn);
    if probe.role == ServerRole::Replica {
        if let Some(primary) = primary_of(cache, own.as_ref()) {
            probe.follows(&primary);
        }
    } else if let Some(own) = own.as_ref().filter(|own| !own.in_recovery) {
        claim(conn, cache, own);
    }
    probe.replication = own;
}

/// Is the server's role still the one that the last probe found? Checks it once per interval.
pub(super) fn is_role_current<C: CacheConnection>(
    conn: &mut C,
    cache: &Cache,
    state: &mut SessionState,
) -> bool {
    if !cache.config().replica_hits || !state.is_due(CHECK_INTERVAL) {
        return true;
    }
    if state.role == ServerRole::Primary {
        if let Some(known) = state.replication() {
            claim(conn, cache, known);
        }
        return true;
    }
    let own = ask(conn);
    if own.as_ref().is_some_and(|own| !own.in_recovery) {
        return false;
    }
    let primary = primary_of(cache, own.as_ref());
    state.followed() == primary.as_deref()
}

/// The name of the primary that a standby follows, if it is known.
fn primary_of(cache: &Cache, own: Option<&ReplicationState>) -> Option<String> {
    let own = own.filter(|own| own.in_recovery)?;
    // Without the store there are no hits anyway.
    let started = cache.versions().primary_of(own).ok()??;
    Some(started.to_string())
}

fn claim<C: CacheConnection>(conn: &mut C, cache: &Cache, own: &ReplicationState) {
    // What the store does not accept now is reported again soon.
    if let Ok(ClaimOutcome::Superseded) = cache.versions().claim_primary(own) {
        // The connections to a server that was restarted are gone.
        if ask(conn).as_ref() == Some(own) {
            let _ = cache.versions().dispute_primary(own);
        }
    }
}

/// `None` if the server does not answer.
fn ask<C: CacheConnection>(conn: &mut C) -> Option<ReplicationState> {
    let answer = conn.replication();
    answer.ok().flatten().map(|answer| answer.0)
}
