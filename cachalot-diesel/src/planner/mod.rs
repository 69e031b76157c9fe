//! Plans: what a statement depends on, and whether it may be cached, computed from its analysis and
//! the database's catalog. Queries neither the store nor the database itself.

mod catalogs;
mod key_values;
mod plan;
mod read_keys;
mod side_effects;
mod written;

use std::sync::Arc;

pub(crate) use catalogs::CatalogSnapshot;
pub(crate) use key_values::KeyValues;
pub(crate) use plan::Plan;
pub(crate) use side_effects::SideEffects;
pub(crate) use written::WrittenRows;

use crate::{
    Error,
    bypass::BypassReason,
    catalog::Catalog,
    config::Config,
    policy::{self, DeclaredKeys},
    protocol::{CatalogComparison, Epoch, Token},
    stats::Counters,
    store::StoreError,
};

pub(crate) struct Planner {
    config: Arc<Config>,
    counters: Arc<Counters>,
    epochs: Box<dyn EpochSource>,
    plans: plan::Plans,
    catalogs: catalogs::Catalogs,
    declared_keys: Arc<DeclaredKeys>,
}

/// The epoch of the namespace.
pub(crate) trait EpochSource: Send + Sync {
    /// The tokens of the current epoch. Creates missing records.
    fn current(&self) -> Result<Epoch, BypassReason>;

    /// The current tokens, without creating anything. Missing records have fresh tokens.
    fn peek(&self) -> Result<Epoch, BypassReason>;

    /// Is this the current epoch?
    fn is_current(&self, epoch: &Epoch) -> bool;

    /// Compares a catalog with those that other processes have loaded under the same epoch, and stores
    /// its hash. If they differ, the schema was changed without a new epoch.
    fn share_catalog(
        &self,
        epoch: Token,
        database: &str,
        hash: &str,
        catalog: &Catalog,
    ) -> Result<CatalogComparison, StoreError>;

    /// Writes the new id of the list of families to the epoch. `false`: reads may not depend on families
    /// yet.
    fn announce_list(
        &self,
        epoch: &Epoch,
        list: Token,
        catalog: &Catalog,
    ) -> Result<bool, StoreError>;

    /// The hash of the catalog that other processes have loaded under an epoch, if any.
    fn shared_catalog_hash(
        &self,
        epoch: Token,
        database: &str,
    ) -> Result<Option<String>, StoreError>;

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
            declared_keys: Arc::new(policy::with_keys_of_models(config.key_columns.clone())),
        }
    }

    /// The columns by whose values reads and writes are told apart, beside those of keys.
    pub(crate) fn declared_keys(&self) -> Arc<DeclaredKeys> {
        Arc::clone(&self.declared_keys)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        catalog::Facts,
        protocol::{EPOCH_PARTS, FamilyListing},
    };
    use cachalot_sql::Dialect;

    /// An epoch that a test changes, and the catalog hashes that were published in each.
    #[derive(Default)]
    struct Epochs {
        present: Mutex<u8>,
        agreed: Mutex<Vec<(Token, String)>>,
    }

    fn epoch(number: u8) -> Epoch {
        [Token::from_bytes([number; Token::LEN]); EPOCH_PARTS]
    }

    impl EpochSource for Arc<Epochs> {
        fn current(&self) -> Result<Epoch, BypassReason> {
            Ok(epoch(*self.present.lock().unwrap()))
        }

        fn peek(&self) -> Result<Epoch, BypassReason> {
            self.current()
        }

        fn is_current(&self, other: &Epoch) -> bool {
            epoch(*self.present.lock().unwrap()) == *other
        }

        fn share_catalog(
            &self,
            epoch: Token,
            _: &str,
            hash: &str,
            _: &Catalog,
        ) -> Result<CatalogComparison, StoreError> {
            let mut agreed = self.agreed.lock().unwrap();
            let known = agreed.iter().find(|(of, _)| *of == epoch);
            let same = known.is_none_or(|(_, known)| known == hash);
            if known.is_none() {
                agreed.push((epoch, hash.to_owned()));
            }
            Ok(CatalogComparison {
                same,
                families: FamilyListing::Unlisted,
            })
        }

        fn announce_list(&self, _: &Epoch, _: Token, _: &Catalog) -> Result<bool, StoreError> {
            Ok(false)
        }

        fn shared_catalog_hash(&self, epoch: Token, _: &str) -> Result<Option<String>, StoreError> {
            let agreed = self.agreed.lock().unwrap();
            let known = agreed.iter().find(|(of, _)| *of == epoch);
            Ok(known.map(|(_, hash)| hash.clone()))
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
    fn k08_programs_that_declare_other_keys_do_not_compare_their_catalogs() {
        let epochs: Arc<Epochs> = Arc::default();
        let mut names = Vec::new();
        for column in [None, Some("slug"), Some("title")] {
            let mut config = Config::default();
            if let Some(column) = column {
                config.key_columns.insert("posts", column);
            }
            let planner = Planner::new(
                &Arc::new(config),
                &Arc::default(),
                Box::new(Arc::clone(&epochs)),
            );
            names.push(planner.shared_name("db").into_owned());
        }
        assert_eq!(names[0], "db");
        assert!(names[1] != names[2] && names[1] != names[0]);
    }

    #[test]
    fn c03_a_lagging_servers_catalog_is_used_only_where_others_have_the_same() {
        let epochs = Arc::default();
        let lagging = |tables: &[&str]| {
            let facts = Facts::with_tables(Dialect::Postgres, tables);
            let known =
                planner(&epochs).catalog_for_replica(&"db".into(), || Ok::<_, String>(Some(facts)));
            known.map(|known| known.catalog.has(&Arc::from("users")))
        };
        assert_eq!(
            lagging(&["users"]),
            Err(BypassReason::Replica),
            "no other process has a catalog"
        );
        assert!(epochs.agreed.lock().unwrap().is_empty());
        let facts = Facts::with_tables(Dialect::Postgres, &["users"]);
        let primary = planner(&epochs);
        let known = primary.catalog(&"db".into(), true, || Ok::<_, String>(Some(facts)));
        assert_eq!(lagging(&["users"]), Ok(true));
        assert_eq!(lagging(&["users", "former"]), Err(BypassReason::Replica));
        assert!(primary.is_current(&known.unwrap()), "nothing is renewed");
    }

    #[test]
    fn a_catalog_that_cannot_be_loaded_is_not_asked_for_again_at_once() {
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
