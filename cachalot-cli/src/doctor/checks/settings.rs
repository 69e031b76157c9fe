//! Does memcached run with unsuitable options?

use super::{Finding, Subject};
use crate::memcached::Statistics;

const CHECK: &str = "settings";

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    let servers = subject.answering();
    servers
        .flat_map(|(server, answers)| check_settings(server, &answers.settings))
        .collect()
}

fn check_settings(server: &str, settings: &Statistics) -> Vec<Finding> {
    let mut findings = Vec::new();
    if settings.text("cas_enabled") == Some("no") {
        findings.push(Finding::problem(
            CHECK,
            format!("{server} runs without compare-and-swap, so concurrent writers can lose invalidations"),
            "start memcached without `-C`",
        ));
    }
    if settings.text("evictions") == Some("off") {
        findings.push(Finding::warning(
            CHECK,
            format!("{server} rejects items when it is full, including invalidations"),
            "start memcached without `-M`, so that it evicts old entries instead",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            CHECK,
            format!("{server} has compare-and-swap and evictions on"),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn unsuitable_options_are_found() {
        let settings = [("cas_enabled", "no"), ("evictions", "off")];
        let findings = check_settings("a:1", &Statistics::of(&settings));
        let levels: Vec<_> = findings.iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Problem, Level::Warning]);
    }
}
