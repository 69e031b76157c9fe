//! Which server stores a key: that of its group, so that a batch has one order for all of the group.
//!
//! Processes that disagree would not see each other's invalidations, so this must not depend on the
//! version of a compiler or crate, nor on the order of the servers.

use super::ServerName;

/// The index of the server that stores the keys of `group`: rendezvous hashing over BLAKE3.
///
/// A server's score is the first eight bytes, little-endian, of `BLAKE3(name ‖ 0x00 ‖ group)` with
/// the name as `host:port`; the highest score wins. If a server is added or removed, only its own
/// keys move.
pub(super) fn place<'a>(group: &str, servers: impl IntoIterator<Item = &'a ServerName>) -> usize {
    servers
        .into_iter()
        .enumerate()
        .max_by_key(|(_, server)| (score(server, group), server.as_str()))
        .map_or(0, |(index, _)| index)
}

fn score(server: &ServerName, group: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(server.as_str().as_bytes());
    hasher.update(&[0]);
    hasher.update(group.as_bytes());
    let mut score = [0; 8];
    hasher.finalize_xof().fill(&mut score);
    u64::from_le_bytes(score)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(names: &[&str]) -> Vec<ServerName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn placement_is_stable() {
        let servers = servers(&["10.0.0.1", "10.0.0.2", "cache.example:11212", "[::1]:11211"]);
        let placed: Vec<usize> = (0..16)
            .map(|n| place(&format!("{n:064x}"), &servers))
            .collect();
        assert_eq!(placed, EXPECTED);
    }

    const EXPECTED: [usize; 16] = [1, 3, 1, 1, 1, 2, 3, 2, 2, 0, 2, 1, 2, 0, 3, 3];

    #[test]
    fn the_order_of_servers_does_not_matter() {
        let one = servers(&["a:1", "b:2", "c:3", "d:4"]);
        let mut other = one.clone();
        other.reverse();
        for n in 0..1_000 {
            let key = format!("{n:x}");
            assert_eq!(
                one[place(&key, &one)],
                other[place(&key, &other)],
                "key {key}"
            );
        }
    }

    #[test]
    fn keys_are_spread_evenly_and_removing_a_server_moves_only_its_own() {
        let four = servers(&["a:1", "b:2", "c:3", "d:4"]);
        let three = servers(&["a:1", "c:3", "d:4"]);
        let mut counts = [0; 4];
        for n in 0..4_000 {
            let key = format!("{n:x}");
            let before = place(&key, &four);
            counts[before] += 1;
            if before != 1 {
                assert_eq!(three[place(&key, &three)], four[before], "key {key}");
            }
        }
        assert!(
            counts.iter().all(|count| (850..1_150).contains(count)),
            "{counts:?}"
        );
    }
}
