//! Does each server support the meta protocol?

use super::{Finding, Subject};

const CHECK: &str = "version";

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    let servers = subject.answering();
    servers
        .map(|(server, answers)| new_enough(server, &answers.version))
        .collect()
}

fn new_enough(server: &str, version: &str) -> Finding {
    let found = format!("{server} is memcached {version}");
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) if (major, minor) >= (1, 6) => Finding::ok(CHECK, found),
        (Some(_), Some(_)) => Finding::problem(
            CHECK,
            format!("{found}, which does not support the meta protocol"),
            "use memcached 1.6 or later",
        ),
        _ => Finding::warning(
            CHECK,
            format!("{found}, which is not a known form of a version"),
            "make sure that it supports memcached's meta protocol (`mg`, `ms`, `md`)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn versions_before_1_6_are_a_problem() {
        let level = |version| new_enough("a:1", version).level;
        assert_eq!(level("1.6.18"), Level::Ok);
        assert_eq!(level("1.10.0-rc1"), Level::Ok);
        assert_eq!(level("1.5.22"), Level::Problem);
        assert_eq!(level("unknown"), Level::Warning);
    }
}
