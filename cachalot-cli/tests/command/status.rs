//! `cachalot status`.

use cachalot_tests::memcached;

use super::runner::{Runner, json, text};

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
