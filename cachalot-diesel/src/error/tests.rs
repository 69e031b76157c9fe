use std::{error::Error as _, io, sync::Arc};

use super::Error;
use crate::{
    config::ConfigError,
    events::Chain,
    store::{OpenError, StoreError},
};

const REFUSED: &str = "connection refused";

fn io_error() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, REFUSED)
}

fn store_errors() -> Vec<StoreError> {
    vec![
        StoreError::Unavailable("it was left alone".to_owned()),
        StoreError::Io {
            server: "one:11211".to_owned(),
            source: Arc::new(io_error()),
        },
        StoreError::TooLarge { bytes: 2, limit: 1 },
        StoreError::Protocol("it speaks another language".to_owned()),
    ]
}

fn open_errors() -> Vec<OpenError> {
    let text = || "here".to_owned();
    vec![
        OpenError::NoScheme,
        OpenError::UnknownScheme { scheme: text() },
        OpenError::MissingFeature {
            scheme: "memcache",
            feature: "memcached",
        },
        OpenError::Credentials { scheme: "memory" },
        OpenError::UnexpectedPart {
            scheme: "memory",
            part: "host",
            example: "`memory://`",
        },
        OpenError::NoServer,
        OpenError::NoHost,
        OpenError::InvalidHost { host: text() },
        OpenError::InvalidPort {
            host: text(),
            port: text(),
        },
        OpenError::Unresolved {
            server: text(),
            reason: io_error(),
        },
    ]
}

fn config_errors() -> Vec<ConfigError> {
    vec![
        ConfigError::Variable {
            variable: "CACHALOT_URL",
            problem: "got `x`".to_owned(),
            expected: "a URL",
        },
        ConfigError::Method {
            method: "namespace",
            problem: "but it is empty".to_owned(),
            expected: "a name",
        },
    ]
}

fn errors() -> Vec<Error> {
    let install = diesel::result::Error::QueryBuilderError(Box::new(io_error()));
    let mut errors = vec![
        Error::ForeignInstrumentation,
        Error::ForeignDefault,
        Error::Install(install),
    ];
    errors.extend(config_errors().into_iter().map(Error::Config));
    errors.extend(open_errors().into_iter().map(Error::Open));
    for source in store_errors() {
        errors.push(Error::Store(source.clone()));
        errors.push(Error::Undelivered {
            tables: "posts".to_owned(),
            source,
        });
    }
    errors
}

fn assert_causes_are_shown_once(error: &(dyn std::error::Error + 'static)) {
    if let Some(cause) = error.source() {
        let (text, cause) = (error.to_string(), cause.to_string());
        assert!(!text.contains(&cause), "`{text}` repeats `{cause}`");
    }
    let chain = Chain(error).to_string();
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    let innermost = last.to_string();
    assert_eq!(chain.matches(&innermost).count(), 1, "{chain}");
}

#[test]
fn no_error_repeats_its_cause() {
    for error in store_errors() {
        assert_causes_are_shown_once(&error);
    }
    for error in open_errors() {
        assert_causes_are_shown_once(&error);
    }
    for error in config_errors() {
        assert_causes_are_shown_once(&error);
    }
    for error in errors() {
        assert_causes_are_shown_once(&error);
    }
}

#[test]
fn the_io_error_of_a_failed_connection_is_the_source() {
    let error = Error::from(store_errors().remove(1));
    let failed = error.source().unwrap();
    assert!(failed.downcast_ref::<StoreError>().is_some());
    assert_eq!(failed.source().unwrap().to_string(), REFUSED);
    assert_eq!(
        Chain(&error).to_string(),
        format!("cannot read from the store: the store did not answer: one:11211: {REFUSED}")
    );
}
