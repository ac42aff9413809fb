//! Taking a sale back goes the way of deliveries, to another URL of the same app, and only if the app took the sale.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::delivery::{DeliveryState, Ended};
use ringup_core::hook;
use ringup_core::outcome::BlockedBy;
use ringup_core::time::Timestamp;
use ringup_egress::{CheckedUrl, url_policy};
use ringup_store::StoreError;
use ringup_store::seam::EventName;

use crate::attempt::{Begun, Shell};

/// Between the next attempt of the sale and a look at what came of it.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// What becomes of a reversal now.
pub enum Step {
    /// The app has the sale: it is told at this URL.
    Tell(Result<CheckedUrl, BlockedBy>, Arc<str>),
    /// The sale is still on its way.
    Later(Timestamp),
    /// There is nothing to take back.
    Never(Ended),
}

/// `None` for all ordinary deliveries.
pub async fn step(shell: &Shell, begun: &Begun, now: Timestamp) -> Option<Step> {
    let event = &begun.entry.event;
    if *event.event_type != *hook::REVERSAL {
        return None;
    }
    let plan = begun.view.endpoint.subscription.hook.as_ref()?;
    // It was declared when the sale was voided, and is not any more.
    let Some(url) = &plan.reversal else { return Some(Step::Never(Ended::Cancelled)) };
    Some(match standing(shell, begun, now).await {
        Ok(Standing::Taken) => {
            let checked = url_policy::check_receiver(url, &shell.egress).map_err(|problem| problem.blocked_by());
            Step::Tell(checked, Arc::from(url.as_str()))
        }
        Ok(Standing::UnderWay(due_at)) => Step::Later(due_at.max(now).saturating_add(LOOK_AFTER)),
        Ok(Standing::NotTaken) => Step::Never(Ended::Cancelled),
        // The store will be back.
        Err(_) => Step::Later(now.saturating_add(LOOK_AFTER)),
    })
}

enum Standing {
    Taken,
    UnderWay(Timestamp),
    NotTaken,
}

async fn standing(shell: &Shell, begun: &Begun, now: Timestamp) -> Result<Standing, StoreError> {
    let event = &begun.entry.event;
    let Some(sale) = hook::reversed(&event.payload) else { return Ok(Standing::NotTaken) };
    // Recorded in the commit of the attempt that the app took it with.
    if shell.catalogue.store().event(event.account, EventName::Uid(hook::settled_uid(sale))).await?.is_some() {
        return Ok(Standing::Taken);
    }
    let sent = match shell.catalogue.store().destinations(event.account, sale).await {
        Ok(sent) => sent,
        Err(StoreError::NotFound) => return Ok(Standing::NotTaken),
        Err(error) => return Err(error),
    };
    Ok(match sent.first().map(|sent| sent.state) {
        Some(Some(DeliveryState::Scheduled(due_at))) => Standing::UnderWay(due_at),
        Some(Some(DeliveryState::Waiting)) => Standing::UnderWay(now),
        // Delivered between the two looks.
        Some(None) => Standing::Taken,
        Some(Some(DeliveryState::Ended(_))) | None => Standing::NotTaken,
    })
}
