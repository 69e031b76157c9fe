//! The memcached that the other tests stand on.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, io};

use cachalot_tests::{folder, memcached, unique, wait_until};

#[test]
fn the_shared_memcached_keeps_what_it_is_given() {
    let mut wire = memcached::shared().wire();
    let key = unique::name("support");

    wire.set(&key, b"a\r\nEND\r\nb");

    assert_eq!(wire.get(&key).as_deref(), Some(&b"a\r\nEND\r\nb"[..]));
    assert!(wire.delete(&key));
    assert!(!wire.delete(&key));
    assert_eq!(wire.get(&key), None);
}

#[test]
fn a_private_memcached_can_be_emptied_frozen_and_restarted() {
    let server = memcached::start(&["-m", "16"]);
    let mut wire = server.wire();
    wire.set("kept", b"1");
    let soon = Duration::from_secs(10);
    wait_until("the key is listed", soon, || {
        server.wire().keys() == ["kept"]
    });
    assert_eq!(wire.statistic("curr_items"), 1);

    server.flush();
    assert_eq!(wire.get("kept"), None);

    server.freeze();
    assert!(!answers(&server), "frozen");
    server.thaw();
    assert!(answers(&server), "thawed");

    wire.set("kept", b"1");
    let address = server.address();
    server.stop();
    assert!(TcpStream::connect(address).is_err(), "stopped");
    server.start();
    assert_eq!(server.address(), address);
    assert_eq!(server.wire().get("kept"), None);
    server.restart();
    assert!(answers(&server), "restarted");
}

#[test]
fn a_killed_process_leaves_no_server_behind() {
    const NAME: &str = "memcached_selftest::a_killed_process_leaves_no_server_behind";
    const KILLED: &str = "CACHALOT_TEST_KILLED";
    if env::var_os(KILLED).is_some() {
        // The process to be killed. A frozen server is the hardest to end.
        let server = memcached::start(&[]);
        server.freeze();
        fs::write(
            env::temp_dir().join("address"),
            server.address().to_string(),
        )
        .unwrap();
        io::stdin().read_to_end(&mut Vec::new()).unwrap();
        unreachable!("it is killed first");
    }
    let folder = folder::shared().join(unique::name("killed"));
    fs::create_dir(&folder).unwrap();
    let mut process = Command::new(env::current_exe().unwrap())
        .args(["--exact", NAME])
        .env("TMPDIR", &folder)
        .env(KILLED, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let files = || fs::read_dir(&folder).unwrap().count();
    let a_minute = Duration::from_secs(60);
    let address = || fs::read_to_string(folder.join("address")).unwrap_or_default();
    wait_until("the server is frozen", a_minute, || !address().is_empty());
    assert_eq!(files(), 2, "the server's folder and the address");
    TcpStream::connect(address()).unwrap();

    process.kill().unwrap();
    process.wait().unwrap();

    wait_until("the server's folder is gone", a_minute, || files() == 1);
    assert!(TcpStream::connect(address()).is_err(), "the server is gone");
}

/// Whether `server` answers within a fifth of a second.
fn answers(server: &memcached::Server) -> bool {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    stream.write_all(b"version\r\n").unwrap();
    stream.read_exact(&mut [0; 8]).is_ok()
}
