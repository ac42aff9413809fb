//! What must be done now and then: retention, looking for configuration that another process changed, and at the clock.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::limits::AUDIT_ENTRIES_MAX;
use ringup_core::ports::Clock;
use ringup_core::time::Timestamp;
use ringup_store::catalogue::Catalogue;
use ringup_store::seam::{Retention, StoreError};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::skew;

/// Between commits that store when keys were used: the last use is told to the minute.
const KEYS_EVERY: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug)]
pub struct UpkeepPlan {
    pub retention: Retention,
    /// How long the audit log is kept.
    pub audit_kept: Duration,
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
    // Apart, since removing much history takes minutes and a new key is wanted at once.
    let work = async {
        let (refresh, retain) = (refresh(&plan, &catalogue, tell), retain(&plan, &catalogue, &*clock));
        tokio::join!(refresh, retain, keys(&catalogue, &*clock), skew::watch(&catalogue, &*clock))
    };
    stop.run_until_cancelled(work).await;
    tidy_keys(&catalogue, clock.now()).await;
}

async fn refresh(plan: &UpkeepPlan, catalogue: &Catalogue, tell: impl Fn(Result<(), &StoreError>)) {
    let mut turn = every(plan.refresh_every);
    // One line when it begins to fail, not four a second.
    let mut troubled = false;
    loop {
        turn.tick().await;
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
}

async fn retain(plan: &UpkeepPlan, catalogue: &Catalogue, clock: &dyn Clock) {
    let mut turn = every(plan.retain_every);
    loop {
        turn.tick().await;
        if !catalogue.store().leads() {
            continue;
        }
        forget_audit(plan, catalogue, clock.now()).await;
        match catalogue.store().retain(plan.retention, clock.now()).await {
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
        }
    }
}

/// In steps, so that whoever changes the configuration meanwhile waits some milliseconds at most.
async fn forget_audit(plan: &UpkeepPlan, catalogue: &Catalogue, now: Timestamp) {
    let before = now.saturating_sub(plan.audit_kept);
    let mut forgotten = 0;
    loop {
        match catalogue.store().forget_audit(before, AUDIT_ENTRIES_MAX).await {
            Ok(0) => break,
            Ok(count) => forgotten += count,
            Err(error) => {
                warn!(%error, "cannot remove entries of the audit log past their retention, trying again");
                break;
            }
        }
    }
    if forgotten > 0 {
        info!(forgotten, "entries of the audit log past their retention were removed");
    }
}

async fn keys(catalogue: &Catalogue, clock: &dyn Clock) {
    let mut turn = every(KEYS_EVERY);
    loop {
        turn.tick().await;
        tidy_keys(catalogue, clock.now()).await;
    }
}

/// Stores when keys were used, and removes sessions that are over.
async fn tidy_keys(catalogue: &Catalogue, now: Timestamp) {
    if let Err(error) = catalogue.note_use().await {
        warn!(%error, "cannot store when keys were used, trying again");
    }
    if let Err(error) = catalogue.forget_sessions(now).await {
        warn!(%error, "cannot remove sessions that are over, trying again");
    }
}

pub(crate) fn every(period: Duration) -> Interval {
    let mut turn = interval_at(Instant::now() + period, period);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    turn
}
