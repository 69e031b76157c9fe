use std::{io, time::Duration};

use serde::Serialize;

use crate::{
    memcached::Connection,
    output::{megabytes, roughly},
};

pub(super) const HEADER: [&str; 7] = [
    "server",
    "version",
    "up",
    "items",
    "memory",
    "evictions",
    "least used item",
];

/// The statistics of a memcached server.
#[derive(Serialize)]
pub(super) struct Row {
    server: String,
    #[serde(flatten)]
    answer: Answer,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Numbers(Numbers),
    Error { error: String },
}

#[derive(Serialize)]
struct Numbers {
    version: String,
    uptime_seconds: Option<u64>,
    items: Option<u64>,
    bytes: Option<u64>,
    limit_bytes: Option<u64>,
    evictions: Option<u64>,
    /// How long the item that would be evicted next has not been read.
    longest_unused_seconds: Option<u64>,
}

impl Row {
    pub(super) fn of(server: String) -> Self {
        let answer = match ask(&server) {
            Ok(numbers) => Answer::Numbers(numbers),
            Err(error) => Answer::Error {
                error: error.to_string(),
            },
        };
        Self { server, answer }
    }

    pub(super) fn cells(&self) -> [String; 7] {
        let unknown = || "?".to_owned();
        let seconds = |seconds: u64| roughly(Duration::from_secs(seconds));
        let number = |number: Option<u64>| number.map_or_else(unknown, |it| it.to_string());
        let [version, up, items, memory, evictions, unused] = match &self.answer {
            Answer::Error { error } => [
                error.clone(),
                unknown(),
                unknown(),
                unknown(),
                unknown(),
                unknown(),
            ],
            Answer::Numbers(numbers) => [
                numbers.version.clone(),
                numbers.uptime_seconds.map_or_else(unknown, seconds),
                number(numbers.items),
                match (numbers.bytes, numbers.limit_bytes) {
                    (Some(bytes), Some(limit)) => {
                        format!("{} of {}", megabytes(bytes), megabytes(limit))
                    }
                    _ => unknown(),
                },
                number(numbers.evictions),
                match numbers.longest_unused_seconds {
                    Some(length) => format!("unused for {}", seconds(length)),
                    None => "none".to_owned(),
                },
            ],
        };
        [
            self.server.clone(),
            version,
            up,
            items,
            memory,
            evictions,
            unused,
        ]
    }
}

fn ask(server: &str) -> io::Result<Numbers> {
    let mut connection = Connection::open(server)?;
    let version = connection.version()?;
    let stats = connection.statistics("stats")?;
    let items = connection.statistics("stats items")?;
    Ok(Numbers {
        version,
        uptime_seconds: stats.number("uptime"),
        items: stats.number("curr_items"),
        bytes: stats.number("bytes"),
        limit_bytes: stats.number("limit_maxbytes"),
        evictions: stats.number("evictions"),
        longest_unused_seconds: items
            .by_class("age")
            .map(|(_, age)| age)
            .max()
            .filter(|age| *age > 0),
    })
}
