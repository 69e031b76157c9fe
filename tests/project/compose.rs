//! compose.yaml starts what `./test.sh --help` says it starts.

use std::{fs, process::Command};

use yaml_rust2::{Yaml, YamlLoader};

/// A file of the project's, by its path from the project's folder.
fn path(file: &str) -> String {
    format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"))
}

fn services() -> Yaml {
    let text = fs::read_to_string(path("compose.yaml")).unwrap();
    let documents = YamlLoader::load_from_str(&text).unwrap();
    documents[0]["services"].clone()
}

/// The port of this machine on which a service can be reached, which must be closed to others.
fn port(service: &Yaml) -> &str {
    let ports = service["ports"].as_vec().unwrap();
    assert_eq!(ports.len(), 1, "{ports:?}");
    let mapping = ports[0].as_str().unwrap();
    let (port, _) = mapping
        .strip_prefix("127.0.0.1:")
        .and_then(|mapping| mapping.split_once(':'))
        .unwrap_or_else(|| panic!("`{mapping}` is not a port of 127.0.0.1 alone"));
    port
}

#[test]
fn the_help_of_the_test_script_names_the_servers_of_the_compose_file() {
    let services = services();
    let of = |service: &str, variable: &str| {
        let value = services[service]["environment"][variable].as_str();
        value.unwrap().to_owned()
    };
    let postgres = format!(
        "postgres://{}:{}@127.0.0.1:{}",
        of("postgres", "POSTGRES_USER"),
        of("postgres", "POSTGRES_PASSWORD"),
        port(&services["postgres"])
    );
    let mysql = format!(
        "mysql://root:{}@127.0.0.1:{}",
        of("mariadb", "MARIADB_ROOT_PASSWORD"),
        port(&services["mariadb"])
    );
    let memcached = format!("memcache://127.0.0.1:{}", port(&services["memcached"]));

    let help = Command::new(path("test.sh"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for (variable, url) in [
        ("CACHALOT_TEST_POSTGRES_URL", postgres),
        ("CACHALOT_TEST_MYSQL_URL", mysql),
        ("CACHALOT_TEST_MEMCACHED_URL", memcached),
    ] {
        let line = format!("{variable}={url}");
        assert!(
            help.lines().any(|said| said.trim() == line),
            "`{line}` is not in:\n{help}"
        );
    }
}

#[test]
fn every_service_of_the_compose_file_says_when_it_is_ready() {
    let services = services();
    let services = services.as_hash().unwrap();
    assert_eq!(services.len(), 3);
    for (name, service) in services {
        let test = service["healthcheck"]["test"].as_vec();
        assert!(test.is_some_and(|words| words.len() > 1), "{name:?}");
    }
}
