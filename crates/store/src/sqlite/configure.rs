//! Configuration from another process: `ringup key create` while the server runs, or while none does.

use std::path::Path;

use super::catalog::Catalog;
use super::lock::DirectoryLock;
use crate::sealed::SealingKey;
use crate::seam::{Change, Configuration, StoreError};

/// Reads and changes the configuration of a data folder without owning it. Blocks for some milliseconds; a server that
/// runs sees the change through `Store::outside_changes`.
pub struct Configurator {
    catalog: Catalog,
}

impl Configurator {
    /// Makes the catalogue where nothing is yet; refuses a folder whose catalogue is lost, as a server would.
    ///
    /// Its secrets are opened with the key that is given, else with the one in the folder.
    pub fn open(data_dir: &Path, key: Option<&SealingKey>) -> Result<Configurator, StoreError> {
        std::fs::create_dir_all(data_dir).map_err(|error| {
            StoreError::Unavailable(format!("the data folder {} cannot be made: {error}", data_dir.display()).into())
        })?;
        Ok(Configurator { catalog: Catalog::open(data_dir, key, None)? })
    }

    /// Seals all secrets of a folder with another key: the one given, or a new one in the file beside them. Answers of how
    /// many endpoints. Refused while a server has the folder.
    pub fn rotate_key(
        data_dir: &Path,
        old: Option<&SealingKey>,
        new: Option<&SealingKey>,
    ) -> Result<usize, StoreError> {
        let lock = DirectoryLock::take(data_dir)?;
        let count = Configurator::open(data_dir, old)?.catalog.rotate(data_dir, new)?;
        drop(lock);
        Ok(count)
    }

    pub fn load(&self) -> Result<Configuration, StoreError> {
        self.catalog.load().map_err(StoreError::from)
    }

    /// As `Store::change`.
    pub fn change(&mut self, change: &Change) -> Result<i64, StoreError> {
        self.catalog.change(change).map_err(StoreError::from)
    }
}
