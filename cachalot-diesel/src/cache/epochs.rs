use std::sync::Arc;

use crate::{
    Error,
    bypass::BypassReason,
    catalog::Catalog,
    planner::EpochSource,
    protocol::{Agreed, Epoch, Token, Writes},
    store::StoreError,
    versions::VersionStore,
};

/// What the planner needs of the version records.
pub(super) struct Epochs(pub(super) Arc<VersionStore>);

impl EpochSource for Epochs {
    fn present(&self) -> Result<Epoch, BypassReason> {
        self.0.present_epoch(true)
    }

    fn seen(&self) -> Result<Epoch, BypassReason> {
        self.0.present_epoch(false)
    }

    fn is_current(&self, epoch: &Epoch) -> bool {
        self.0.is_current(epoch)
    }

    fn agrees(
        &self,
        epoch: Token,
        database: &str,
        hash: &str,
        catalog: &Catalog,
    ) -> Result<Agreed, StoreError> {
        self.0.agrees(epoch, database, hash, catalog)
    }

    fn announce_list(
        &self,
        epoch: &Epoch,
        list: Token,
        catalog: &Catalog,
    ) -> Result<bool, StoreError> {
        self.0.announce_list(epoch, list, catalog)
    }

    fn agreed(&self, epoch: Token, database: &str) -> Result<Option<String>, StoreError> {
        self.0.agreed(epoch, database)
    }

    fn renew(&self) -> Result<(), Error> {
        self.0.invalidate(&Writes::Everything)
    }
}
