//! `cachalot doctor`.

use cachalot_diesel::CachedDsl as _;
use cachalot_tests::{memcached, postgres, schema::sqlite::tags, sqlite, unique};
use diesel::{connection::SimpleConnection as _, prelude::*};
use serde_json::Value;

use super::runner::{Runner, json, text};

/// The findings and the exit code.
fn examine(command: &Runner, database: Option<&str>) -> (Vec<Value>, Option<i32>) {
    let arguments = ["doctor", "--json"].into_iter().chain(database);
    let output = command.run(&arguments.collect::<Vec<_>>());
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = answer["findings"].as_array().unwrap().clone();
    let count = |level| findings.iter().filter(|it| it["level"] == level).count();
    assert_eq!(answer["problems"], count("problem"));
    assert_eq!(answer["warnings"], count("warning"));
    for finding in &findings {
        let advice = finding["advice"].is_string();
        assert_eq!(advice, finding["level"] != "ok", "{finding}");
    }
    (findings, output.status.code())
}

/// The text of a check's finding with this level.
fn found(findings: &[Value], check: &str, level: &str) -> String {
    let mut findings = findings.iter();
    let finding = findings.find(|it| it["check"] == check && it["level"] == level);
    let finding = finding.unwrap_or_else(|| panic!("no {level} of {check}"));
    finding["found"].as_str().unwrap().to_owned()
}

#[test]
fn a06_doctor_reports_no_problem_of_a_healthy_store() {
    let server = memcached::start(&[]);
    let database = sqlite::database();
    let (findings, code) = examine(&Runner::at(server.url()), Some(database.url()));
    let all: Vec<_> = findings
        .iter()
        .map(|it| (&it["check"], &it["level"]))
        .collect();
    let checks = [
        "reach",
        "version",
        "settings",
        "item_size",
        "memory",
        "evictions",
        "connections",
        "clock",
        "servers",
        "database",
        "catalog",
        "catalog",
        "tables",
    ];
    let ok = Value::from("ok");
    let checks = checks.map(Value::from);
    assert_eq!(
        all,
        checks.iter().map(|check| (check, &ok)).collect::<Vec<_>>()
    );
    assert_eq!(code, Some(0));
}

#[test]
fn a06_doctor_reports_low_limits_and_unsuitable_options() {
    let server = memcached::start(&["-m", "8", "-I", "512k", "-C", "-M"]);
    let (findings, code) = examine(&Runner::at(server.url()), None);
    assert!(found(&findings, "settings", "problem").contains("compare-and-swap"));
    assert!(found(&findings, "settings", "warning").contains("full"));
    assert!(found(&findings, "item_size", "warning").contains("524288 bytes"));
    assert!(found(&findings, "memory", "warning").contains("8.0 MB"));
    assert_eq!(code, Some(1), "there is a problem");
    assert_eq!(
        found(&findings, "database", "ok"),
        "not checked: no DATABASE_URL given"
    );
}

#[test]
fn a06_doctor_reports_evictions_of_recently_used_items() {
    let server = memcached::start(&["-m", "2"]);
    server.wire().fill(1_000);
    let (findings, code) = examine(&Runner::at(server.url()), None);
    assert!(found(&findings, "evictions", "problem").contains("has evicted"));
    assert_eq!(code, Some(1));
}

#[test]
fn a06_doctor_reports_servers_that_are_down_or_listed_twice() {
    let (up, down) = (memcached::start(&[]), memcached::start(&[]));
    down.stop();
    let port = up.address().port();
    let again = format!("localhost:{port}");
    let url = format!("{},{again},{}", up.url(), down.address());
    let (findings, code) = examine(&Runner::at(url), None);
    assert!(found(&findings, "reach", "problem").starts_with(&down.address().to_string()));
    assert_eq!(
        found(&findings, "servers", "warning"),
        format!("{} and {again} seem to be the same server", up.address())
    );
    assert_eq!(code, Some(1));
}

