//! The statements on which the analysis is tested, of `cachalot-sql/src/corpus`, and
//! what must be found about each. The README there explains the notation.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cachalot_sql::Dialect;

/// A statement, or several in one text.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its file and the line of its findings.
    pub place: String,
    /// The text.
    pub sql: String,
    /// What must be found about each statement.
    pub findings: Vec<String>,
}

impl Case {
    /// What is said after `word` about any of the statements: `reads a b` says `a` and `b`.
    #[must_use]
    pub fn said(&self, word: &str) -> BTreeSet<String> {
        let parts = self.findings.iter().flat_map(|one| one.split(" | "));
        parts
            .filter_map(|part| part.strip_prefix(word)?.strip_prefix(' '))
            .flat_map(|names| names.split(' '))
            .map(str::to_owned)
            .collect()
    }

    /// Whether the result may be cached.
    #[must_use]
    pub fn is_cacheable(&self) -> bool {
        matches!(self.findings.as_slice(), [only] if only.split(" | ").any(|part| part == "cacheable"))
    }
}

/// All cases of a dialect.
#[must_use]
pub fn cases(dialect: Dialect) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../cachalot-sql/src/corpus")
        .join(dialect.as_str());
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("no corpus in {}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry of the corpus").path())
        .collect();
    files.sort();
    files.iter().flat_map(|file| read(file)).collect()
}

fn read(file: &Path) -> Vec<Case> {
    let text = fs::read_to_string(file).expect("a file of the corpus");
    let mut cases = Vec::new();
    let mut sql = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        if line.starts_with("##") || (sql.is_empty() && line.is_empty()) {
            continue;
        }
        let Some(findings) = line.strip_prefix("=> ") else {
            sql.push(line);
            continue;
        };
        cases.push(Case {
            place: format!("{}:{number}", file.display()),
            sql: sql.join("\n"),
            findings: findings.split(" ;; ").map(str::to_owned).collect(),
        });
        sql.clear();
    }
    cases
}
