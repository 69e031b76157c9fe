//! Ports for the servers.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

/// Below the range from which systems take the local ports of outgoing connections. So no connection
/// can sit on the port of a server that is stopped for a while, least of all one that tries to reach it.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// A loopback port that was free a moment ago. Another process may still be faster: a server that
/// finds its port taken is started again on another.
pub(crate) fn free() -> u16 {
    let span = u64::from(PORTS.end - PORTS.start);
    let random = RandomState::new();
    (0u64..1000)
        .map(|attempt| random.hash_one(attempt) % span)
        .filter_map(|offset| u16::try_from(offset).ok())
        .map(|offset| PORTS.start + offset)
        .find(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        .expect("no free loopback port below 32000; see what listens there: ss -ltn")
}
