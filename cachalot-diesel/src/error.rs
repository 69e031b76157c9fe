#[cfg(test)]
mod tests;

use crate::{
    config::ConfigError,
    store::{OpenError, StoreError},
};

/// Errors of this library. Cached reads do not return them: a read never fails because of the cache.
///
/// Messages do not include the cause; that is the error's [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting has an invalid value; from `from_env` and `build`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store's URL is invalid; from `build`.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store could not be read; from `last_invalidation` and `table_status`.
    #[error("cannot read from the store")]
    Store(#[from] StoreError),
    /// An invalidation is pending. This process bypasses the cache for those tables and sends the
    /// invalidation as soon as the store answers. If the process ends before, it is lost.
    #[error(
        "the invalidation of {tables} is pending: it will be sent as soon as the store answers"
    )]
    Undelivered {
        /// The tables, separated by commas; `*` stands for all.
        tables: String,
        /// Why it could not be delivered.
        source: StoreError,
    },
    /// With [`OnOutage::Fail`](crate::OnOutage::Fail), a write was not sent because the store does not
    /// answer. It is inside the `QueryBuilderError` that Diesel returns.
    #[error(
        "refused: the cache's store does not answer, so other processes could not be told of this \
         write (CACHALOT_ON_OUTAGE=fail); nothing was sent to the database"
    )]
    Refused,
    /// The connection has an instrumentation of its own, which Diesel does not return. Pass it to
    /// `Cachalot::watch_with`.
    #[error(
        "the connection already has an instrumentation, which `watch` would drop: \
         pass it to `watch_with`, or set it with `install_with` before connecting"
    )]
    ForeignInstrumentation,
    /// Diesel has a default instrumentation, which `install` would replace. Pass its constructor to
    /// `install_with`.
    #[error(
        "Diesel already has a default instrumentation, which `install` would replace: \
         pass its constructor to `install_with`"
    )]
    ForeignDefault,
    /// Diesel returned an error when the default instrumentation was set.
    #[error("cannot set Diesel's default instrumentation")]
    Install(#[source] diesel::result::Error),
}
