use super::Cachalot;
use crate::{Error, tracker::Constructor};

/// Reads the settings from the environment, and has every connection that is opened from now on
/// report its writes: `Cachalot::from_env()?.install()`, returning the handle.
///
/// ```no_run
/// let cache = cachalot_diesel::install()?; // at the start of `main`, before anything connects
/// println!("cached in {}", cache.store_name());
/// # Ok::<(), cachalot_diesel::Error>(())
/// ```
///
/// # Errors
/// A setting that cannot be read, or an instrumentation that it would replace
/// ([`Error::ForeignDefault`]).
pub fn install() -> Result<Cachalot, Error> {
    let cache = Cachalot::from_env()?;
    cache.install()?;
    Ok(cache)
}

/// As [`install`], for a program with a Diesel instrumentation of its own: `constructor` is what
/// it would give to Diesel's `set_default_instrumentation`.
///
/// # Errors
/// A setting that cannot be read.
pub fn install_with(constructor: Constructor) -> Result<Cachalot, Error> {
    let cache = Cachalot::from_env()?;
    cache.install_with(constructor)?;
    Ok(cache)
}
