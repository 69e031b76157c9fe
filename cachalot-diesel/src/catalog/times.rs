//! Where MySQL expects a date, it combines a value of type `TIME` with today's date.

use std::collections::BTreeSet;

use super::facts::RoutineTimes;
use cachalot_sql::{
    Analysis, Dialect,
    catalog::{Sources, Times},
};

/// Functions and types whose result can be a time. A text without these words cannot create one.
const MAKE_TIMES: [&str; 7] = [
    "addtime",
    "maketime",
    "sec_to_time",
    "str_to_date",
    "subtime",
    "time",
    "timediff",
];

/// A text, and where it would use a time as a date.
pub(super) struct Place<'a> {
    pub(super) times: &'a Times,
    pub(super) text: &'a str,
}

/// What is known about the times that some texts use.
pub(super) struct TimeTypes<'a, F> {
    /// Columns that are times.
    pub(super) columns: BTreeSet<&'a str>,
    /// Another relation may have columns of the same names that are not times.
    pub(super) several: bool,
    /// May the result of this routine be a time?
    pub(super) is_timed: F,
    /// Such a routine is called.
    pub(super) calls_timed: bool,
    /// A bind of the statement is one.
    pub(super) binds: bool,
}

impl<F: Fn(&str) -> bool> TimeTypes<'_, F> {
    /// Is a time used as a date in one of these texts?
    pub(super) fn depend_on_date(&self, places: &[Place<'_>]) -> bool {
        let given = || places.iter().flat_map(|place| &place.times.names);
        let made = || places.iter().any(|place| makes_time(place.text));
        let anything = !self.columns.is_empty() || self.calls_timed || self.binds || made();
        let mut times = self.columns.clone();
        loop {
            let known = times.len();
            for (name, sources) in given() {
                if self.is_time(sources, &times, anything) {
                    times.insert(name);
                }
            }
            if times.len() == known {
                break;
            }
        }
        let given: BTreeSet<&str> = given().map(|(name, _)| &**name).collect();
        let time = |sources: &Sources| self.is_time(sources, &times, anything);
        let date = |sources: &Sources| self.is_date(sources, &given);
        places.iter().any(|Place { times, text }| {
            let unread =
                || self.calls_timed || self.binds || makes_time(text) || uses(text, &self.columns);
            let mixes = |values: &Vec<Sources>| {
                let pairs = |at: usize| {
                    let mut others = values.iter().enumerate().filter(|(other, _)| *other != at);
                    others.any(|(_, other)| date(other))
                };
                let mut values = values.iter().enumerate();
                values.any(|(at, value)| time(value) && pairs(at))
            };
            times.dated.iter().any(time)
                || times.mixed.iter().any(mixes)
                || times.unread && unread()
        })
    }

    fn is_time(&self, sources: &Sources, times: &BTreeSet<&str>, anything: bool) -> bool {
        sources.time
            || (sources.bind && self.binds)
            || (sources.any && anything)
            || sources.columns.iter().any(|name| times.contains(&**name))
            || sources.functions.iter().any(|name| (self.is_timed)(name))
    }

    fn is_date(&self, sources: &Sources, given: &BTreeSet<&str>) -> bool {
        let only_time =
            |name: &str| !self.several && self.columns.contains(name) && !given.contains(name);
        sources.date
            || sources.any
            || !sources.functions.is_empty()
            || !sources.columns.iter().all(|name| only_time(name))
    }
}

/// Does the value of an expression depend on the current date, if these columns are times?
#[cfg(feature = "mysql")]
pub(crate) fn expression_depends_on_date(expression: &str, columns: &BTreeSet<&str>) -> bool {
    let text = format!("SELECT {expression}");
    let analysis = Analysis::of(&text, Dialect::Mysql);
    let places: Vec<_> = analysis
        .times()
        .map(|times| Place { times, text: &text })
        .collect();
    let types = TimeTypes {
        columns: columns.clone(),
        several: false,
        is_timed: |_: &str| false,
        calls_timed: false,
        binds: false,
    };
    types.depend_on_date(&places)
}

