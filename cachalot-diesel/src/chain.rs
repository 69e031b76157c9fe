use std::{error::Error, fmt};

/// An error and its causes in one line, for those who are given no error value: logs, and errors
/// that hold text.
///
/// Errors of other crates may repeat their cause in their own text; it is shown once.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.to_string();
        f.write_str(&shown)?;
        let mut error = self.0;
        while let Some(cause) = error.source() {
            let text = cause.to_string();
            if !shown.ends_with(&text) {
                write!(f, ": {text}")?;
                shown = text;
            }
            error = cause;
        }
        Ok(())
    }
}
