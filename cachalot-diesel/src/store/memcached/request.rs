//! Encodes commands in the meta protocol.

use std::time::Duration;

use super::{
    super::Command,
    lifetime::lifetime,
    version::{Moment, number_on},
};

/// Appends a command that has passed its check, for a connection that was opened at that moment. The server repeats
/// `number` in its reply.
pub(super) fn encode(command: &Command<'_>, opened: Moment, number: u32, out: &mut Vec<u8>) {
    match *command {
        Command::Get { key } => {
            put(out, &["mg ", key, " v c"]);
            end(number, out);
        }
        Command::Set { key, value, ttl } => write(key, value, ttl, "", number, out),
        Command::Add { key, value, ttl } => write(key, value, ttl, " ME", number, out),
        Command::CompareAndSwap {
            key,
            value,
            ttl,
            version,
        } => {
            let cas = number_on(opened, version);
            write(key, value, ttl, &format!(" C{cas}"), number, out);
        }
        Command::Delete { key } => {
            put(out, &["md ", key]);
            end(number, out);
        }
    }
}

fn write(
    key: &str,
    value: &[u8],
    ttl: Option<Duration>,
    condition: &str,
    number: u32,
    out: &mut Vec<u8>,
) {
    put(out, &["ms ", key, " ", &value.len().to_string(), " c T"]);
    let seconds = ttl.map_or(0, lifetime);
    put(out, &[&seconds.to_string(), condition]);
    end(number, out);
    out.extend_from_slice(value);
    put(out, &["\r\n"]);
}

fn end(number: u32, out: &mut Vec<u8>) {
    put(out, &[" O", &number.to_string(), "\r\n"]);
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::{super::version::Opened, *};

    fn text(command: &Command<'_>) -> String {
        let mut out = Vec::new();
        encode(command, Opened::default().now(), 7, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn commands_are_encoded_in_the_meta_protocol() {
        let (key, value) = ("aa", b"v".as_slice());
        let ttl = Some(Duration::from_secs(60));
        let version = Opened::default().now().version(5).unwrap();
        assert_eq!(text(&Command::Get { key }), "mg aa v c O7\r\n");
        assert_eq!(text(&Command::Delete { key }), "md aa O7\r\n");
        assert_eq!(
            text(&Command::Set { key, value, ttl }),
            "ms aa 1 c T60 O7\r\nv\r\n"
        );
        let ttl = None;
        assert_eq!(
            text(&Command::Add { key, value, ttl }),
            "ms aa 1 c T0 ME O7\r\nv\r\n"
        );
        let swap = Command::CompareAndSwap {
            key,
            value,
            ttl,
            version,
        };
        assert_eq!(text(&swap), "ms aa 1 c T0 C5 O7\r\nv\r\n");
    }
}