/// May a routine's result depend on the current date? `columns`: the times of all tables.
pub(super) fn routine_depends_on_date(
    body: &str,
    types: RoutineTimes,
    columns: &BTreeSet<&str>,
) -> bool {
    let RoutineTimes {
        gives_date,
        takes_time,
        ..
    } = types;
    let value = match returned(body) {
        Some(value) if !gives_date => value,
        _ => return takes_time || makes_time(body) || uses(body, columns),
    };
    let text = format!("SELECT {value}");
    let analysis = Analysis::of(&text, Dialect::Mysql);
    // Which parameters are times is not known.
    if takes_time
        && analysis
            .times()
            .any(|it| it.unread || !it.dated.is_empty() || !it.mixed.is_empty())
    {
        return true;
    }
    let places = analysis.times().map(|times| Place { times, text: &text });
    let types = TimeTypes {
        columns: columns.clone(),
        several: true,
        is_timed: |_: &str| true,
        calls_timed: false,
        binds: false,
    };
    types.depend_on_date(&places.collect::<Vec<_>>())
}

/// The expression of a body that is a single `RETURN`.
pub(super) fn returned(body: &str) -> Option<&str> {
    let (word, value) = body.trim().split_at_checked("return".len())?;
    word.eq_ignore_ascii_case("return").then_some(value)
}

/// May a text convert something else to a time?
fn makes_time(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut words = lower.split(|c| !is_part_of_word(c));
    words.any(|word| MAKE_TIMES.contains(&word)) || lower.contains("{t")
}

/// May a text use one of these columns, also through `*` or an alias?
fn uses(text: &str, columns: &BTreeSet<&str>) -> bool {
    let lower = text.to_lowercase();
    let words: BTreeSet<&str> = lower.split(|c| !is_part_of_word(c)).collect();
    let mut names = columns.iter();
    !columns.is_empty()
        && (has_star(text)
            || words.contains("table")
            // A quoted name can be written in several ways.
            || names.any(|name| !name.chars().all(is_part_of_word) || words.contains(name)))
}

