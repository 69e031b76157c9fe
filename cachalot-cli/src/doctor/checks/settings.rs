//! Is memcached run with options that the protocol cannot do with?

use super::{Finding, Subject};
use crate::memcached::Statistics;

const CHECK: &str = "settings";

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    let servers = subject.answering();
    servers
        .flat_map(|(server, answers)| suited(server, &answers.settings))
        .collect()
}

fn suited(server: &str, settings: &Statistics) -> Vec<Finding> {
    let mut findings = Vec::new();
    if settings.text("cas_enabled") == Some("no") {
        findings.push(Finding::problem(
            CHECK,
            format!("{server} runs without compare-and-swap, so one writer can undo another's invalidation"),
            "start memcached without `-C`",
        ));
    }
    if settings.text("evictions") == Some("off") {
        findings.push(Finding::warning(
            CHECK,
            format!("{server} refuses items when it is full, invalidations too"),
            "start memcached without `-M`, so that it evicts old entries instead",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            CHECK,
            format!("{server} swaps and evicts as it should"),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn each_option_that_does_harm_is_found() {
        let settings = [("cas_enabled", "no"), ("evictions", "off")];
        let findings = suited("a:1", &Statistics::of(&settings));
        let levels: Vec<_> = findings.iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Problem, Level::Warning]);
    }
}
