//! Plans: what a statement depends on, and whether it may be cached, computed from its analysis and
//! the database's catalog. Queries neither the store nor the database itself.

mod catalogs;
mod plan;
mod side_effects;

use std::sync::Arc;

pub(crate) use catalogs::CatalogSnapshot;
pub(crate) use plan::Plan;
pub(crate) use side_effects::SideEffects;

use crate::{
    Error,
    bypass::BypassReason,
    catalog::Catalog,
    config::Config,
    protocol::{Epoch, Token},
    stats::Counters,
    store::StoreError,
};

pub(crate) struct Planner {
    config: Arc<Config>,
    counters: Arc<Counters>,
    epochs: Box<dyn EpochSource>,
    plans: plan::Plans,
    catalogs: catalogs::Catalogs,
}

/// The epoch of the namespace.
pub(crate) trait EpochSource: Send + Sync {
    /// The tokens of the current epoch. Creates missing records.
    fn present(&self) -> Result<Epoch, BypassReason>;

    /// Is this the current epoch?
    fn is_current(&self, epoch: &Epoch) -> bool;

    /// Publishes the hash of the catalog loaded in an epoch. `false` if another process loaded a
    /// different one: the schema has changed, but the epoch has not.
    fn agrees(
        &self,
        epoch: Token,
        database: &str,
        hash: &str,
        catalog: &Catalog,
    ) -> Result<bool, StoreError>;

    /// Changes the epoch, which invalidates everything.
    fn renew(&self) -> Result<(), Error>;
}

impl Planner {
    pub(crate) fn new(
        config: &Arc<Config>,
        counters: &Arc<Counters>,
        epochs: Box<dyn EpochSource>,
    ) -> Self {
        Self {
            config: Arc::clone(config),
            counters: Arc::clone(counters),
            epochs,
            plans: plan::Plans::new(),
            catalogs: catalogs::Catalogs::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{catalog::Facts, protocol::EPOCHS, statement::Dialect};

    /// An epoch that a test changes, and the catalog hashes that were published in each.
    #[derive(Default)]
    struct Epochs {
        present: Mutex<u8>,
        agreed: Mutex<Vec<(Token, String)>>,
    }

    fn epoch(number: u8) -> Epoch {
        [Token::from_bytes([number; Token::LEN]); EPOCHS]
    }

    impl EpochSource for Arc<Epochs> {
        fn present(&self) -> Result<Epoch, BypassReason> {
            Ok(epoch(*self.present.lock().unwrap()))
        }

        fn is_current(&self, other: &Epoch) -> bool {
            epoch(*self.present.lock().unwrap()) == *other
        }

        fn agrees(
            &self,
            epoch: Token,
            _: &str,
            hash: &str,
            _: &Catalog,
        ) -> Result<bool, StoreError> {
            let mut agreed = self.agreed.lock().unwrap();
            if let Some((_, known)) = agreed.iter().find(|(of, _)| *of == epoch) {
                return Ok(known == hash);
            }
            agreed.push((epoch, hash.to_owned()));
            Ok(true)
        }

        fn renew(&self) -> Result<(), Error> {
            *self.present.lock().unwrap() += 1;
            Ok(())
        }
    }

    impl Planner {
        pub(super) fn without_store() -> Self {
            planner(&Arc::default())
        }
    }

    fn planner(epochs: &Arc<Epochs>) -> Planner {
        let (config, counters) = (Arc::default(), Arc::default());
        Planner::new(&config, &counters, Box::new(Arc::clone(epochs)))
    }

    fn load(planner: &Planner, tables: &[&str]) -> Result<CatalogSnapshot, BypassReason> {
        let facts = Facts::with_tables(Dialect::Sqlite, tables);
        planner.catalog(&"db".into(), true, || Ok::<_, String>(Some(facts)))
    }

    #[test]
    fn a_catalog_is_loaded_once_while_its_epoch_lasts() {
        let epochs = Arc::default();
        let planner = planner(&epochs);
        let known = load(&planner, &["users"]).unwrap();
        let again = planner.catalog(&"db".into(), true, || -> Result<_, String> {
            panic!("loaded twice")
        });
        assert_eq!(again.unwrap().catalog.id(), known.catalog.id());
        assert!(planner.is_current(&known));
        epochs.renew().unwrap();
        assert!(!planner.is_current(&known));
    }

    #[test]
    fn f01_a_catalog_that_differs_from_another_process_changes_the_epoch() {
        let epochs = Arc::default();
        let (one, other) = (planner(&epochs), planner(&epochs));
        let known = load(&one, &["users"]).unwrap();
        load(&other, &["users", "posts"]).unwrap();
        assert!(!one.is_current(&known));
    }

    #[test]
    fn a_failed_load_of_a_catalog_is_not_retried_at_once() {
        let planner = Planner::without_store();
        let failed = planner.catalog(&"db".into(), true, || Err("refused"));
        assert_eq!(failed.unwrap_err(), BypassReason::CatalogUnknown);
        let again = planner.catalog(&"db".into(), true, || -> Result<_, String> {
            panic!("loaded again")
        });
        assert_eq!(again.unwrap_err(), BypassReason::CatalogUnknown);
        assert_eq!(planner.counters.snapshot().catalog_errors, 1);
    }
}
