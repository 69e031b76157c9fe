use std::sync::Arc;

use crate::{
    Error,
    bypass::BypassReason,
    catalog::Catalog,
    planner::EpochSource,
    protocol::{CatalogComparison, Epoch, Token, Writes},
    store::StoreError,
    versions::VersionStore,
};

/// The version records, as the planner uses them.
pub(super) struct Epochs(pub(super) Arc<VersionStore>);

impl EpochSource for Epochs {
    fn current(&self) -> Result<Epoch, BypassReason> {
        self.0.current_epoch(true)
    }

    fn peek(&self) -> Result<Epoch, BypassReason> {
        self.0.current_epoch(false)
    }

    fn is_current(&self, epoch: &Epoch) -> bool {
        self.0.is_current(epoch)
    }

    fn share_catalog(
        &self,
        epoch: Token,
        database: &str,
        hash: &str,
        catalog: &Catalog,
    ) -> Result<CatalogComparison, StoreError> {
        self.0.share_catalog(epoch, database, hash, catalog)
    }

    fn announce_list(
        &self,
        epoch: &Epoch,
        list: Token,
        catalog: &Catalog,
    ) -> Result<bool, StoreError> {
        self.0.announce_list(epoch, list, catalog)
    }

    fn shared_catalog_hash(
        &self,
        epoch: Token,
        database: &str,
    ) -> Result<Option<String>, StoreError> {
        self.0.shared_catalog_hash(epoch, database)
    }

    fn renew(&self) -> Result<(), Error> {
        self.0.invalidate(&Writes::Everything)
    }
}
