//! The configuration, changed by a command beside the server, wherever it is kept.

use ringup_store::StoreError;
use ringup_store::seam::{Change, Configuration};
use ringup_store::{postgres, sqlite};
use tokio::runtime::Runtime;

use crate::config::table::Config;
use crate::config::value::secret::EncryptionKey;
use crate::data;

/// Under this name changes are counted that no node made; nodes have names of sixteen hexadecimal digits.
const NAME: &str = "command line";

/// Blocks while it asks.
pub enum Configurator {
    Folder(sqlite::Configurator),
    Database(Runtime, Box<postgres::Configurator>),
}

impl Configurator {
    pub fn open(config: &Config) -> anyhow::Result<Configurator> {
        let store = &config.store;
        let Some(url) = &store.url else {
            let key = store.encryption_key.as_ref().map(EncryptionKey::sealing);
            return Ok(Configurator::Folder(sqlite::Configurator::open(&store.data_dir, key)?));
        };
        let plan = data::plan(config, url.expose(), NAME.to_owned())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let opened = Box::new(runtime.block_on(postgres::Configurator::open(plan))?);
        Ok(Configurator::Database(runtime, opened))
    }

    pub fn load(&self) -> Result<Configuration, StoreError> {
        match self {
            Configurator::Folder(folder) => folder.load(),
            Configurator::Database(runtime, database) => runtime.block_on(database.load()),
        }
    }

    pub fn change(&mut self, change: &Change) -> Result<i64, StoreError> {
        match self {
            Configurator::Folder(folder) => folder.change(change),
            Configurator::Database(runtime, database) => runtime.block_on(database.change(change)),
        }
    }
}
