//! `cachalot invalidate`.

use std::process::{Command, Stdio};

use cachalot_tests::memcached;

use super::runner::{Runner, json, text};

#[test]
fn a06_invalidate_reaches_the_programs_that_share_the_store() {
    let command = Runner::new();
    let library = command.library();
    assert_eq!(library.last_invalidation(["users"]).unwrap(), None);

    let output = command.run(&["invalidate", "public.Users", "posts", "--json"]);
    assert_eq!(json(&output)["invalidated"][0], "public.Users");
    assert!(library.last_invalidation(["users"]).unwrap().is_some());
    assert_eq!(library.last_invalidation(["tags"]).unwrap(), None);

    let output = command.run(&["invalidate", "--all"]);
    assert_eq!(text(&output.stdout), "invalidated everything\n");
    assert!(
        library.last_invalidation(["tags"]).unwrap().is_some(),
        "everything is tags too"
    );
}

#[test]
fn a06_a_name_with_a_dot_of_its_own_is_quoted() {
    let command = Runner::new();
    command.run(&["invalidate", "--quiet", "\"we.ird\""]);
    let status = json(&command.run(&["status", "--json"]));
    let tables = status["tables"].as_array().unwrap();
    let names: Vec<_> = tables.iter().map(|table| &table["table"]).collect();
    assert_eq!(names, ["*", "we.ird"]);
}

#[test]
fn a06_quiet_says_nothing_unless_it_could_not() {
    let mut command = Runner::new();
    for arguments in [
        ["invalidate", "-q", "users"],
        ["invalidate", "--quiet", "--all"],
    ] {
        let output = command.run(&arguments);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!((output.stdout.len(), output.stderr.len()), (0, 0));
    }
    assert!(
        command
            .library()
            .last_invalidation(["users"])
            .unwrap()
            .is_some()
    );
    command.url = "memcache://127.0.0.1:1".to_owned();
    let output = command.run(&["invalidate", "--quiet", "users", "posts"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let said = text(&output.stderr);
    assert!(
        said.starts_with("cachalot: not invalidated: posts, users; run the command again"),
        "{said}"
    );
}

#[test]
fn a06_it_waits_for_a_store_that_comes_back() {
    let server = memcached::start(&[]);
    let command = Runner::at(server.url());
    server.stop();
    let child = Command::new(env!("CARGO_BIN_EXE_cachalot"))
        .args(["invalidate", "users", "--url", &command.url])
        .args(["--namespace", &command.namespace])
        .env("CACHALOT_ON_OUTAGE", "wait:60")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    server.start();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout), "invalidated users\n");
    assert!(
        command
            .library()
            .last_invalidation(["users"])
            .unwrap()
            .is_some()
    );
}
