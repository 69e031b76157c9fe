//! Whether a MySQL or MariaDB account can see all triggers of a database.

use std::collections::{BTreeMap, BTreeSet};

/// The privileges of an account and its active roles, as far as they show triggers.
#[derive(Debug, Default)]
pub(super) struct Grants {
    /// A global privilege shows triggers.
    everywhere: bool,
    /// Global privileges are partially revoked.
    has_revokes: bool,
    /// By grantees that the server looks up together, then by the pattern of database names: do the
    /// privileges show triggers?
    databases: BTreeMap<String, BTreeMap<String, bool>>,
    /// The patterns are literal names.
    plain: bool,
}

/// A row of `SCHEMA_PRIVILEGES` or, without a database, of `USER_PRIVILEGES`.
pub(super) struct Privilege {
    pub(super) grantee: String,
    pub(super) db: Option<String>,
    pub(super) name: String,
}

impl Grants {
    /// Parses MariaDB's `SHOW GRANTS`. An account with write privileges sees triggers, though perhaps not
    /// their definition.
    pub(super) fn of_mariadb(lines: &[String]) -> Self {
        const SHOWING_TRIGGERS: [&str; 5] =
            ["ALL PRIVILEGES", "TRIGGER", "INSERT", "UPDATE", "DELETE"];
        let mut grants = Self::default();
        for line in lines {
            grants.has_revokes |= line.starts_with("REVOKE ");
            let Some((privileges, rest)) = line.split_once(" ON ") else {
                continue;
            };
            let Some((scope, grantee)) = rest.rsplit_once(" TO ") else {
                continue;
            };
            let Some(pattern) = scope.strip_suffix(".*") else {
                continue;
            };
            let mut privileges = privileges.trim_start_matches("GRANT ").split(',');
            let shows_triggers = privileges.any(|it| SHOWING_TRIGGERS.contains(&it.trim()));
            if pattern == "*" {
                grants.everywhere |= shows_triggers;
            } else if let Some(pattern) = unquoted(pattern) {
                // The server looks up the user and each role separately.
                let grantee = grantee.trim_end_matches(" WITH GRANT OPTION");
                grants.add(grantee.to_owned(), pattern, shows_triggers);
            }
        }
        grants
    }

    /// The privileges of these grantees in MySQL's `information_schema`. Only the privilege `TRIGGER`
    /// shows triggers.
    pub(super) fn of_mysql(
        rows: Vec<Privilege>,
        grantees: &BTreeSet<String>,
        partial_revokes: bool,
    ) -> Self {
        let mut grants = Self {
            has_revokes: partial_revokes,
            // With partial revokes, MySQL does not use patterns.
            plain: partial_revokes,
            ..Self::default()
        };
        for row in rows {
            if !grantees.contains(&row.grantee) {
                continue;
            }
            let shows_triggers = row.name.eq_ignore_ascii_case("TRIGGER");
            match row.db {
                // MySQL merges the privileges of the user and its roles before the lookup.
                Some(pattern) => grants.add(String::new(), pattern, shows_triggers),
                None => grants.everywhere |= shows_triggers,
            }
        }
        grants
    }

    fn add(&mut self, group: String, pattern: String, shows_triggers: bool) {
        let patterns = self.databases.entry(group).or_default();
        *patterns.entry(pattern).or_default() |= shows_triggers;
    }

    /// Can the account see the triggers of all tables of this database?
    pub(super) fn show_triggers_of(&self, db: &str) -> bool {
        if self.everywhere && !self.has_revokes {
            return true;
        }
        // The server uses only one of several matching patterns. Require all, so it does not matter
        // which.
        self.databases.values().any(|patterns| {
            let mut matching = patterns
                .iter()
                .filter(|(pattern, _)| self.matches(db, pattern))
                .map(|(_, shows_triggers)| *shows_triggers)
                .peekable();
            matching.peek().is_some() && matching.all(|shows_triggers| shows_triggers)
        })
    }

    fn matches(&self, db: &str, pattern: &str) -> bool {
        if self.plain {
            db == pattern
        } else {
            is_like(db, pattern)
        }
    }
}

/// `app`, written `` `app` ``.
fn unquoted(name: &str) -> Option<String> {
    let inner = name.strip_prefix('`')?.strip_suffix('`')?;
    Some(inner.replace("``", "`"))
}

