#[cfg(test)]
mod tests;

use crate::{
    config::ConfigError,
    store::{OpenError, StoreError},
};

/// What can go wrong outside a read: a read never fails because of the cache.
///
/// No message repeats its cause; that is the error's [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting has a value that cannot be read; from `from_env` and `build`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store's URL is not one; from `build`.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store could not be asked; from `last_invalidation` and `table_status`.
    #[error("the cache could not be asked")]
    Store(#[from] StoreError),
    /// An invalidation is not delivered yet. This process bypasses the cache for those tables and
    /// delivers it as soon as the store answers; a process that ends before then cannot.
    #[error(
        "the invalidation of {tables} is not delivered yet, it will be as soon as the store answers"
    )]
    Undelivered {
        /// The tables, separated by commas; `*` stands for all.
        tables: String,
        /// Why the store did not take it.
        source: StoreError,
    },
    /// The connection has an instrumentation of its own, which cannot be taken out of it; pass it
    /// to `Cachalot::watch_with`.
    #[error(
        "the connection already has an instrumentation, which `watch` would drop: \
         pass it to `watch_with`, or set it with `install_with` before connecting"
    )]
    ForeignInstrumentation,
    /// A default instrumentation is set, which `install` would replace; pass its constructor to
    /// `install_with`.
    #[error(
        "Diesel already has a default instrumentation, which `install` would replace: \
         pass its constructor to `install_with`"
    )]
    ForeignDefault,
    /// Diesel refused to set the default instrumentation.
    #[error("Diesel did not take the default instrumentation")]
    Install(#[source] diesel::result::Error),
}
