//! Is the list of servers consistent?

use std::collections::BTreeMap;

use super::{Finding, Subject};

const CHECK: &str = "servers";

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    let names: Vec<_> = subject.servers.iter().map(|server| &*server.name).collect();
    let mut findings = match names.as_slice() {
        [] => Vec::new(),
        [_] => vec![Finding::ok(CHECK, "one server")],
        several => vec![Finding::ok(
            CHECK,
            format!(
                "{}: all processes must use the same list",
                several.join(", ")
            ),
        )],
    };
    let local: Vec<_> = names
        .iter()
        .copied()
        .filter(|name| is_local(name))
        .collect();
    if !local.is_empty() && local.len() < names.len() {
        findings.push(Finding::warning(
            CHECK,
            format!("{} is a different server on each machine", local.join(", ")),
            "use a name or address that is valid on all machines",
        ));
    }
    findings.extend(duplicates(subject));
    findings
}

fn is_local(server: &str) -> bool {
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    host == "localhost" || host == "[::1]" || host.starts_with("127.")
}

/// Finds a server that is listed under two names.
fn duplicates(subject: &Subject) -> Vec<Finding> {
    let mut processes: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for (server, answers) in subject.answering() {
        let stats = &answers.stats;
        if let (Some(pid), Some(time), Some(up)) = (
            stats.number("pid"),
            stats.number("time"),
            stats.number("uptime"),
        ) {
            let port = answers.settings.number("tcpport");
            let started = time.saturating_sub(up);
            processes
                .entry((pid, port, started))
                .or_default()
                .push(server);
        }
    }
    let several = processes.into_values().filter(|names| names.len() > 1);
    several
        .map(|names| {
            Finding::warning(
                CHECK,
                format!("{} seem to be the same server", names.join(" and ")),
                "list each server once",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_names_are_recognised() {
        for name in ["localhost:11211", "127.0.0.1:1", "[::1]:11211"] {
            assert!(is_local(name), "{name}");
        }
        for name in ["10.0.0.1:11211", "cache-127.example:1", "[::2]:1"] {
            assert!(!is_local(name), "{name}");
        }
    }
}
