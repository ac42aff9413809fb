//! Many deliveries brought back at once, and content removed for good.

use ringup_core::delivery::{DeliveryKey, Ended, Trigger};
use ringup_core::event::Target;
use ringup_core::id::{AttemptId, EventId};
use ringup_core::key::AccountKey;
use ringup_core::order::order_key;
use ringup_core::time::Tick;

use super::history::{History, Live, PayloadState};
use crate::query::Reach;
use crate::seam::{Recall, Recalled, StoreError};

/// What came of each, and the oldest event of those brought back.
pub(super) fn recall(history: &mut History, recall: &Recall) -> (Vec<Recalled>, Option<Tick>) {
    let mut oldest: Option<Tick> = None;
    let recalled = recall.events.iter().map(|event| {
        let recalled = recall_one(history, recall, *event);
        if recalled == Recalled::Done {
            oldest = Some(oldest.map_or(event.tick(), |oldest| oldest.min(event.tick())));
        }
        recalled
    });
    (recalled.collect(), oldest)
}

fn recall_one(history: &mut History, recall: &Recall, event: EventId) -> Recalled {
    let Some(row) = history.owned(recall.account, event) else { return Recalled::NotFound };
    let target = row.targets.iter().find(|target| target.endpoint == recall.endpoint).copied();
    if target.is_some() != (recall.reach == Reach::Sent) {
        return Recalled::OutOfReach;
    }
    if row.payload != PayloadState::Whole {
        return Recalled::PayloadGone;
    }
    let key = DeliveryKey { endpoint: recall.endpoint, event: event.tick() };
    let live = match target {
        Some(_) if history.live(key).is_some() => return Recalled::Live,
        Some(target) => Live { due_at: None, attempts_made: 0, trigger: Trigger::Manual, order_key: target.order_key },
        None => {
            let order_key = recall.order_pointer.as_ref().map(|pointer| order_key(&row.event.payload, pointer));
            let target = Target { endpoint: recall.endpoint, order_key, skipped: false };
            if let Some(row) = history.events.get_mut(&event.tick()) {
                row.targets.push(target);
            }
            Live { due_at: None, attempts_made: 0, trigger: Trigger::Policy, order_key }
        }
    };
    history.ended.remove(&key);
    history.put_live(key, live);
    Recalled::Done
}

/// Answers which deliveries were still live.
pub(super) fn expunge_event(
    history: &mut History,
    account: AccountKey,
    event: EventId,
) -> Result<Vec<DeliveryKey>, StoreError> {
    let row = history.owned(account, event).ok_or(StoreError::NotFound)?;
    let keys = row.targets.iter().map(|target| DeliveryKey { endpoint: target.endpoint, event: event.tick() });
    let keys: Vec<DeliveryKey> = keys.collect();
    let discarded: Vec<DeliveryKey> = keys.into_iter().filter(|key| history.remove_live(*key).is_some()).collect();
    for key in &discarded {
        history.ended.insert(*key, Ended::Cancelled);
    }
    if let Some(row) = history.events.get_mut(&event.tick()) {
        row.drop_payload();
    }
    Ok(discarded)
}

pub(super) fn expunge_attempt(
    history: &mut History,
    account: AccountKey,
    event: EventId,
    attempt: AttemptId,
) -> Result<(), StoreError> {
    history.owned(account, event).ok_or(StoreError::NotFound)?;
    let found = history.attempts.get_mut(&attempt.tick());
    let found = found.filter(|row| row.id == attempt && row.event == event).ok_or(StoreError::NotFound)?;
    found.response_headers.clear();
    found.response_body.clear();
    Ok(())
}
