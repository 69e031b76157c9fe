//! Can the database be reached?

use super::{Finding, Subject};

const CHECK: &str = "database";

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    let described = match &mut subject.database {
        None => {
            let found = "not looked at: no DATABASE_URL was given";
            return vec![Finding::ok(CHECK, found)];
        }
        Some(Ok(database)) => database.describe(),
        Some(Err(error)) => Err(error.clone()),
    };
    vec![match described {
        Ok(description) => Finding::ok(CHECK, description),
        Err(error) => Finding::problem(
            CHECK,
            // A driver's message has several lines.
            format!("it cannot be asked: {}", one_line(&error)),
            "see that DATABASE_URL is the program's own, and that the database runs",
        ),
    }]
}

fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ")
}
