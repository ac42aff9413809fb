//! What must be done now and then: retention, and looking for configuration that another process changed.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::ports::Clock;
use ringup_store::catalogue::Catalogue;
use ringup_store::seam::{Retention, StoreError};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

#[derive(Clone, Copy, Debug)]
pub struct UpkeepPlan {
    pub retention: Retention,
    /// Between looks for what has outlived its retention.
    pub retain_every: Duration,
    /// Between looks for configuration changed by another process.
    pub refresh_every: Duration,
}

/// A running upkeep task.
pub struct Upkeep {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Upkeep {
    /// `tell` hears after each look at the store whether it answered, or with what error.
    pub fn start(
        plan: UpkeepPlan,
        catalogue: Arc<Catalogue>,
        clock: Arc<dyn Clock>,
        tell: impl Fn(Result<(), &StoreError>) + Send + Sync + 'static,
    ) -> Upkeep {
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(plan, catalogue, clock, tell, stop.clone()));
        Upkeep { stop, task }
    }

    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

async fn run(
    plan: UpkeepPlan,
    catalogue: Arc<Catalogue>,
    clock: Arc<dyn Clock>,
    tell: impl Fn(Result<(), &StoreError>) + Send + Sync + 'static,
    stop: CancellationToken,
) {
    let mut retain = interval_at(Instant::now() + plan.retain_every, plan.retain_every);
    let mut refresh = interval_at(Instant::now() + plan.refresh_every, plan.refresh_every);
    retain.set_missed_tick_behavior(MissedTickBehavior::Delay);
    refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // One line when it begins to fail, not four a second.
    let mut troubled = false;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = refresh.tick() => {
                let looked = catalogue.refresh().await;
                tell(looked.as_ref().map(drop));
                match looked {
                    Ok(true) => info!("configuration changed by another process was taken over"),
                    Ok(false) => troubled = false,
                    Err(error) if !troubled => {
                        troubled = true;
                        error!(%error, "the store does not answer");
                    }
                    Err(_) => {}
                }
            }
            _ = retain.tick() => match catalogue.store().retain(plan.retention, clock.now()).await {
                Ok(retained) if retained.days_removed + retained.days_compacted > 0 => {
                    info!(
                        days_removed = retained.days_removed,
                        days_compacted = retained.days_compacted,
                        bytes_freed = retained.bytes_freed,
                        "history past its retention was removed"
                    );
                }
                Ok(_) => {}
                Err(error) => warn!(%error, "cannot remove history past its retention, trying again"),
            },
        }
    }
}
