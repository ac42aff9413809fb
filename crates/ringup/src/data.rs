//! Opens the store that the configuration names.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use ringup_core::ports::Random as _;
use ringup_store::catcher::{Limits, LocalCatchers, SqliteCatchers};
use ringup_store::postgres::{self, PostgresStore};
use ringup_store::sqlite::{DirectoryLock, Plan, SqliteStore};
use ringup_store::{CatcherStore, Store};
use tracing::info;

use crate::config::table::{self, Config};
use crate::health::Health;
use crate::shell::SystemRandom;

/// For tests of what a crash leaves behind: `point:pass`, where the process dies on that pass of that point.
const FAILPOINT_VARIABLE: &str = "RINGUP_FAILPOINT";

/// Who this node is, in the data folder.
const NODE_FILE: &str = "node.id";

/// An open store, and what must stay with it.
pub struct Opened {
    pub store: Arc<dyn Store>,
    postgres: Option<Arc<PostgresStore>>,
    /// A store in files holds its own.
    _lock: Option<DirectoryLock>,
}

impl Opened {
    /// Comes back, with the reason, when another node has taken over: nothing of this one is written any more.
    pub async fn lost(&self) -> Arc<str> {
        match &self.postgres {
            Some(store) => store.lost().await,
            None => std::future::pending().await,
        }
    }
}

/// Waits for a database that cannot be reached, or whose schema older nodes still need as it is; `health` is told for what.
pub async fn open(config: &Config, failpoint: Option<&str>, health: &Health) -> anyhow::Result<Opened> {
    if let Some(url) = &config.store.url {
        return open_database(config, url.expose(), health.clone()).await;
    }
    let config = &config.store;
    let failpoint = failpoint.map(|text| text.parse().map(Arc::new).map_err(anyhow::Error::msg)).transpose();
    let plan = Plan {
        encryption_key: config.encryption_key.as_ref().map(|key| key.sealing().clone()),
        idempotency_window: config.idempotency_window,
        failpoint: failpoint.context(FAILPOINT_VARIABLE)?,
        ..Plan::new(&config.data_dir)
    };
    Ok(Opened { store: Arc::new(SqliteStore::open(plan).await?), postgres: None, _lock: None })
}

async fn open_database(config: &Config, url: &str, health: Health) -> anyhow::Result<Opened> {
    let data_dir = &config.store.data_dir;
    let lock = DirectoryLock::hold(data_dir)?;
    let mut plan = plan(config, url, node(data_dir)?)?;
    plan.tell = Arc::new(move |what| health.waits_for(what));
    let store = Arc::new(PostgresStore::open(plan).await?);
    Ok(Opened { store: store.clone(), postgres: Some(store), _lock: Some(lock) })
}

/// How the database is used, by a process of this name.
pub fn plan(config: &Config, url: &str, name: String) -> anyhow::Result<postgres::Plan> {
    let Some(key) = &config.store.encryption_key else {
        bail!(
            "store.url needs store.encryption_key, the same on every node: 32 bytes in base64, such as `openssl rand \
             -base64 32` makes"
        );
    };
    let roots = ringup_egress::load_roots(&config.egress.ca_files).context("egress.ca_files")?;
    let mut plan = postgres::Plan::new(url, &roots, key.sealing().clone(), name)?;
    plan.idempotency_window = config.store.idempotency_window;
    plan.node_address = config.store.node_address;
    Ok(plan)
}

/// Who this node is: made at the first start and kept in the folder, so that it takes up its own work at once when it is
/// started again.
fn node(data_dir: &Path) -> anyhow::Result<String> {
    let path = data_dir.join(NODE_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    }
    let mut random = [0; 8];
    SystemRandom.fill(&mut random);
    let name = format!("{:016x}", u64::from_be_bytes(random));
    std::fs::write(&path, format!("{name}\n")).with_context(|| path.display().to_string())?;
    Ok(name)
}

/// Beside the store: in the database that all nodes share, or in a file of their own in the folder.
pub async fn open_catchers(
    opened: &Opened,
    config: &table::Store,
    limits: Limits,
) -> anyhow::Result<Arc<dyn CatcherStore>> {
    let Some(store) = &opened.postgres else {
        let file = SqliteCatchers::open(config.data_dir.clone(), limits).await?;
        return Ok(Arc::new(LocalCatchers::load(Arc::new(file)).await?));
    };
    let catchers = store.catchers(limits);
    match catchers.bring(&config.data_dir).await? {
        0 => {}
        brought => info!(brought, "catchers that were in the data folder are in the database now, with their URLs"),
    }
    Ok(Arc::new(catchers))
}

/// The variable's value, where a test set it.
pub fn failpoint(environment: &crate::config::Environment) -> Option<String> {
    environment.get(FAILPOINT_VARIABLE).and_then(|value| value.to_str()).map(str::to_owned)
}
