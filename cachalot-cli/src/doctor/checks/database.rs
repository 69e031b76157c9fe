//! Can the database be reached?

use super::{Finding, Subject};

const CHECK: &str = "database";

pub(super) fn check(subject: &mut Subject) -> Vec<Finding> {
    let described = match &mut subject.database {
        None => {
            let found = "not checked: no DATABASE_URL given";
            return vec![Finding::ok(CHECK, found)];
        }
        Some(Ok(database)) => database.describe(),
        Some(Err(error)) => Err(error.clone()),
    };
    vec![match described {
        Ok(description) => Finding::ok(CHECK, description),
        Err(error) => Finding::problem(
            CHECK,
            // Drivers' messages have several lines.
            format!("cannot be queried: {}", one_line(&error)),
            "make sure that DATABASE_URL is that of the program, and that the database is running",
        ),
    }]
}

fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ")
}
