//! Exit codes.

use super::runner::{Runner, text};

#[test]
fn a06_a_failure_exits_with_1() {
    let mut command = Runner::new();
    command.url = "memcache://127.0.0.1:1".to_owned();
    for arguments in [
        ["status", "--json"],
        ["invalidate", "users"],
        ["doctor", "--json"],
        ["watch", "--json"],
    ] {
        let output = command.run(&arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
    let output = command.run(&["analyze", "--dialect", "sqlite", "/no/such/file"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/no/such/file"));
}

#[test]
fn a06_a_usage_error_exits_with_2() {
    let mut command = Runner::new();
    for arguments in [
        ["invalidate"].as_slice(),
        &["invalidate", "--all", "users"],
        &["invalidate", " "],
        &["analyze", "--dialect", "oracle"],
        &["analyse"],
        &["watch", "--interval", "0"],
        &["watch", "--for", "soon"],
        &["invalidate", "--quiet", "--json", "users"],
        &["doctor", "ldap://127.0.0.1"],
    ] {
        let output = command.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    command.url = "redis://127.0.0.1".to_owned();
    let output = command.run(&["status"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("redis"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a06_an_in_process_store_is_a_usage_error() {
    let mut command = Runner::new();
    command.url = "memory://".to_owned();
    for arguments in [["invalidate", "users"], ["watch", "--json"]] {
        let output = command.run(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains("memory://"));
    }
}