#[test]
fn a06_doctor_lists_tables_that_are_never_invalidated() {
    let database = sqlite::database();
    let command = Runner::new();
    let library = command.library();
    let mut conn = sqlite::establish(database.url());
    library.watch(&mut conn).unwrap();
    let _: i64 = tags::table.count().cached(&mut conn).get_result().unwrap();
    library.invalidate(["posts", "comments"]).unwrap();
    let (findings, code) = examine(&command, Some(database.url()));
    let tables: Vec<_> = findings
        .iter()
        .filter(|finding| finding["check"] == "tables")
        .map(|finding| finding["found"].as_str().unwrap().split_once(": ").unwrap())
        .collect();
    assert_eq!(
        tables[..2],
        [
            ("invalidated through the library", "comments, posts"),
            (
                "cached, but never invalidated according to the store",
                "tags"
            ),
        ]
    );
    let (unknown, names) = tables[2];
    assert!(
        unknown.starts_with("neither cached nor invalidated"),
        "{unknown}"
    );
    assert!(
        names.starts_with("airlines, airports, authors, counters"),
        "{names}"
    );
    assert!(!names.contains("__diesel"), "{names}");
    let level = found(&findings, "tables", "warning");
    assert!(level.ends_with(": tags"), "{level}");
    assert_eq!(code, Some(0), "a warning is no problem");
}

#[test]
fn a06_doctor_checks_each_kind_of_database() {
    let command = Runner::new();
    let database = postgres::database();
    let (findings, _) = examine(&command, Some(database.url()));
    assert!(found(&findings, "database", "ok").starts_with("PostgreSQL "));
    assert!(found(&findings, "tables", "ok").contains("flights"));
    #[cfg(feature = "mysql")]
    {
        let database = cachalot_tests::mysql::database();
        let (findings, _) = examine(&command, Some(database.url()));
        let product = if cachalot_tests::mysql::is_mysql() {
            "MySQL"
        } else {
            "MariaDB"
        };
        assert!(found(&findings, "database", "ok").contains(product));
        assert!(found(&findings, "tables", "ok").contains("flights"));
    }
    let database = sqlite::database();
    let (findings, _) = examine(&command, Some(&format!("sqlite://{}", database.url())));
    assert!(found(&findings, "database", "ok").starts_with("SQLite "));
    assert!(found(&findings, "tables", "ok").contains("flights"));
}

/// The level and text of the findings of `catalog`.
fn of_catalog(command: &Runner, url: &str) -> Vec<(String, String)> {
    let (findings, code) = examine(command, Some(url));
    let problem = findings.iter().any(|it| it["level"] == "problem");
    assert_eq!(code, Some(i32::from(problem)), "warnings are no problems");
    let catalog = findings.iter().filter(|it| it["check"] == "catalog");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    catalog
        .map(|finding| (text(&finding["level"]), text(&finding["found"])))
        .collect()
}

