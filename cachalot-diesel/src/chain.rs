use std::{error::Error, fmt};

/// Displays an error and its causes in one line, for logs.
///
/// Errors of other crates may include their cause in their own message; it is shown once.
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
