//! What the process tells its operator of itself.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use ringup_app::App;
use ringup_app::fleet::{Disk, Engine, House, SAMPLE_EVERY, SettingLine, SystemFacts};
use ringup_core::gauge::{LaneGauge, Spread};
use ringup_core::ports::Clock as _;
use ringup_dispatch::Watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::config::{Origin, Settings, table};
use crate::shell::SystemClock;

/// The dispatcher, as `app` asks it.
struct Watched(Watch);

impl Engine for Watched {
    fn lanes(&self) -> Pin<Box<dyn Future<Output = Vec<LaneGauge>> + Send + '_>> {
        Box::pin(self.0.lanes())
    }

    fn first_attempts(&self) -> Spread {
        self.0.first_attempts()
    }
}

pub fn house(store: &table::Store, settings: &Settings, watch: Watch) -> House {
    let lines = settings.lines().map(|(name, value, origin)| SettingLine {
        name,
        value: value.to_owned(),
        origin: origin.to_string(),
        is_default: *origin == Origin::Default,
    });
    let data_dir = std::path::absolute(&store.data_dir).unwrap_or_else(|_| store.data_dir.clone());
    let looked_at = data_dir.clone();
    House {
        engine: Arc::new(Watched(watch)),
        facts: SystemFacts {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: SystemClock.now(),
            data_dir,
            backup_dir: store.backup_dir.clone(),
            settings: lines.collect(),
        },
        disk: Arc::new(move || disk(&looked_at)),
    }
}

/// Space on the disk that a folder is on, as far as it is ours to use.
#[cfg(unix)]
fn disk(folder: &Path) -> Option<Disk> {
    let told = rustix::fs::statvfs(folder).ok()?;
    Some(Disk { free: told.f_bavail.saturating_mul(told.f_frsize), whole: told.f_blocks.saturating_mul(told.f_frsize) })
}

#[cfg(not(unix))]
fn disk(_: &Path) -> Option<Disk> {
    None
}

/// Notes figures for rates and trends until the process stops.
pub async fn sample(app: Arc<App>, stop: CancellationToken) {
    let mut turns = tokio::time::interval(SAMPLE_EVERY);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(turns.tick()).await.is_some() {
        if let Err(error) = app.note_load().await {
            warn!(%error, "the store could not be asked how much it holds");
        }
    }
}
