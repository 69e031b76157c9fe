//! The names of the extension settings that a PostgreSQL connection was opened with.
//!
//! The server lists known settings only. Those of an extension that is not loaded yet have to be queried by
//! name.

use std::collections::BTreeSet;

/// The extension settings in a connection's URL or in the environment.
pub(crate) fn settings_of_url(url: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    // A URL, or libpq's key-value format.
    if let Some((_, options)) = url.split_once("options=") {
        let options = if url.contains("://") {
            options.split('&').next().unwrap_or_default()
        } else {
            options
        };
        names.extend(settings_of_options(&decoded(options)));
    }
    if let Ok(options) = std::env::var("PGOPTIONS") {
        names.extend(settings_of_options(&options));
    }
    names
}

/// The names with a dot before `=`: `-c hnsw.ef_search=100 --my-app.name=x`.
fn settings_of_options(options: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '-');
    for before in options.split('=') {
        let name = before.trim_end().rsplit(|c| !is_part(c)).next();
        // `-cname=` has no space; a dash in a long option means an underscore.
        let Some(name) = name else { continue };
        let name = match name.strip_prefix("--") {
            Some(long) => long.replace('-', "_"),
            None => name.strip_prefix("-c").unwrap_or(name).to_owned(),
        };
        if name.contains('.') {
            names.insert(name.to_lowercase());
        }
    }
    names
}

/// Percent-decodes a part of a URL.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = behind
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Vec<String> {
        settings_of_url(url).into_iter().collect()
    }

    #[test]
    fn the_options_of_a_url_are_read_in_all_their_forms() {
        for url in [
            "postgres://u:p@h/d?options=-c%20ivfflat.probes%3D50%20-cApp.Name%3dx&sslmode=require",
            "postgres://h/d?sslmode=disable&options=-c%20app.name%3Dx%20--ivfflat.probes%3D50",
            "host=h dbname=d options='-c ivfflat.probes=50 -c app.name=\\ x'",
        ] {
            assert_eq!(of(url), ["app.name", "ivfflat.probes"], "{url}");
        }
        assert_eq!(of("host=h options=--my-app.a-b=1"), ["my_app.a_b"]);
    }

    #[test]
    fn what_is_no_setting_of_an_extension_is_left_out() {
        for url in [
            "postgres://db.example.com/d?host=a.b",
            "postgres://h/d?options=-c%20work_mem%3D4MB&password=a.b",
            "postgres://h/d?options=%",
            "",
        ] {
            assert_eq!(of(url), Vec::<String>::new(), "{url}");
        }
    }
}
