//! `cachalot analyze`.

use super::runner::{Runner, text};

#[test]
fn a06_analyze_answers_each_line_with_a_line_of_json() {
    let command = Runner::new();
    let input = "SELECT * FROM \"Users\"\n\nUPDATE posts SET title = $1\nDROP TABLE x\n";
    let output = command.run_with(&["analyze", "--dialect", "postgres"], input);
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<serde_json::Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected = [
        r#"{"kind":"select","reads":["users"],"writes":[],"parsed":true,"cacheable":true,"reason":null}"#,
        r#"{"kind":"update","reads":[],"writes":["posts"],"parsed":true,"cacheable":false,"reason":"not a plain select"}"#,
    ];
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(
            *line,
            serde_json::from_str::<serde_json::Value>(expected).unwrap()
        );
    }
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[2]["writes"][0], "*");
}
