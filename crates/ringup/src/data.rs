//! Opens the store that the configuration names.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use ringup_store::catcher::{Limits, SqliteCatchers};
use ringup_store::sqlite::{Plan, SqliteStore};
use ringup_store::{CatcherStore, Store};

use crate::config::table;

/// For tests of what a crash leaves behind: `point:pass`, where the process dies on that pass of that point.
const FAILPOINT_VARIABLE: &str = "RINGUP_FAILPOINT";

pub async fn open(config: &table::Store, failpoint: Option<&str>) -> anyhow::Result<Arc<dyn Store>> {
    if config.url.is_some() {
        bail!("store.url is set, but this version keeps its store in a data folder only; unset store.url");
    }
    let failpoint = failpoint.map(|text| text.parse().map(Arc::new).map_err(anyhow::Error::msg)).transpose();
    let plan = Plan {
        encryption_key: config.encryption_key.as_ref().map(|key| key.sealing().clone()),
        idempotency_window: config.idempotency_window,
        failpoint: failpoint.context(FAILPOINT_VARIABLE)?,
        ..Plan::new(&config.data_dir)
    };
    Ok(Arc::new(SqliteStore::open(plan).await?))
}

/// The catchers' own file, in the folder that the store has opened.
pub async fn open_catchers(config: &table::Store, limits: Limits) -> anyhow::Result<Arc<dyn CatcherStore>> {
    Ok(Arc::new(SqliteCatchers::open(config.data_dir.clone(), limits).await?))
}

/// The variable's value, where a test set it.
pub fn failpoint(environment: &crate::config::Environment) -> Option<String> {
    environment.get(FAILPOINT_VARIABLE).and_then(|value| value.to_str()).map(str::to_owned)
}
