//! What is known of a connection's temporary tables.
//!
//! PostgreSQL and SQLite list them, so a probe finds them. MySQL and MariaDB do not, but count the
//! statements that created some: if the statements that were seen account for all of them, the tables can
//! be queried by name. If code that is not seen may have created or renamed one, the connection bypasses
//! the cache from then on.

use crate::connection::Counted;
use cachalot_sql::connection::{TableName, made_permanent, made_temporary};

/// The temporary tables of one connection.
#[derive(Debug, Default)]
pub(super) struct Temporary {
    /// Some exist, or may exist.
    present: bool,
    /// MySQL: those that statements created and that may still exist.
    made: Vec<TableName>,
    /// MySQL: the server's count at the last probe.
    counted: u64,
    /// How many statements tried to create some since then, and how many of those did not fail.
    tried: u64,
    succeeded: u64,
    /// The same for permanent tables.
    permanent_tried: u64,
    permanent_succeeded: u64,
    /// Code whose effects are not known ran since then.
    unknown_code_ran: bool,
    /// The server's count may have been reset since then.
    count_lost: bool,
    /// There may be some whose names are not known.
    unnamed: bool,
}

impl Temporary {
    pub(super) fn is_present(&self) -> bool {
        self.present || self.unnamed
    }

    /// MySQL: the tables that a probe has to query.
    pub(super) fn made(&self) -> Vec<TableName> {
        if self.unnamed {
            return Vec::new();
        }
        self.made.clone()
    }

    /// A text created some, or tried to.
    pub(super) fn created(&mut self, sql: &str, statements: usize, succeeded: bool) {
        self.present = true;
        match made_temporary(sql).filter(|made| made.len() == statements) {
            Some(made) => {
                self.tried += made.len() as u64;
                if succeeded {
                    self.succeeded += made.len() as u64;
                }
                self.made.extend(made);
            }
            None => self.unnamed = true,
        }
    }

    /// A text may have created permanent tables: some servers count them too.
    pub(super) fn created_permanent(&mut self, sql: &str, succeeded: bool) {
        let (all, certain) = made_permanent(sql);
        self.permanent_tried += all;
        if succeeded {
            self.permanent_succeeded += certain;
        }
    }

    /// Code ran that may have created or renamed some.
    pub(super) fn unknown_code_ran(&mut self) {
        self.unknown_code_ran = true;
    }

    /// Tables may have been renamed.
    pub(super) fn renamed(&mut self) {
        self.unnamed |= !self.made.is_empty();
    }

    /// The server's count of statements may have been reset.
    pub(super) fn count_lost(&mut self) {
        self.count_lost = true;
    }

    /// The connection's current schema has changed.
    pub(super) fn schema_changed(&mut self) {
        self.unnamed |= self.made.iter().any(|table| table.schema.is_none());
    }

    /// The server lists them.
    pub(super) fn listed(&mut self, present: bool) {
        *self = Self {
            present,
            ..Self::default()
        };
    }

