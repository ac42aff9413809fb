//! Catchers of a data folder come along: their URLs stay what they are.

use std::path::Path;

use ringup_core::catcher::Catcher;
use ringup_core::key::CatcherKey;

use super::PostgresCatchers;
use crate::catcher::{CatcherFile as _, CatcherStore as _, SqliteCatchers};
use crate::seam::StoreError;
use crate::sqlite;

/// What the file is called once its catchers are here.
const BROUGHT: &str = "catcher.db.moved";

impl PostgresCatchers {
    /// Takes over the catchers in this folder, without what they caught; answers how many. A folder whose store is its own
    /// keeps them: their accounts are none of these.
    pub async fn bring(&self, data_dir: &Path) -> Result<usize, StoreError> {
        let file = data_dir.join(sqlite::CATCHERS);
        if !file.exists() || !sqlite::has_given_up(data_dir)? {
            return Ok(0);
        }
        let old = SqliteCatchers::open(data_dir.to_owned(), self.limits).await?;
        let mut brought = 0;
        for remembered in old.load().await? {
            match self.put(Catcher { key: CatcherKey(0), ..remembered.catcher }).await {
                Ok(_) => brought += 1,
                // An earlier start came as far as this one.
                Err(StoreError::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        old.close().await?;
        std::fs::rename(&file, data_dir.join(BROUGHT)).map_err(|error| {
            let text = format!("{} cannot be renamed: {error}", file.display());
            StoreError::Unavailable(text.into())
        })?;
        Ok(brought)
    }
}
