//! `cachalot status`.

use std::{fs, process, time::Duration};

use cachalot_tests::{memcached, wait_until};

use super::runner::{Runner, json, text};

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn a06_status_lists_the_tables_and_when_they_changed() {
    let command = Runner::new();
    command.library().invalidate(["users"]).unwrap();

    let status = json(&command.run(&["status", "--json"]));
    assert_eq!(status["reachable"], true);
    assert_eq!(status["namespace"], command.namespace.as_str());
    let tables = status["tables"].as_array().unwrap();
    let users = tables
        .iter()
        .find(|table| table["table"] == "users")
        .unwrap();
    assert!(
        users["last_invalidation"].is_string() && users["version"].is_string(),
        "{users}"
    );
    assert_eq!(users["writers_in_flight"], 0);

    let output = command.run(&["status", "users"]);
    assert!(
        text(&output.stdout).contains("users"),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn a06_status_shows_ages_and_the_servers_contents() {
    let server = memcached::start(&["-m", "32"]);
    let command = Runner::at(server.url());
    command.library().invalidate(["users"]).unwrap();

    let status = json(&command.run(&["status", "--json"]));
    let users = &status["tables"][1];
    assert_eq!(users["table"], "users");
    let seconds = users["seconds_since"].as_f64().unwrap();
    assert!((0.0..60.0).contains(&seconds), "{users}");
    let row = &status["servers"][0];
    assert_eq!(row["server"], server.address().to_string());
    assert_eq!(row["limit_bytes"], 32 * 1024 * 1024);
    // The table's record, the eight of the epoch, and the list of tables.
    assert_eq!(row["items"], 10, "{row}");
    assert_eq!(row["evictions"], 0);

    let shown = text(&command.run(&["status"]).stdout);
    assert!(
        shown.contains("s ago)") && shown.contains("of 32.0 MB"),
        "{shown}"
    );
}

#[test]
fn a06_status_shows_which_server_does_not_answer() {
    let (up, down) = (memcached::start(&[]), memcached::start(&[]));
    let command = Runner::at(format!("{},{}", up.url(), down.address()));
    down.stop();
    let output = command.run(&["status", "--json", "users"]);
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let servers = status["servers"].as_array().unwrap();
    let said = |server: &str| {
        let mut rows = servers.iter();
        rows.find(|row| row["server"] == server).unwrap()["error"].is_string()
    };
    assert!(!said(&up.address().to_string()));
    assert!(said(&down.address().to_string()));
}

/// A stop and a start interrupt a system call with a time limit, as any signal with a handler does.
#[test]
fn a06_status_waits_for_the_store_when_its_process_is_stopped_and_continued() {
    let server = memcached::start(&[]);
    let command = Runner::at(server.url());
    command.library().invalidate(["users"]).unwrap();
    server.freeze();
    let child = command.start(&["status", "--json", "users"]);
    wait_until("the command has asked the store", LIMIT, || {
        has_unread_bytes(server.address().port())
    });
    let signal = |signal: &str| {
        let arguments = ["-c", &format!("kill -s {signal} {}", child.id())];
        let status = process::Command::new("sh").args(arguments).status();
        assert!(status.unwrap().success());
    };
    for _ in 0..10 {
        signal("STOP");
        wait_until("the command has stopped", LIMIT, || {
            fs::read_to_string(format!("/proc/{}/stat", child.id()))
                .unwrap()
                .contains(") T ")
        });
        signal("CONT");
    }
    server.thaw();
    let status = json(&child.wait_with_output().unwrap());
    assert_eq!(status["reachable"], true, "{status}");
    assert_eq!(status["tables"][0]["table"], "users", "{status}");
}

/// Does a connection to this port of IPv4 have bytes that the server has not read?
fn has_unread_bytes(port: u16) -> bool {
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
    sockets.lines().skip(1).any(|socket| {
        let fields: Vec<_> = socket.split_whitespace().collect();
        let (local, queues) = (fields[1], fields[4]);
        local.ends_with(&format!(":{port:04X}")) && !queues.ends_with(":00000000")
    })
}
