//! Letting go of the past, day by day.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ringup_core::delivery::DeliveryKey;
use ringup_core::time::{Day, Tick, Timestamp};

use super::history::{EventRow, History, of_event};
use crate::seam::{Retained, Retention};

pub(super) fn retain(history: &mut History, plan: Retention, now: Timestamp) -> Retained {
    let mut retained = Retained::default();
    drop_payloads_of_their_own_time(history, now, &mut retained);
    let live: BTreeSet<Day> = history.all_live().keys().map(|key| key.event.day()).collect();
    let mut days: BTreeMap<Day, Vec<Tick>> = BTreeMap::new();
    for tick in history.events.keys() {
        days.entry(tick.day()).or_default().push(*tick);
    }
    for (day, events) in days.into_iter().filter(|(day, _)| !live.contains(day)) {
        let payloads_over = over(day, plan.payloads, now);
        let attempts_over = over(day, plan.attempts, now);
        let mut freed = 0;
        if payloads_over {
            freed += drop_payloads(history, &events);
        }
        if attempts_over {
            freed += drop_attempts(history, &events);
        }
        if payloads_over && attempts_over {
            drop_day(history, day, &events);
            retained.days_removed += 1;
        } else if freed > 0 {
            retained.days_compacted += 1;
        }
        retained.bytes_freed += freed;
    }
    retained
}

fn drop_payloads_of_their_own_time(history: &mut History, now: Timestamp, retained: &mut Retained) {
    let is_over = |row: &EventRow| row.extras.payload_until.is_some_and(|until| until <= now);
    let over = history.events.iter().filter(|(_, row)| is_over(row));
    let ended = over.filter(|(tick, row)| {
        let key = |endpoint| DeliveryKey { endpoint, event: **tick };
        !row.targets.iter().any(|target| history.live(key(target.endpoint)).is_some())
    });
    let over: Vec<Tick> = ended.map(|(tick, _)| *tick).collect();
    for tick in &over {
        let Some(row) = history.events.get_mut(tick) else { continue };
        row.extras.payload_until = None;
        retained.payloads_removed += usize::from(row.has_payload());
    }
    drop_payloads(history, &over);
}

/// Whether a day ended longer ago than its content is kept.
fn over(day: Day, kept: Duration, now: Timestamp) -> bool {
    Day(day.0 + 1).start().saturating_add(kept) <= now
}

fn drop_payloads(history: &mut History, events: &[Tick]) -> u64 {
    let mut freed = 0;
    for tick in events {
        if let Some(row) = history.events.get_mut(tick).filter(|row| row.has_payload()) {
            freed += bytes(row.event.payload.len());
            row.drop_payload();
        }
    }
    freed
}

fn drop_attempts(history: &mut History, events: &[Tick]) -> u64 {
    let mut freed = 0;
    for event in events {
        let attempts: Vec<(Tick, Tick)> = history.attempts_by_event.range(of_event(*event)).copied().collect();
        for key in attempts {
            history.attempts_by_event.remove(&key);
            if let Some(attempt) = history.attempts.remove(&key.1) {
                history.attempts_by_endpoint.remove(&(attempt.endpoint, key.1));
                freed += bytes(size_of_val(&attempt) + attempt.response_body.len() + attempt.response_headers.len());
            }
        }
    }
    freed
}

fn drop_day(history: &mut History, day: Day, events: &[Tick]) {
    for tick in events {
        let Some(row) = history.events.remove(tick) else { continue };
        history.by_account.remove(&(row.event.account, *tick));
    }
    history.by_uid.retain(|(_, _, tick)| tick.day() != day);
    history.by_idempotency.retain(|(_, _, tick)| tick.day() != day);
    history.ended.retain(|key, _| key.event.day() != day);
    history.counters.retain(|(_, _, of), _| *of != day);
}

fn bytes(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
