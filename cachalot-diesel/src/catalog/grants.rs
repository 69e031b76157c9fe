//! What the lines of `SHOW GRANTS` let an account of MySQL or MariaDB see.

/// The privileges of an account.
#[derive(Debug)]
pub(super) struct Grants {
    /// Any of these shows an account that a table has triggers.
    telling: &'static [&'static str],
    lines: Vec<String>,
}

impl Grants {
    /// MariaDB shows that there are triggers, if not what they do, to whoever may write; MySQL shows
    /// nothing of them without the privilege `TRIGGER`.
    pub(super) fn new(lines: Vec<String>, mariadb: bool) -> Self {
        Self {
            telling: if mariadb {
                &["ALL PRIVILEGES", "TRIGGER", "INSERT", "UPDATE", "DELETE"]
            } else {
                &["ALL PRIVILEGES", "TRIGGER"]
            },
            lines,
        }
    }

    /// May the account see the triggers of all tables of this database?
    pub(super) fn show_triggers_of(&self, db: &str) -> bool {
        // MySQL's partial revokes take a part of a global privilege back.
        let taken_back = self.lines.iter().any(|line| line.starts_with("REVOKE "));
        !taken_back && self.lines.iter().any(|line| self.tells(line, db))
    }

    fn tells(&self, line: &str, db: &str) -> bool {
        let Some((privileges, rest)) = line.split_once(" ON ") else {
            return false;
        };
        let Some((scope, _)) = rest.rsplit_once(" TO ") else {
            return false;
        };
        let privileges = privileges.trim_start_matches("GRANT ").split(',');
        let mut privileges = privileges.map(str::trim);
        let Some(pattern) = scope.strip_suffix(".*") else {
            return false;
        };
        let covers = pattern == "*"
            || pattern
                .strip_prefix('`')
                .and_then(|pattern| pattern.strip_suffix('`'))
                .is_some_and(|pattern| is_like(db, &pattern.replace("``", "`")));
        covers && privileges.any(|privilege| self.telling.contains(&privilege))
    }
}

/// `text LIKE pattern`, with the backslash as the escape.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut pattern = pattern.chars();
    match pattern.next() {
        None => text.is_empty(),
        Some('%') => {
            let rest = pattern.as_str();
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter()
                .any(|at| text.get(at..).is_some_and(|text| is_like(text, rest)))
        }
        Some(c) => {
            let expected = match c {
                '_' => None,
                '\\' => pattern.next().or(Some('\\')),
                c => Some(c),
            };
            let mut text = text.chars();
            text.next()
                .is_some_and(|c| expected.is_none_or(|expected| c == expected))
                && is_like(text.as_str(), pattern.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(lines: &[&str], mariadb: bool) -> Grants {
        Grants::new(
            lines.iter().map(|line| (*line).to_owned()).collect(),
            mariadb,
        )
    }

    #[test]
    fn triggers_are_seen_by_whoever_has_the_privilege_on_the_whole_database() {
        for line in [
            "GRANT ALL PRIVILEGES ON `app`.* TO `a`@`%`",
            "GRANT SELECT, TRIGGER, EVENT ON *.* TO `a`@`%`",
            "GRANT TRIGGER ON `a%`.* TO `a`@`%` WITH GRANT OPTION",
        ] {
            assert!(grants(&[line], false).show_triggers_of("app"), "{line}");
        }
        for line in [
            "GRANT ALL PRIVILEGES ON `other`.* TO `a`@`%`",
            "GRANT TRIGGER ON `app`.`posts` TO `a`@`%`",
            "GRANT SELECT, INSERT ON `app`.* TO `a`@`%`",
            "GRANT `TRIGGER`@`%` TO `a`@`%`",
            "GRANT EXECUTE ON PROCEDURE `app`.`TRIGGER` TO `a`@`%`",
        ] {
            assert!(!grants(&[line], false).show_triggers_of("app"), "{line}");
        }
    }

    #[test]
    fn mariadb_shows_more() {
        let line = "GRANT SELECT, INSERT ON `app`.* TO `a`@`%`";
        assert!(grants(&[line], true).show_triggers_of("app"));
        let line = "GRANT SELECT, SHOW VIEW ON `app`.* TO `a`@`%`";
        assert!(!grants(&[line], true).show_triggers_of("app"));
    }

    #[test]
    fn what_is_taken_back_counts() {
        let lines = [
            "GRANT TRIGGER ON *.* TO `a`@`%`",
            "REVOKE TRIGGER ON `app`.* FROM `a`@`%`",
        ];
        assert!(!grants(&lines, false).show_triggers_of("app"));
    }

    #[test]
    fn patterns_are_those_of_like() {
        assert!(is_like("app_1", r"app\_%") && !is_like("appx1", r"app\_%"));
        assert!(is_like("app", "a_p") && is_like("", "%") && !is_like("a", ""));
    }
}
