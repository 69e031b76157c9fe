use super::Cachalot;
use crate::{Error, tracker::Constructor};

/// Installs a cache with the settings from the environment: `Cachalot::from_env()?.install()`. Returns
/// its handle.
///
/// ```no_run
/// let cache = cachalot_diesel::install()?; // at the start of `main`, before anything connects
/// println!("cached in {}", cache.store_name());
/// # Ok::<(), cachalot_diesel::Error>(())
/// ```
///
/// # Errors
/// [`Error::Config`] if a setting is invalid, [`Error::ForeignDefault`] if Diesel already has a default
/// instrumentation.
pub fn install() -> Result<Cachalot, Error> {
    let cache = Cachalot::from_env()?;
    cache.install()?;
    Ok(cache)
}

/// As [`install`], for a program with a Diesel instrumentation of its own: pass the `constructor` that
/// it would pass to Diesel's `set_default_instrumentation`.
///
/// # Errors
/// [`Error::Config`] if a setting is invalid.
pub fn install_with(constructor: Constructor) -> Result<Cachalot, Error> {
    let cache = Cachalot::from_env()?;
    cache.install_with(constructor)?;
    Ok(cache)
}
