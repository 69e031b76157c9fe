use std::fmt::Display;

use quote::ToTokens;
use syn::Error;

/// Collects all errors of a type, so that the compiler shows them all at once.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Adds an error at these tokens, with a help line.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display, help: &str) {
        self.push(Error::new_spanned(tokens, with_help(message, help)));
    }

    pub(crate) fn finish(self) -> Result<(), Error> {
        self.0.map_or(Ok(()), Err)
    }
}

pub(crate) fn with_help(message: impl Display, help: &str) -> String {
    format!("{message}\nhelp: {help}")
}
