//! Every page after every write, against a server that does not cache.

use cachalot_tests::unique;

use crate::{
    changes::{self, Change, PAGES},
    servers::{Place, Server},
};

/// Three processes write in turns; two of them answer from one cache.
pub(crate) fn after_every_write(database: &str, cache: &str) {
    let namespace = unique::name("blog");
    let place = Place {
        database,
        cache,
        namespace: &namespace,
    };
    let plain = Server::plain(place);
    let cached = [
        Server::cached("with the cache", place),
        Server::cached("with the same cache", place),
    ];
    run(&plain, &cached, &[&cached[0], &plain, &cached[1]]);
}

/// One process with the cache in its own memory: nobody else may write.
pub(crate) fn after_every_write_of_one_process(database: &str) {
    let place = Place {
        database,
        cache: "memory://",
        namespace: "blog",
    };
    let plain = Server::plain(place);
    let cached = [Server::cached("with its own cache", place)];
    run(&plain, &cached, &[&cached[0]]);
}

fn run(plain: &Server, cached: &[Server], writers: &[&Server]) {
    compare(plain, cached, "before the first write");
    let changes = changes::all();
    for (change, writer) in changes.iter().zip(writers.iter().cycle()) {
        write(change, writer);
        compare(plain, cached, &format!("after {change:?}"));
    }
    is_as_written(plain);
    for server in cached {
        let (hits, misses) = server.counts();
        assert!(
            hits > misses && misses > 0,
            "{}: {hits} hits, {misses} misses",
            server.name
        );
    }
    assert_eq!(plain.counts(), (0, 0), "{} uses none", plain.name);
}

fn write(change: &Change, writer: &Server) {
    let Change {
        method,
        path,
        body,
        status,
    } = change;
    let answer = writer.client.send(method.clone(), path, body.as_ref());
    assert_eq!(answer.status, *status, "{change:?}: {:?}", answer.body);
}

/// The first read of a page may be a miss, the second one is a hit where there can be one. Which
/// server is first changes from page to page, so each also reads what another has stored.
fn compare(plain: &Server, cached: &[Server], when: &str) {
    for (turn, page) in PAGES.into_iter().enumerate() {
        let expected = plain.client.get(page);
        for server in cached.iter().cycle().skip(turn).take(cached.len()) {
            for read in ["first", "second"] {
                assert_eq!(
                    server.client.get(page),
                    expected,
                    "{page} {when}, the {read} time {}",
                    server.name
                );
            }
        }
    }
}

/// Equal pages would prove little if they were all empty.
fn is_as_written(plain: &Server) {
    let titles = |page| {
        let list = plain.client.get(page).body;
        let list = list.as_array().unwrap().iter();
        list.map(|post| post["title"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(titles("/"), vec!["Post"; 10]);
    assert_eq!(titles("/tags/sea"), Vec::<String>::new());
    assert_eq!(plain.client.get("/posts/1").status, 404);
    let authors = plain.client.get("/authors").body;
    assert_eq!(authors[0]["name"], "Ada");
    assert_eq!(authors[0]["posts"], 10);
    assert_eq!(authors[0]["comments"], 0);
}