    /// MySQL: what a probe has found of the queried tables.
    pub(super) fn counted(&mut self, found: &Counted) {
        let more = match found.created.checked_sub(self.counted) {
            Some(more) if !self.count_lost => more,
            _ if self.unknown_code_ran => u64::MAX,
            _ => 0,
        };
        // A statement that failed may have been counted or not.
        let (temporary, permanent) = if self.unknown_code_ran {
            (self.succeeded, self.permanent_succeeded)
        } else {
            (self.tried, self.permanent_tried)
        };
        let known = if found.all_counted {
            temporary + permanent
        } else {
            temporary
        };
        let renamed = self.unknown_code_ran && found.remaining.len() < self.made.len();
        *self = Self {
            present: !found.remaining.is_empty(),
            unnamed: self.unnamed || more > known || renamed,
            made: found.remaining.clone(),
            counted: found.created,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAKE: &str = "CREATE TEMPORARY TABLE a (id INT)";

    fn found(created: u64, remaining: &[&str]) -> Counted {
        let table = |name: &&str| TableName {
            schema: Some("s".to_owned()),
            name: (*name).to_owned(),
        };
        Counted {
            created,
            all_counted: false,
            remaining: remaining.iter().map(table).collect(),
        }
    }

    #[test]
    fn a_table_is_present_until_a_probe_does_not_find_it() {
        let mut tables = Temporary::default();
        tables.counted(&found(0, &[]));
        assert!(!tables.is_present());
        tables.created(MAKE, 1, true);
        assert!(tables.is_present());
        tables.counted(&found(1, &["a"]));
        assert!(tables.is_present());
        tables.counted(&found(1, &[]));
        assert!(!tables.is_present());
    }

    #[test]
    fn a_table_that_no_statement_shows_stays_present() {
        let mut tables = Temporary::default();
        tables.counted(&found(1, &[]));
        assert!(tables.is_present(), "made before");
        let mut tables = Temporary::default();
        tables.created(MAKE, 1, true);
        tables.counted(&found(2, &[]));
        assert!(tables.is_present(), "made by a routine");
        tables.counted(&found(2, &[]));
        assert!(tables.is_present());
    }

    /// The count may include a table that the routine created instead of one whose creation failed.
    #[test]
    fn a_failed_statement_accounts_for_no_table_after_unknown_code() {
        for (code, present) in [(false, false), (true, true)] {
            let mut tables = Temporary::default();
            tables.created(MAKE, 1, false);
            if code {
                tables.unknown_code_ran();
            }
            tables.counted(&found(1, &[]));
            assert_eq!(tables.is_present(), present);
        }
    }

    #[test]
    fn a_missing_name_proves_nothing_after_a_rename_or_unknown_code() {
        let changes: [fn(&mut Temporary); 3] = [
            Temporary::renamed,
            Temporary::unknown_code_ran,
            // `a` may be in either schema.
            Temporary::schema_changed,
        ];
        for change in changes {
            let mut tables = Temporary::default();
            tables.created(MAKE, 1, true);
            change(&mut tables);
            tables.counted(&found(1, &[]));
            assert!(tables.is_present());
        }
    }

    #[test]
    fn a_reset_count_hides_tables_that_unknown_code_created() {
        for (code, present) in [(false, false), (true, true)] {
            let mut tables = Temporary::default();
            tables.count_lost();
            if code {
                tables.unknown_code_ran();
            }
            tables.counted(&found(0, &[]));
            assert_eq!(tables.is_present(), present);
        }
    }

    #[test]
    fn a_list_is_complete() {
        let mut tables = Temporary::default();
        tables.created("SELECT 1", 1, true);
        tables.listed(true);
        assert!(tables.is_present());
        tables.listed(false);
        assert!(!tables.is_present());
    }

    #[test]
    fn permanent_tables_account_only_for_a_count_of_all_tables() {
        for (all_counted, unknown_code_ran, present) in [
            (true, false, false),
            (true, true, false),
            (false, true, true),
        ] {
            let mut tables = Temporary::default();
            tables.created_permanent("CREATE TABLE a (id INT); CREATE TABLE b LIKE a", true);
            if unknown_code_ran {
                tables.unknown_code_ran();
            }
            let found = Counted {
                all_counted,
                ..found(2, &[])
            };
            tables.counted(&found);
            assert_eq!(
                tables.is_present(),
                present,
                "{all_counted} {unknown_code_ran}"
            );
        }
        // One that is there already may not be counted, and a temporary one in its place.
        for (text, succeeded) in [
            ("CREATE TABLE IF NOT EXISTS a (id INT)", true),
            ("CREATE TABLE a (id INT)", false),
        ] {
            let mut tables = Temporary::default();
            tables.created_permanent(text, succeeded);
            tables.unknown_code_ran();
            let found = Counted {
                all_counted: true,
                ..found(1, &[])
            };
            tables.counted(&found);
            assert!(tables.is_present(), "{text}");
        }
    }
}
