//! A test case in a process of its own.

use std::{env, process::Command, thread};

use cachalot_tests::{Database, memcached};

/// The URL of the case's database, in its own process.
const DATABASE: &str = "CACHALOT_TEST_OWN_PROCESS_DATABASE";

/// Runs the calling test again in a process of its own with these environment variables, which does `case` with
/// the URL of the database.
pub(crate) fn in_own_process(
    database: impl FnOnce() -> Database,
    variables: &[(&str, &str)],
    case: impl FnOnce(&str),
) {
    if let Ok(url) = env::var(DATABASE) {
        return case(&url);
    }
    let database = database();
    let thread = thread::current();
    let name = thread.name().unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", name])
        .env(DATABASE, database.url())
        .env("CACHALOT_TEST_MEMCACHED_URL", memcached::shared().url())
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
