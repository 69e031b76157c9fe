//! Standbys as the database of their primary: the setting `replica_hits`.

use std::time::Duration;

use super::prepare::{silently, tracker};
use crate::{
    bypass::BypassReason,
    cache::Cache,
    connection::CacheConnection,
    protocol::Lineage,
    tracker::{Probe, ServerRole},
    versions::Claimed,
};

/// So often a connection's server is looked at again: a standby may follow another server from then
/// on, or be promoted, and a primary may find that another claims to be it.
const INTERVAL: Duration = Duration::from_secs(1);

/// Makes a primary known, or gives a standby its primary's name.
pub(super) fn link<Conn: CacheConnection>(
    conn: &mut Conn,
    cache: &Cache,
    probe: &mut Probe,
) -> Result<(), BypassReason> {
    if !cache.config().replica_hits {
        return Ok(());
    }
    let own = ask(conn)?;
    if probe.role == ServerRole::Replica {
        if let Some(primary) = primary_of(cache, own.as_ref()) {
            probe.follows(&primary);
        }
    } else if let Some(own) = own.as_ref().filter(|own| !own.in_recovery) {
        claim(conn, cache, own)?;
    }
    probe.lineage = own;
    Ok(())
}

/// Is what the last probe told of the server's role still true? Looks at it now and then.
pub(super) fn stands<Conn: CacheConnection>(
    conn: &mut Conn,
    cache: &Cache,
) -> Result<bool, BypassReason> {
    if !cache.config().replica_hits {
        return Ok(true);
    }
    let session = &mut tracker(conn)?.session;
    if !session.is_due(INTERVAL) {
        return Ok(true);
    }
    let (role, known) = (session.role, session.lineage().cloned());
    if role == ServerRole::Primary {
        if let Some(known) = known {
            claim(conn, cache, &known)?;
        }
        return Ok(true);
    }
    let own = ask(conn)?;
    if own.as_ref().is_some_and(|own| !own.in_recovery) {
        return Ok(false);
    }
    let primary = primary_of(cache, own.as_ref());
    Ok(tracker(conn)?.session.followed() == primary.as_deref())
}

/// The name of the primary that a standby follows, if it is known.
fn primary_of(cache: &Cache, own: Option<&Lineage>) -> Option<String> {
    let own = own.filter(|own| own.in_recovery)?;
    // Without the store there are no hits anyway.
    let started = cache.versions().primary_of(own).ok()??;
    Some(started.to_string())
}

fn claim<Conn: CacheConnection>(
    conn: &mut Conn,
    cache: &Cache,
    own: &Lineage,
) -> Result<(), BypassReason> {
    // What the store does not take now is told again soon.
    if let Ok(Claimed::Later) = cache.versions().claim(own) {
        // The connections to a server that was started again are gone.
        if ask(conn)?.as_ref() == Some(own) {
            let _ = cache.versions().dispute(own);
        }
    }
    Ok(())
}

/// A server that does not tell is no part of anything.
fn ask<Conn: CacheConnection>(conn: &mut Conn) -> Result<Option<Lineage>, BypassReason> {
    let answer = silently(conn, CacheConnection::lineage)?;
    Ok(answer.ok().flatten().map(|answer| answer.0))
}
