//! What came of an attempt: log entry, counters and the delivery's new state.

use ringup_core::delivery::{After, DeliveryKey};
use ringup_core::id::AttemptId;
use ringup_core::time::{Tick, Timestamp};

use super::history::{History, Live};
use crate::log_entry::{Attempt, Count};
use crate::query::StoredAttempt;
use crate::seam::Settlement;

/// A delivery that is no longer live keeps the state it has; its attempt and counters are recorded all the same.
pub(super) fn settle(history: &mut History, settlement: Settlement) {
    let Settlement { key, after, ended_at, attempt, count, .. } = settlement;
    if !history.events.contains_key(&key.event) {
        // Retention took the day; its log went with it.
        return;
    }
    if let Some(attempt) = attempt {
        log(history, key, attempt, ended_at);
    }
    if let Some(count) = count {
        add(history, key, count);
    }
    let Some(live) = history.live(key).copied() else { return };
    match after {
        After::Delivered => {
            history.remove_live(key);
            history.settle_payload(key.event);
        }
        After::Retry { due_at, attempts_made } => {
            history.put_live(key, Live { due_at: Some(due_at), attempts_made, ..live });
        }
        After::Ended(how) => {
            history.remove_live(key);
            history.ended.insert(key, how);
        }
        After::Unchanged => {}
    }
}

fn log(history: &mut History, key: DeliveryKey, attempt: Attempt, ended_at: Timestamp) {
    let Some(event) = history.events.get(&key.event).map(|row| row.event.id) else { return };
    let tick = Tick::after(history.last_attempt, ended_at);
    history.last_attempt = tick;
    history.attempts_by_event.insert((key.event, tick));
    history.attempts_by_endpoint.insert((key.endpoint, tick));
    let stored = StoredAttempt {
        id: AttemptId::of_tick(tick, attempt.random),
        event,
        endpoint: key.endpoint,
        number: attempt.number,
        trigger: attempt.trigger,
        started_at: attempt.started_at,
        duration: attempt.duration,
        timing: attempt.timing,
        url: attempt.url,
        outcome: attempt.result.outcome,
        status: attempt.result.status,
        detail: attempt.result.detail.map(str::to_owned),
        response_headers: attempt.response_headers,
        response_body: attempt.response_body,
        body_end: attempt.body_end,
    };
    history.attempts.insert(tick, stored);
}

fn add(history: &mut History, key: DeliveryKey, count: Count) {
    let counter = history.counters.entry((key.endpoint, count.minute, key.event.day())).or_default();
    counter.minute = count.minute;
    counter.count(count);
}
