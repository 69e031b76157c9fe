//! Servers that send invalid or late replies, or close the connection.

use super::*;

/// A server that replies to each command with the next of `answers`, and closes the connection on an
/// empty one. Also returns the count of commands.
fn scripted(answers: &'static [&'static str]) -> (MemcachedStore, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    thread::spawn(move || {
        let mut answers = answers.iter();
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|length| length > 0) {
                if line.starts_with("ms ") {
                    stream.read_line(&mut line).unwrap();
                }
                counter.fetch_add(1, Ordering::SeqCst);
                match answers.next() {
                    Some(answer) if !answer.is_empty() => {
                        stream.get_mut().write_all(answer.as_bytes()).unwrap();
                    }
                    _ => break,
                }
                line.clear();
            }
        }
    });
    (
        MemcachedStore::connect(&[address], LONG_TIMEOUT).unwrap(),
        requests,
    )
}

#[test]
fn a_failed_write_is_not_resent() {
    // The first reply leaves an idle connection, so the client could resend the second command on a
    // new one.
    let (store, requests) = scripted(&["HD c1 O0\r\n", "", "HD c2 O0\r\n"]);
    assert!(matches!(
        try_set(&store, "aa", b"v"),
        Ok(Reply::Stored(Some(_)))
    ));
    assert_unavailable(&try_set(&store, "aa", b"w"));
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

#[test]
fn a_late_reply_is_not_taken_for_that_to_a_later_command() {
    let (store, _) = scripted(&["VA 1 c1 O0\r\na\r\n", "VA 1 c2 O0\r\nb\r\n"]);
    assert!(matches!(try_get(&store, "aa"), Ok(Reply::Item { .. })));
    let reply = try_get(&store, "bb");
    assert!(matches!(reply, Err(StoreError::Protocol(_))), "{reply:?}");
}

#[test]
fn a_read_is_resent_once_after_the_server_closed_the_connection() {
    let (store, requests) = scripted(&["VA 1 c1 O0\r\na\r\n", "", "VA 1 c2 O0\r\nb\r\n"]);
    assert!(matches!(try_get(&store, "aa"), Ok(Reply::Item { .. })));
    assert!(matches!(try_get(&store, "aa"), Ok(Reply::Item { value, .. }) if value == b"b"));
    let (store, requests_without_reply) = scripted(&["VA 1 c1 O0\r\na\r\n", "", ""]);
    assert!(matches!(try_get(&store, "aa"), Ok(Reply::Item { .. })));
    assert_unavailable(&try_get(&store, "aa"));
    let counted = [requests, requests_without_reply].map(|counter| counter.load(Ordering::SeqCst));
    assert_eq!(counted, [3, 3]);
}

#[test]
fn invalid_replies_are_errors() {
    for answer in [
        "\r\n",
        "HTTP/1.1 400 Bad Request\r\n",
        "VA\r\n",
        "VA -1 c1 O0\r\n",
        "VA 99999999999999999999 c1 O0\r\n",
        "VA 2 c1 O0\r\nabcd\r\n",
        "VA 1 O0\r\na\r\n",
        "VA 1 cx O0\r\na\r\n",
        "VA 1 c1 O1\r\na\r\n",
        "VA 1 c1\r\na\r\n",
        "HD O0\r\n",
        "NS O0\r\n",
        "EX O0\r\n",
        "MN\r\n",
        "SERVER_ERROR out of memory\u{1b}[31m\r\n",
        "CLIENT_ERROR bad\r\n",
        "\u{0}\u{0}\r\n",
    ] {
        let (store, _) = scripted(Box::leak(Box::new([answer])));
        let reply = try_get(&store, "aa");
        let Err(StoreError::Protocol(message)) = &reply else {
            panic!("{answer:?}: {reply:?}")
        };
        assert!(!message.contains(char::is_control), "{message:?}");
    }
}

#[test]
fn a_memcached_without_the_meta_protocol_is_recognised() {
    let (store, _) = scripted(&["ERROR\r\n"]);
    let reply = try_get(&store, "aa");
    let Err(StoreError::Protocol(message)) = &reply else {
        panic!("{reply:?}")
    };
    assert!(message.contains("memcached 1.6 or later"), "{message}");
}
