//! Keeps passwords in a database's URL out of messages.

#![cfg(any(feature = "postgres", feature = "mysql"))]

use percent_encoding::percent_decode_str;
use url::Url;

use crate::Failure;

/// Parses a server's URL. Drivers may include any part of an invalid URL in their message, so it is
/// parsed here first.
pub(super) fn parse(url: &str) -> Result<Url, Failure> {
    Url::parse(url).map_err(|error| {
        Failure::usage(format!(
            "invalid DATABASE_URL ({error}): expected scheme://user:password@host/name"
        ))
    })
}

/// Replaces the passwords of the URL, encoded and decoded, by `***` in a driver's message.
pub(super) fn hidden(message: &str, url: &Url) -> String {
    let query = url.query().unwrap_or_default().split('&');
    let in_query = query
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| name.contains("password"))
        .map(|(_, value)| value);
    let written = url.password().into_iter().chain(in_query);
    written
        .filter(|secret| !secret.is_empty())
        .flat_map(|secret| {
            [
                secret.into(),
                percent_decode_str(secret).decode_utf8_lossy(),
            ]
        })
        .fold(message.to_owned(), |text, secret| {
            text.replace(&*secret, "***")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_hidden_wherever_it_stands() {
        for url in [
            "postgres://me:hunter2@host/name",
            "postgres://me@host/name?sslpassword=hunter2",
            "postgres://me:hunter%32@host/name",
        ] {
            let message = hidden("user me gave hunter2", &parse(url).ok().unwrap());
            assert_eq!(message, "user me gave ***", "{url}");
        }
    }
}