/// Asserts that these are the findings. Each is a level and a part of the text.
#[track_caller]
fn assert_findings(findings: &[(String, String)], expected: &[(&str, &str)]) {
    assert_eq!(findings.len(), expected.len(), "{findings:#?}");
    for ((level, text), (expected, part)) in findings.iter().zip(expected) {
        assert_eq!(level, expected, "{text}");
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a06_doctor_reports_uncacheable_objects_of_postgresql() {
    let database = postgres::database();
    let mut conn = postgres::establish(database.url());
    conn.batch_execute(
        "CREATE FUNCTION dice() RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT 4';
         CREATE VIEW plain AS SELECT id FROM tags;
         CREATE VIEW \"Odd one\" AS SELECT id, dice() FROM tags;
         CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO tags (label) VALUES ('x'); RETURN NULL; END $$;
         CREATE TRIGGER shown AFTER INSERT ON counters FOR EACH ROW EXECUTE FUNCTION seen();
         CREATE FUNCTION anything() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN EXECUTE 'SELECT 1'; RETURN NULL; END $$;
         CREATE TRIGGER hidden AFTER DELETE OR UPDATE ON counters
             FOR EACH ROW EXECUTE FUNCTION anything();
         CREATE FUNCTION run_it(what text) RETURNS void LANGUAGE plpgsql AS
             $$ BEGIN EXECUTE what; END $$;
         CREATE LANGUAGE foreign_tongue HANDLER plpgsql_call_handler;
         CREATE FUNCTION stem(word text) RETURNS text STABLE LANGUAGE foreign_tongue AS
             $$ BEGIN RETURN word; END $$;
         ALTER TABLE authors ENABLE ROW LEVEL SECURITY;
         CREATE POLICY active_ones ON authors USING (active)",
    )
    .unwrap();
    let wide = ("ok", "whichever columns it sets");
    let cached = ("ok", "tables and views can be cached");
    let trigger = (
        "warning",
        "each update or delete of `counters` invalidates everything: it runs `anything`",
    );
    let mut command = Runner::new();
    assert_findings(
        &of_catalog(&command, database.url()),
        &[
            cached,
            (
                "warning",
                "the function `dice` is volatile or unknown: Odd one",
            ),
            wide,
            trigger,
            ("warning", "may write any table: run_it"),
            ("warning", "queries that call them are not cached: stem"),
        ],
    );
    // The command uses the program's settings.
    command.setting = Some(("CACHALOT_PURE_FUNCTIONS", "dice,run_it,stem"));
    let findings = of_catalog(&command, database.url());
    assert_findings(&findings, &[cached, wide, trigger]);
    // The trigger that cannot be analysed may write `counters` itself.
    assert!(
        findings[1].1.ends_with(": authors, counters"),
        "{findings:?}"
    );
}

#[test]
fn a06_doctor_says_first_that_the_catalog_cannot_be_read() {
    let database = postgres::database();
    let mut conn = postgres::establish(database.url());
    // A server has its accounts for all databases, and a database its own catalog.
    let account = unique::name("doctor");
    conn.batch_execute(&format!(
        "CREATE ROLE {account} LOGIN PASSWORD 'secret';
         REVOKE SELECT ON pg_catalog.pg_proc FROM PUBLIC"
    ))
    .unwrap();
    let (_, place) = database.url().split_once('@').unwrap();
    let url = format!("postgres://{account}:secret@{place}");
    let (findings, code) = examine(&Runner::new(), Some(&url));
    conn.batch_execute(&format!("DROP ROLE {account}")).unwrap();
    assert_eq!(code, Some(1));
    assert_says_first(&findings, "nothing of the database is cached", "grant");
    let found = findings[0]["found"].as_str().unwrap();
    assert!(found.contains("pg_proc"), "{found}");
}

/// Asserts that a problem of the catalog with this text stands before all other findings.
#[track_caller]
fn assert_says_first(findings: &[Value], found: &str, advice: &str) {
    let first = &findings[0];
    assert_eq!(first["check"], "catalog", "{first}");
    assert_eq!(first["level"], "problem", "{first}");
    for (key, part) in [("found", found), ("advice", advice)] {
        let text = first[key].as_str().unwrap();
        assert!(text.contains(part), "{text}");
    }
}

#[cfg(feature = "mysql")]
#[test]
fn a06_doctor_says_first_that_mysql_shows_no_catalog() {
    use cachalot_tests::mysql;

    let database = mysql::database();
    let mut conn = mysql::establish(database.url());
    let account = unique::name("doctor");
    // Run for each account but root.
    conn.batch_execute(&format!(
        "CREATE USER {account} IDENTIFIED BY 'secret'; GRANT ALL ON {}.* TO {account};
         SET GLOBAL init_connect =
             'SET max_join_size = IF(CURRENT_USER() LIKE \"{account}@%\", 1, 1000000)'",
        database.name()
    ))
    .unwrap();
    let (_, place) = database.url().split_once('@').unwrap();
    let (findings, code) = examine(
        &Runner::new(),
        Some(&format!("mysql://{account}:secret@{place}")),
    );
    conn.batch_execute(&format!(
        "SET GLOBAL init_connect = ''; DROP USER {account}"
    ))
    .unwrap();
    assert_says_first(&findings, "nothing of the database is cached", "grant");
    let found = findings[0]["found"].as_str().unwrap();
    assert!(found.contains("MAX_JOIN_SIZE"), "{found}");
    assert_eq!(code, Some(1));
}

#[cfg(feature = "mysql")]
#[test]
fn a06_doctor_says_first_that_an_account_sees_no_triggers() {
    use cachalot_tests::mysql;

    let database = mysql::database();
    let mut conn = mysql::establish(database.url());
    let account = unique::name("doctor");
    conn.batch_execute(&format!(
        "CREATE USER {account} IDENTIFIED BY 'secret'; GRANT SELECT ON {}.* TO {account}",
        database.name()
    ))
    .unwrap();
    let (_, place) = database.url().split_once('@').unwrap();
    let (findings, code) = examine(
        &Runner::new(),
        Some(&format!("mysql://{account}:secret@{place}")),
    );
    conn.batch_execute(&format!("DROP USER {account}")).unwrap();
    assert_says_first(&findings, "cannot see triggers", "grant TRIGGER");
    assert_eq!(code, Some(1));
}

#[cfg(feature = "mysql")]
#[test]
fn a06_doctor_tells_what_mariadb_hides() {
    use cachalot_tests::mysql;

    let database = mysql::database();
    let mut conn = mysql::establish(database.url());
    // Accounts are shared by all databases of a server.
    let account = unique::name("doctor");
    conn.batch_execute(&format!(
        "CREATE VIEW plain AS SELECT id FROM tags;
         CREATE VIEW `Odd one` AS SELECT id, now(6) AS n FROM tags;
         CREATE TRIGGER shown AFTER INSERT ON counters FOR EACH ROW DELETE FROM tags;
         CREATE PROCEDURE run_it(what TEXT) BEGIN
             SET @what = what; PREPARE s FROM @what; EXECUTE s; END;
         CREATE PROCEDURE seen() BEGIN DELETE FROM tags; END;
         CREATE USER {account} IDENTIFIED BY 'secret'; GRANT SELECT ON tags TO {account};
         GRANT EXECUTE ON PROCEDURE seen TO {account}"
    ))
    .unwrap();
    let command = Runner::new();
    let cached = ("ok", "tables and views can be cached");
    let findings = of_catalog(&command, database.url());
    let odd = ("warning", "is volatile or unknown: Odd one");
    let written = ("warning", "may write any table: run_it");
    assert_findings(&findings, &[cached, odd, written]);

    let (_, place) = database.url().split_once('@').unwrap();
    let findings = of_catalog(&command, &format!("mysql://{account}:secret@{place}"));
    conn.batch_execute(&format!("DROP USER {account}")).unwrap();
    assert_findings(
        &findings,
        &[
            (
                "problem",
                "cannot see triggers; grant it TRIGGER on the database: tags",
            ),
            ("ok", "0 of 1 tables and views can be cached"),
            ("warning", "may write any table: seen"),
        ],
    );
}

#[test]
fn a06_doctor_reports_uncacheable_objects_of_sqlite() {
    let database = sqlite::database();
    let mut conn = sqlite::establish(database.url());
    conn.batch_execute(
        "CREATE VIEW plain AS SELECT id FROM tags;
         CREATE VIEW \"Odd \"\"one\"\"\" AS SELECT id, random() FROM tags;
         CREATE TRIGGER shown AFTER INSERT ON counters BEGIN DELETE FROM tags; END;
         CREATE VIRTUAL TABLE pages USING dbstat",
    )
    .unwrap();
    assert_findings(
        &of_catalog(&Runner::new(), database.url()),
        &[
            ("ok", "tables and views can be cached"),
            ("warning", "without a visible write: pages"),
            (
                "warning",
                "the function `random` is volatile or unknown: Odd \"one\"",
            ),
            ("ok", "all triggers and functions can be analysed"),
        ],
    );
}

#[test]
fn a06_doctor_creates_no_database_and_shows_no_password() {
    let command = Runner::new();
    let (findings, code) = examine(&command, Some("/no/such/file.db"));
    assert!(found(&findings, "database", "problem").contains("no such file: `/no/such/file.db`"));
    assert_eq!(code, Some(1));

    for url in [
        "postgres://me:hunter2@127.0.0.1:1/name",
        "postgres://me:hunter2@127.0.0.1:hunter2/name",
        "postgres://me@127.0.0.1:1/name?sslpassword=hunter2",
        "mysql://me:hunter2@127.0.0.1:1/name",
        "ldap://me:hunter2@127.0.0.1",
    ] {
        let output = command.run(&["doctor", url]);
        assert_ne!(output.status.code(), Some(0), "{url}");
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a06_doctor_has_human_readable_output() {
    let mut command = Runner::new();
    let shown = text(&command.run(&["doctor"]).stdout);
    assert!(
        shown.contains("ok       version      127.0.0.1:"),
        "{shown}"
    );
    command.url = "memory://".to_owned();
    let output = command.run(&["doctor"]);
    let shown = text(&output.stdout);
    assert!(
        shown.starts_with("warning  reach        memory://"),
        "{shown}"
    );
    assert!(shown.contains("to do: set CACHALOT_URL"), "{shown}");
    assert_eq!(output.status.code(), Some(0));
    let answer = json(&command.run(&["doctor", "--json"]));
    assert_eq!(answer["warnings"], 1);
}
