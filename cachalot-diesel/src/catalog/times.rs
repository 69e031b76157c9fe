//! Where MySQL expects a date, it combines a value of type `TIME` with today's date.

use std::{collections::BTreeSet, sync::Arc};

/// Parts of MySQL's functions and casts that take a date.
const DATE_FUNCTIONS: [&str; 14] = [
    "asdate", "convert(", "date(", "day(", "dayname(", "dayof", "days(", "diff(", "month",
    "quarter(", "seconds(", "stamp(", "week", "year(",
];

/// May a text use a value as a date?
pub(super) fn expects_date(text: &str) -> bool {
    let mut text = text.to_ascii_lowercase();
    text.retain(|c| !c.is_ascii_whitespace());
    DATE_FUNCTIONS.iter().any(|sign| text.contains(sign))
}

/// May a text use one of these columns, including by `*` or an alias?
pub(super) fn uses<'a>(text: &str, columns: impl IntoIterator<Item = &'a Arc<str>>) -> bool {
    let lower = text.to_lowercase();
    let words: BTreeSet<&str> = lower.split(|c| !is_part_of_word(c)).collect();
    let mut columns = columns.into_iter().peekable();
    columns.peek().is_some()
        && (has_star(text)
            || words.contains("table")
            // A name that has to be quoted can be written in several ways.
            || columns.any(|name| !name.chars().all(is_part_of_word) || words.contains(&**name)))
}

fn is_part_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Is there a `*` that may stand for columns? That of `count(*)` does not.
fn has_star(text: &str) -> bool {
    let mut before = ' ';
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        if c == '*' && before != '(' {
            return true;
        }
        before = c;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_used_by_its_name_or_by_all() {
        let columns: [Arc<str>; 1] = ["clock".into()];
        for text in [
            "SELECT DATE(`Clock`) FROM calls",
            "SELECT x FROM (SELECT c.CLOCK AS x FROM calls c) s",
            "SELECT c.* FROM calls c",
            "SELECT a, * FROM calls",
            "SELECT DATE(x) FROM (TABLE calls) AS s (x)",
        ] {
            assert!(uses(text, &columns), "{text}");
            assert!(!uses(text, &[]), "{text}");
        }
        for text in [
            "SELECT DATE(at) FROM clocks",
            "SELECT COUNT( * ), YEAR(o_clock) FROM calls",
        ] {
            assert!(!uses(text, &columns), "{text}");
        }
        assert!(uses("SELECT 1", &["my time".into()]));
    }

    #[test]
    fn functions_and_casts_that_expect_a_date() {
        for text in [
            "Year (d)",
            "CAST(a AS  DATE)",
            "UNIX_TIMESTAMP(at)",
            "DATEDIFF(a, b)",
        ] {
            assert!(expects_date(text), "{text}");
        }
        assert!(!expects_date("SELECT HOUR(clock) FROM calls"));
    }
}