fn is_part_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Is there a `*` that may stand for columns? The one in `count(*)` does not.
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

    /// For a table with a date `d`, a time `clock` and other columns.
    fn depends_on_date(value: &str) -> bool {
        let sql = match value.strip_prefix("SELECT ") {
            Some(_) => value.to_owned(),
            None => format!("SELECT {value} FROM calls"),
        };
        let analysis = Analysis::of(&sql, Dialect::Mysql);
        assert!(analysis.parsed || value.contains("{t"), "{sql}");
        let places: Vec<_> = analysis
            .times()
            .map(|times| Place { times, text: &sql })
            .collect();
        let types = TimeTypes {
            columns: BTreeSet::from(["clock"]),
            several: false,
            is_timed: |name: &str| name == "clock_of",
            calls_timed: sql.contains("clock_of"),
            binds: false,
        };
        types.depend_on_date(&places)
    }

    #[test]
    fn a_column_is_used_by_its_name_or_by_all() {
        let columns = BTreeSet::from(["clock"]);
        for text in [
            "SELECT DATE(`Clock`) FROM calls",
            "SELECT x FROM (SELECT c.CLOCK AS x FROM calls c) s",
            "SELECT c.* FROM calls c",
            "SELECT a, * FROM calls",
            "SELECT DATE(x) FROM (TABLE calls) AS s (x)",
        ] {
            assert!(uses(text, &columns), "{text}");
            assert!(!uses(text, &BTreeSet::new()), "{text}");
        }
        for text in [
            "SELECT DATE(at) FROM clocks",
            "SELECT COUNT( * ), YEAR(o_clock) FROM calls",
        ] {
            assert!(!uses(text, &columns), "{text}");
        }
        assert!(uses("SELECT 1", &BTreeSet::from(["my time"])));
    }

    #[test]
    fn where_a_time_is_taken_for_a_date() {
        for (values, expected) in [(DATE_DEPENDENT, true), (NOT_DATE_DEPENDENT, false)] {
            let is = |value: &&&str| depends_on_date(value) == expected;
            let wrong: Vec<_> = values.iter().filter(|value| !is(value)).collect();
            assert!(wrong.is_empty(), "{wrong:#?}");
        }
    }

    const DATE_DEPENDENT: &[&str] = &[
        "CAST(TIME'10:00:00' AS DATETIME)",
        "DATE(TIME'10:00:00')",
        "DATE({t '10:00:00'})",
        "TIMESTAMP(SEC_TO_TIME(5))",
        "CAST(MAKETIME(1,2,3) AS DATETIME)",
        "CONVERT(clock, DATE)",
        "CAST(CAST('10:00' AS TIME) AS DATETIME)",
        "DATEDIFF(TIME'10:00:00', d)",
        "d < TIME'10:00:00'",
        "TIME(at) < d",
        "COALESCE(TIME'10:00:00', d)",
        "IFNULL(clock, d)",
        "IF(1, clock, d)",
        "CASE WHEN 1 THEN clock ELSE d END",
        "CASE d WHEN clock THEN 1 END",
        "GREATEST(clock, d)",
        "NULLIF(d, clock)",
        "clock < DATE'2000-01-01'",
        "clock BETWEEN '10:00' AND at",
        "d IN (TIME'10:00')",
        "d IN (SELECT clock FROM calls)",
        "d = ANY (SELECT clock FROM calls)",
        "(SELECT clock) < d",
        "(clock, 1) = (d, 1)",
        "clock + INTERVAL 1 DAY",
        "DATE_ADD(clock, INTERVAL 1 MONTH)",
        "ADDDATE(clock, 1)",
        "TIMESTAMPDIFF(HOUR, clock, at)",
        "TIMESTAMP(clock, clock)",
        "DATE_FORMAT(clock, '%Y-%m-%d %H')",
        "EXTRACT(DAY FROM clock)",
        "YEAR(clock)",
        "UNIX_TIMESTAMP(clock)",
        "CONVERT_TZ(clock, '+00:00', '+01:00')",
        "DATE(STR_TO_DATE('10:00','%H:%i'))",
        "DATE(ADDTIME('10:00:00', '01:00'))",
        "DATE(SUBTIME(clock, '01:00'))",
        "DATE(TIMEDIFF(at, d))",
        "DATE(MAX(clock))",
        "DATE(IF(1, clock, '10:00'))",
        "DATE(FLOOR(clock))",
        "DATE(LAG(clock, 1) OVER ())",
        "LEAD(clock, 1, d) OVER ()",
        "DATE(clock_of(1))",
        "clock_of(1) < d",
        "other_function(clock)",
        "SELECT DATE(x) FROM (SELECT clock AS x FROM calls) s",
        "SELECT DATE(x) FROM (SELECT y AS x FROM (SELECT clock AS y FROM calls) r) s",
        "SELECT x FROM (SELECT clock AS x FROM calls UNION SELECT d FROM calls) s",
        "SELECT DATE(x) FROM (SELECT d AS x FROM calls UNION SELECT clock FROM calls) s",
        "SELECT 1 FROM calls JOIN stones USING (clock)",
    ];

    const NOT_DATE_DEPENDENT: &[&str] = &[
        "clock",
        "TIME'10:00:00'",
        "TIME(at), DATE(at), clock, YEAR(d)",
        "DATEDIFF(at, d), UNIX_TIMESTAMP(at), CAST(at AS DATE), clock",
        "clock < '10:00', d < '2000-01-01'",
        "clock < ?, d < ?",
        "TIME(at) < TIME'10:00', d < DATE'2000-01-01', d < at",
        "TIME(at) BETWEEN '01:00' AND '10:00'",
        "clock IN ('10:00', '11:00')",
        "COALESCE(clock, '10:00'), COALESCE(d, at)",
        "clock + INTERVAL 1 HOUR, d + INTERVAL 1 DAY",
        "DATE_ADD(clock, INTERVAL 90 MINUTE)",
        "DATE_FORMAT(clock, '%H:%i'), DATE_FORMAT(d, '%Y-%m-%d')",
        "TIME_FORMAT(clock, '%H:%i')",
        "HOUR(clock), MINUTE(clock), EXTRACT(HOUR FROM clock), EXTRACT(YEAR FROM d)",
        "TIMEDIFF(clock, '01:00'), ADDTIME(at, clock), TIMESTAMP(d, clock)",
        "TIME_TO_SEC(clock), SEC_TO_TIME(n)",
        "DATE(STR_TO_DATE('2000-01-01 10','%Y-%m-%d %H'))",
        "CONCAT(d, ' ', clock)",
        "DATE(CONCAT(d, ' ', clock))",
        "MAX(clock), MAX(at), COUNT(*)",
        "SELECT YEAR(at) FROM (SELECT at, clock FROM calls) s",
        "SELECT YEAR(x) FROM (SELECT at AS x, clock AS y FROM calls) s",
        "clock_of(1), YEAR(d)",
    ];
}
