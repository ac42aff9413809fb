//! Deliveries that want attempts, as lanes and timers ask for them.

use ringup_core::delivery::{DeliveryKey, Ended};
use ringup_core::key::EndpointKey;
use ringup_core::time::{Tick, Timestamp};

use super::history::History;
use crate::seam::Loaded;

pub(super) fn endpoints(history: &History) -> Vec<EndpointKey> {
    let mut endpoints: Vec<EndpointKey> = history.all_live().keys().map(|key| key.endpoint).collect();
    endpoints.dedup();
    endpoints
}

pub(super) fn waiting(
    history: &History,
    endpoint: EndpointKey,
    after: Tick,
    scheduled_too: bool,
    rows_max: usize,
) -> Vec<Loaded> {
    lane(history, endpoint, Tick(after.0.saturating_add(1)))
        .filter(|(_, due_at)| scheduled_too || due_at.is_none())
        .filter_map(|(key, _)| history.loaded(key))
        .take(rows_max)
        .collect()
}

pub(super) fn due(history: &History, before: Timestamp, rows_max: usize) -> Vec<Loaded> {
    let due = history.scheduled().iter().take_while(|(due_at, _)| *due_at <= before);
    due.filter_map(|(_, key)| history.loaded(*key)).take(rows_max).collect()
}

pub(super) fn next_due(history: &History) -> Option<Timestamp> {
    history.scheduled().first().map(|(due_at, _)| *due_at)
}

pub(super) fn end_waiting(
    history: &mut History,
    endpoint: EndpointKey,
    how: Ended,
    except: &[Tick],
    rows_max: usize,
) -> usize {
    let keys: Vec<DeliveryKey> = lane(history, endpoint, Tick(0))
        .map(|(key, _)| key)
        .filter(|key| !except.contains(&key.event))
        .take(rows_max)
        .collect();
    for key in &keys {
        history.remove_live(*key);
        history.ended.insert(*key, how);
    }
    keys.len()
}

/// Live deliveries of an endpoint from a tick onward, oldest first, with the time at which they are due.
fn lane(
    history: &History,
    endpoint: EndpointKey,
    from: Tick,
) -> impl Iterator<Item = (DeliveryKey, Option<Timestamp>)> + '_ {
    let from = DeliveryKey { endpoint, event: from };
    let until = DeliveryKey { endpoint, event: Tick(u64::MAX) };
    history.all_live().range(from..=until).map(|(key, live)| (*key, live.due_at))
}
