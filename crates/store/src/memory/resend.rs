//! Bringing a delivery back by hand.

use ringup_core::delivery::{DeliveryKey, Trigger};
use ringup_core::id::EventId;
use ringup_core::key::{AccountKey, EndpointKey};

use super::history::{History, Live, PayloadState};
use crate::seam::{Loaded, Resent};

/// Answers the delivery as it is now, or why it cannot be.
pub(super) fn resend(
    history: &mut History,
    account: AccountKey,
    event: EventId,
    endpoint: EndpointKey,
) -> Result<Loaded, Resent> {
    let row = history.owned(account, event).ok_or(Resent::NotFound)?;
    let target = row.targets.iter().find(|target| target.endpoint == endpoint).ok_or(Resent::NeverMatched)?;
    if row.payload != PayloadState::Whole {
        return Err(Resent::PayloadGone);
    }
    let order_key = target.order_key;
    let key = DeliveryKey { endpoint, event: event.tick() };
    let live = match history.live(key) {
        Some(live) => Live { due_at: None, ..*live },
        None => Live { due_at: None, attempts_made: 0, trigger: Trigger::Manual, order_key },
    };
    history.ended.remove(&key);
    history.put_live(key, live);
    history.loaded(key).ok_or(Resent::NotFound)
}