/// `text LIKE pattern`, with the backslash as the escape character.
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

    fn mariadb(lines: &[&str]) -> Grants {
        let lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        Grants::of_mariadb(&lines)
    }

    fn mysql(rows: &[(&str, Option<&str>, &str)], partial_revokes: bool) -> Grants {
        let rows = rows.iter().map(|(grantee, db, name)| Privilege {
            grantee: (*grantee).to_owned(),
            db: db.map(str::to_owned),
            name: (*name).to_owned(),
        });
        let grantees = ["'a'@'%'", "'role'@'%'"].map(str::to_owned).into();
        Grants::of_mysql(rows.collect(), &grantees, partial_revokes)
    }

    #[test]
    fn mariadb_shows_triggers_to_accounts_with_write_privileges() {
        for line in [
            "GRANT ALL PRIVILEGES ON `app`.* TO `a`@`%`",
            "GRANT SELECT, TRIGGER, EVENT ON *.* TO `a`@`%`",
            "GRANT TRIGGER ON `a%`.* TO `a`@`%` WITH GRANT OPTION",
            "GRANT SELECT, INSERT ON `app`.* TO `a`@`%`",
        ] {
            assert!(mariadb(&[line]).show_triggers_of("app"), "{line}");
        }
        for line in [
            "GRANT ALL PRIVILEGES ON `other`.* TO `a`@`%`",
            "GRANT TRIGGER ON `app`.`posts` TO `a`@`%`",
            "GRANT SELECT, SHOW VIEW ON `app`.* TO `a`@`%`",
            "GRANT `TRIGGER`@`%` TO `a`@`%`",
            "GRANT EXECUTE ON PROCEDURE `app`.`TRIGGER` TO `a`@`%`",
        ] {
            assert!(!mariadb(&[line]).show_triggers_of("app"), "{line}");
        }
    }

    #[test]
    fn a_narrower_pattern_overrides_a_wider_one() {
        let narrow = "GRANT SELECT ON `app`.* TO `a`@`%`";
        let wide = "GRANT TRIGGER ON `a%`.* TO `a`@`%`";
        let of_role = "GRANT TRIGGER ON `a%`.* TO `role`";
        assert!(!mariadb(&[narrow, wide]).show_triggers_of("app"));
        assert!(mariadb(&[narrow, of_role]).show_triggers_of("app"));

        let (user, role) = ("'a'@'%'", "'role'@'%'");
        let select = (user, Some("app"), "SELECT");
        for grantee in [user, role] {
            let hidden = mysql(&[select, (grantee, Some("a%"), "TRIGGER")], false);
            assert!(!hidden.show_triggers_of("app"), "{grantee}");
            let shown = mysql(&[select, (grantee, Some("app"), "TRIGGER")], false);
            assert!(shown.show_triggers_of("app"), "{grantee}");
        }
    }

    #[test]
    fn mysql_shows_triggers_to_accounts_with_the_trigger_privilege() {
        let user = "'a'@'%'";
        assert!(mysql(&[(user, None, "TRIGGER")], false).show_triggers_of("app"));
        for row in [
            (user, None, "INSERT"),
            (user, Some("app"), "INSERT"),
            (user, Some("other"), "TRIGGER"),
            ("'b'@'%'", None, "TRIGGER"),
            ("'b'@'%'", Some("app"), "TRIGGER"),
        ] {
            assert!(!mysql(&[row], false).show_triggers_of("app"), "{row:?}");
        }
    }

    #[test]
    fn revoked_privileges_do_not_count() {
        let lines = [
            "GRANT TRIGGER ON *.* TO `a`@`%`",
            "REVOKE TRIGGER ON `app`.* FROM `a`@`%`",
        ];
        assert!(!mariadb(&lines).show_triggers_of("app"));

        let user = "'a'@'%'";
        assert!(!mysql(&[(user, None, "TRIGGER")], true).show_triggers_of("app"));
        assert!(mysql(&[(user, Some("app"), "TRIGGER")], true).show_triggers_of("app"));
        assert!(!mysql(&[(user, Some("a%"), "TRIGGER")], true).show_triggers_of("app"));
    }

    #[test]
    fn patterns_are_those_of_like() {
        assert!(is_like("app_1", r"app\_%") && !is_like("appx1", r"app\_%"));
        assert!(is_like("app", "a_p") && is_like("", "%") && !is_like("a", ""));
    }
}
