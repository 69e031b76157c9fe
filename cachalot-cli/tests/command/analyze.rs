//! `cachalot analyze`.

use std::{collections::BTreeSet, fs};

use cachalot_sql::Dialect;
use cachalot_tests::{corpus, folder, unique};

use super::runner::{Runner, text};

#[test]
fn a06_analyze_prints_a_line_of_json_per_statement() {
    let command = Runner::new();
    let input = "SELECT * FROM \"Users\"\n\nUPDATE posts SET title = $1\nDROP TABLE x\n\
        SELECT p.id FROM posts p WHERE p.title = $1\n";
    let output = command.run_with(&["analyze", "--dialect", "postgres"], input);
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<serde_json::Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected = [
        r#"{"kind":"select","reads":["users"],"writes":[],"parsed":true,"cacheable":true,"reason":null}"#,
        r#"{"kind":"update","reads":[],"writes":["posts"],"columns":{"posts":["title"]},"parsed":true,"cacheable":false,"reason":"not a plain select"}"#,
    ];
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(
            *line,
            serde_json::from_str::<serde_json::Value>(expected).unwrap()
        );
    }
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[2]["writes"][0], "*");
    assert_eq!(
        lines[3]["columns"]["posts"],
        serde_json::json!(["id", "title"])
    );
}

/// What it prints in the guide.
#[test]
fn a06_analyze_prints_what_the_guide_shows() {
    let guide = include_str!("../../../docs/what-a-write-invalidates.md");
    let (_, example) = guide.split_once("$ echo '").unwrap();
    let (statement, example) = example.split_once("' | cachalot ").unwrap();
    let (arguments, example) = example.split_once('\n').unwrap();
    let printed = example.lines().next().unwrap();

    let arguments: Vec<_> = arguments.split(' ').collect();
    let output = Runner::new().run_with(&arguments, statement);
    assert_eq!(text(&output.stdout).trim_end(), printed);
}

/// Runs the single-line statements of the corpus through the command.
#[test]
fn a06_analyze_agrees_with_the_corpus() {
    let command = Runner::new();
    for dialect in Dialect::ALL {
        let mut cases = corpus::cases(dialect);
        cases.retain(|case| !case.sql.contains('\n') && case.findings.len() == 1);
        assert!(cases.len() > 500, "{dialect}: {} cases", cases.len());
        let file = folder::shared().join(unique::name("corpus"));
        let lines: String = cases.iter().map(|case| case.sql.clone() + "\n").collect();
        fs::write(&file, lines).unwrap();
        let file = file.to_str().unwrap();
        let output = command.run(&["analyze", "--dialect", dialect.as_str(), file]);
        let printed = text(&output.stdout);
        assert_eq!(printed.lines().count(), cases.len(), "{dialect}");

        for (case, line) in cases.iter().zip(printed.lines()) {
            let report: serde_json::Value = serde_json::from_str(line).unwrap();
            // A name with spaces looks like several in the corpus.
            let names = |key: &str| -> BTreeSet<String> {
                let names = report[key].as_array().unwrap().iter();
                let names = names.flat_map(|name| name.as_str().unwrap().split(' '));
                names.map(str::to_owned).collect()
            };
            let written = case.said("writes").into_iter().map(without_events);
            assert_eq!(names("reads"), case.said("reads"), "{case:?}");
            assert_eq!(names("writes"), written.collect(), "{case:?}");
            assert_eq!(report["cacheable"], case.is_cacheable(), "{case:?}");
            let kind = case.findings[0].split(" | ").next();
            assert_eq!(report["kind"].as_str(), kind, "{case:?}");
        }
    }
}

/// `users:iud` is `users`.
fn without_events(table: String) -> String {
    match table.rsplit_once(':') {
        Some((name, _)) => name.to_owned(),
        None => table,
    }
}
