//! Configuration from another process: `ringup key create` while the server runs, or while none does.

use std::path::Path;

use super::catalog::Catalog;
use crate::seam::{Change, Configuration, StoreError};

/// Reads and changes the configuration of a data folder without owning it. Blocks for some milliseconds; a server that
/// runs sees the change through `Store::outside_changes`.
pub struct Configurator {
    catalog: Catalog,
}

impl Configurator {
    /// Makes the catalogue where nothing is yet; refuses a folder whose catalogue is lost, as a server would.
    pub fn open(data_dir: &Path) -> Result<Configurator, StoreError> {
        std::fs::create_dir_all(data_dir).map_err(|error| {
            StoreError::Unavailable(format!("the data folder {} cannot be made: {error}", data_dir.display()).into())
        })?;
        Ok(Configurator { catalog: Catalog::open(data_dir, None)? })
    }

    pub fn load(&self) -> Result<Configuration, StoreError> {
        self.catalog.load().map_err(StoreError::from)
    }

    /// As `Store::change`.
    pub fn change(&mut self, change: &Change) -> Result<i64, StoreError> {
        self.catalog.change(change).map_err(StoreError::from)
    }
}
