use std::{fmt::Display, io, process::ExitCode};

/// Why the command ends with another code than 0.
pub(crate) enum Failure {
    /// 1: what was asked could not be done.
    Could(String),
    /// 2: it was asked in a way that makes no sense.
    Misuse(String),
    /// The reader of our output has gone; that is its right.
    ReaderGone,
}

impl Failure {
    pub(crate) fn could(error: impl Display) -> Self {
        Self::Could(error.to_string())
    }

    /// By value, as `map_err` hands it over.
    #[allow(clippy::needless_pass_by_value, reason = "a function for `map_err`")]
    pub(crate) fn misuse(error: impl Display) -> Self {
        Self::Misuse(error.to_string())
    }

    pub(crate) fn report(self) -> ExitCode {
        let (code, text) = match self {
            Self::Could(text) => (1, text),
            Self::Misuse(text) => (2, text),
            Self::ReaderGone => return ExitCode::SUCCESS,
        };
        eprintln!("cachalot: {text}");
        ExitCode::from(code)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else {
            Self::could(format!("the output could not be written: {error}"))
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}
