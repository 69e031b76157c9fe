use std::{error::Error, io, process::ExitCode};

/// Why the command fails, with its exit code.
pub(crate) enum Failure {
    /// Exit code 1: the operation failed.
    Failed(String),
    /// Exit code 2: a usage error.
    Usage(String),
    /// Exit code 0: the reader has closed our output.
    OutputClosed,
}

impl Failure {
    pub(crate) fn failed(error: impl Into<Box<dyn Error>>) -> Self {
        let error: Box<dyn Error> = error.into();
        Self::Failed(chain(&*error))
    }

    pub(crate) fn usage(error: impl Into<Box<dyn Error>>) -> Self {
        let error: Box<dyn Error> = error.into();
        Self::Usage(chain(&*error))
    }

    pub(crate) fn report(self) -> ExitCode {
        let (code, text) = match self {
            Self::Failed(text) => (1, text),
            Self::Usage(text) => (2, text),
            Self::OutputClosed => return ExitCode::SUCCESS,
        };
        eprintln!("cachalot: {text}");
        ExitCode::from(code)
    }
}

/// An error and its causes in one line. Errors of other crates may include their cause in their own
/// message; it is shown once.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut error = error;
    while let Some(cause) = error.source() {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        error = cause;
    }
    text
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            Self::failed(format!("cannot write the output: {error}"))
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt, sync::Arc};

    use cachalot_diesel::StoreError;

    use super::*;

    #[test]
    fn each_cause_is_printed_once() {
        let source = Arc::new(io::Error::other("no server is listening"));
        let server = "one:11211".to_owned();
        let error = cachalot_diesel::Error::Store(StoreError::Io { server, source });
        let Failure::Failed(text) = Failure::failed(error) else {
            panic!("not `Failed`");
        };
        let expected = "cannot read from the store: the store did not answer: one:11211: \
                        no server is listening";
        assert_eq!(text, expected);
    }

    #[derive(Debug)]
    struct Repeats(io::Error);

    impl fmt::Display for Repeats {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "it failed: {}", self.0)
        }
    }

    impl Error for Repeats {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_cause_that_an_error_repeats_is_printed_once() {
        let error = Repeats(io::Error::other("no server is listening"));
        assert_eq!(chain(&error), "it failed: no server is listening");
    }
}
