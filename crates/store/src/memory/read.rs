//! Questions about the history.

use std::collections::BTreeMap;

use ringup_core::delivery::{DeliveryKey, DeliveryState, Ended};
use ringup_core::id::EventId;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::{Tick, Timestamp};

use super::history::{EventRow, History, of_event};
use crate::query::{
    AttemptFilter, Destination, EndpointEvent, EndpointEventFilter, EventFilter, MinuteCount, Order, Page, PageRequest,
    Payload, Reach, SCAN_EVENTS_MAX, Scan, StandingCounts, StoredAttempt, StoredEvent, standing_of,
};
use crate::seam::{Census, EventName, StoreError};

pub(super) fn event(history: &History, account: AccountKey, name: &EventName) -> Option<StoredEvent> {
    let row = match name {
        EventName::Id(id) => history.owned(account, *id),
        EventName::Uid(uid) => history.named(&history.by_uid, account, uid),
    };
    row.map(|row| stored(row, false))
}

pub(super) fn events(
    history: &History,
    account: AccountKey,
    filter: &EventFilter,
    page: PageRequest,
) -> Page<StoredEvent> {
    let ticks = history.by_account.range((account, Tick(0))..=(account, Tick(u64::MAX))).map(|(_, tick)| *tick);
    paged(ticks, page, |tick| {
        let row = history.events.get(&tick)?;
        event_wanted(row, filter).then(|| stored(row, filter.without_payload))
    })
}

pub(super) fn destinations(
    history: &History,
    account: AccountKey,
    event: EventId,
) -> Result<Vec<Destination>, StoreError> {
    let row = history.owned(account, event).ok_or(StoreError::NotFound)?;
    let key = |endpoint| DeliveryKey { endpoint, event: event.tick() };
    Ok(row
        .targets
        .iter()
        .map(|target| Destination { endpoint: target.endpoint, state: state(history, key(target.endpoint)) })
        .collect())
}

pub(super) fn state(history: &History, key: DeliveryKey) -> Option<DeliveryState> {
    let live = || history.live(key).map(|live| live.due_at.map_or(DeliveryState::Waiting, DeliveryState::Scheduled));
    history.ended.get(&key).map(|how| DeliveryState::Ended(*how)).or_else(live)
}

pub(super) fn events_of_endpoint(
    history: &History,
    account: AccountKey,
    endpoint: EndpointKey,
    filter: &EndpointEventFilter,
    page: PageRequest,
) -> Scan<EndpointEvent> {
    let ticks = history.by_account.range((account, Tick(0))..=(account, Tick(u64::MAX))).map(|(_, tick)| *tick);
    let mut ticks: Vec<Tick> = ticks.collect();
    if page.order == Order::NewestFirst {
        ticks.reverse();
    }
    ticks.retain(|tick| match (page.after, page.order) {
        (None, _) => true,
        (Some(after), Order::NewestFirst) => *tick < after,
        (Some(after), Order::OldestFirst) => *tick > after,
    });
    let mut scan = Scan { rows: Vec::new(), reached: None, done: true };
    for (looked_at, tick) in ticks.into_iter().enumerate() {
        if looked_at >= SCAN_EVENTS_MAX || scan.rows.len() >= page.rows_max {
            scan.done = false;
            break;
        }
        scan.reached = Some(tick);
        scan.rows.extend(endpoint_event(history, endpoint, tick, filter));
    }
    scan
}

fn endpoint_event(
    history: &History,
    endpoint: EndpointKey,
    tick: Tick,
    filter: &EndpointEventFilter,
) -> Option<EndpointEvent> {
    let row = history.events.get(&tick)?;
    let sent = row.targets.iter().any(|target| target.endpoint == endpoint);
    if sent != (filter.reach == Reach::Sent) || !event_wanted(row, &filter.events) {
        return None;
    }
    let state = state(history, DeliveryKey { endpoint, event: tick });
    if filter.standings.as_ref().is_some_and(|any| !any.contains(&standing_of(state))) {
        return None;
    }
    let newest_class = || {
        let attempts = history.attempts_by_event.range(of_event(tick)).rev();
        let of_endpoint = attempts.filter_map(|(_, attempt)| history.attempts.get(attempt));
        let newest = of_endpoint.into_iter().find(|attempt| attempt.endpoint == endpoint)?;
        Some(newest.status.map_or(0, |status| status / 100))
    };
    if filter.status_class.is_some() && newest_class() != filter.status_class {
        return None;
    }
    Some(EndpointEvent { event: stored(row, filter.events.without_payload), state })
}

pub(super) fn standings(
    history: &History,
    endpoint: EndpointKey,
    since: Timestamp,
    until: Timestamp,
) -> StandingCounts {
    let key = |time: Timestamp| DeliveryKey { endpoint, event: Tick::at(time.max(Timestamp::default())) };
    let mut counts = StandingCounts::default();
    if since >= until {
        return counts;
    }
    for _ in history.all_live().range(key(since)..key(until)) {
        counts.add(DeliveryState::Waiting, 1);
    }
    for (_, how) in history.ended.range(key(since)..key(until)) {
        counts.add(DeliveryState::Ended(*how), 1);
    }
    counts
}

pub(super) fn attempts_of_event(
    history: &History,
    account: AccountKey,
    event: EventId,
    filter: &AttemptFilter,
    page: PageRequest,
) -> Result<Page<StoredAttempt>, StoreError> {
    history.owned(account, event).ok_or(StoreError::NotFound)?;
    let ticks = history.attempts_by_event.range(of_event(event.tick())).map(|(_, attempt)| *attempt);
    Ok(paged(ticks, page, |tick| attempt(history, account, tick, filter)))
}

pub(super) fn attempts_of_endpoint(
    history: &History,
    account: AccountKey,
    endpoint: EndpointKey,
    filter: &AttemptFilter,
    page: PageRequest,
) -> Page<StoredAttempt> {
    let all = (endpoint, Tick(0))..=(endpoint, Tick(u64::MAX));
    let ticks = history.attempts_by_endpoint.range(all).map(|(_, attempt)| *attempt);
    paged(ticks, page, |tick| attempt(history, account, tick, filter))
}

pub(super) fn ended(
    history: &History,
    endpoint: EndpointKey,
    page: PageRequest,
) -> Page<(DeliveryKey, Ended, EventId)> {
    let key = |event| DeliveryKey { endpoint, event };
    let ticks = history.ended.range(key(Tick(0))..=key(Tick(u64::MAX))).map(|(key, _)| key.event);
    paged(ticks, page, |tick| {
        let how = history.ended.get(&key(tick))?;
        Some((key(tick), *how, history.events.get(&tick)?.event.id))
    })
}

pub(super) fn counts(
    history: &History,
    endpoint: EndpointKey,
    from_minute: i64,
    until_minute: i64,
) -> Vec<MinuteCount> {
    let mut minutes: BTreeMap<i64, MinuteCount> = BTreeMap::new();
    for ((of, minute, _), count) in &history.counters {
        if *of == endpoint && (from_minute..until_minute).contains(minute) {
            let sum = minutes.entry(*minute).or_insert(MinuteCount { minute: *minute, ..MinuteCount::default() });
            sum.delivered += count.delivered;
            sum.refused += count.refused;
            sum.timed_out += count.timed_out;
            sum.unreachable += count.unreachable;
            sum.blocked += count.blocked;
            sum.gave_up += count.gave_up;
            sum.duration_ms = sum.duration_ms.saturating_add(count.duration_ms);
        }
    }
    minutes.into_values().collect()
}

pub(super) fn census(history: &History) -> Census {
    let count = |rows: usize| u64::try_from(rows).unwrap_or(u64::MAX);
    let payloads: usize = history.events.values().map(|row| row.event.payload.len()).sum();
    let bodies: usize = history.attempts.values().map(|attempt| attempt.response_body.len()).sum();
    Census {
        events: count(history.events.len()),
        deliveries_live: count(history.all_live().len()),
        deliveries_ended: count(history.ended.len()),
        bytes: count(payloads + bodies),
    }
}

fn stored(row: &EventRow, without_payload: bool) -> StoredEvent {
    StoredEvent {
        id: row.event.id,
        event_type: row.event.event_type.clone(),
        uid: row.uid.clone(),
        channels: row.channels.clone(),
        extras: row.extras.clone(),
        payload: if without_payload { Payload::LeftOut } else { row.shown_payload() },
        unregistered: row.unregistered,
    }
}

fn event_wanted(row: &EventRow, filter: &EventFilter) -> bool {
    let at = row.event.accepted_at();
    filter.before.is_none_or(|before| at < before)
        && filter.after.is_none_or(|after| at > after)
        && names_wanted(row, filter.event_types.as_deref(), filter.channel.as_ref(), filter.tag.as_ref())
}

fn names_wanted(
    row: &EventRow,
    event_types: Option<&[String]>,
    channel: Option<&String>,
    tag: Option<&String>,
) -> bool {
    event_types.is_none_or(|types| types.iter().any(|wanted| **wanted == *row.event.event_type))
        && channel.is_none_or(|channel| row.channels.contains(channel))
        && tag.is_none_or(|tag| row.extras.tags.contains(tag))
}

fn attempt(history: &History, account: AccountKey, tick: Tick, filter: &AttemptFilter) -> Option<StoredAttempt> {
    let attempt = history.attempts.get(&tick)?;
    let row = history.owned(account, attempt.event)?;
    let (types, channel, tag) = (filter.event_types.as_deref(), filter.channel.as_ref(), filter.tag.as_ref());
    if !attempt_wanted(attempt, filter) || !names_wanted(row, types, channel, tag) {
        return None;
    }
    let mut attempt = attempt.clone();
    if filter.without_response {
        attempt.timing = Default::default();
        attempt.response_headers.clear();
        attempt.response_body.clear();
    }
    Some(attempt)
}

fn attempt_wanted(attempt: &StoredAttempt, filter: &AttemptFilter) -> bool {
    let succeeded = attempt.outcome == crate::log_entry::OutcomeWord::Delivered;
    filter.succeeded.is_none_or(|wanted| wanted == succeeded)
        && filter.status_class.is_none_or(|class| attempt.status.map_or(0, |status| status / 100) == class)
        && filter.endpoint.is_none_or(|endpoint| endpoint == attempt.endpoint)
        && filter.before.is_none_or(|before| attempt.started_at < before)
        && filter.after.is_none_or(|after| attempt.started_at > after)
}

/// The rows among `ticks`, which come oldest first, that the page asks for.
fn paged<T>(
    ticks: impl DoubleEndedIterator<Item = Tick>,
    page: PageRequest,
    row: impl Fn(Tick) -> Option<T>,
) -> Page<T> {
    let mut rows: Vec<T> = match page.order {
        Order::NewestFirst => {
            let ticks = ticks.rev().filter(|tick| page.after.is_none_or(|after| *tick < after));
            ticks.filter_map(row).take(page.rows_max.saturating_add(1)).collect()
        }
        Order::OldestFirst => {
            let ticks = ticks.filter(|tick| page.after.is_none_or(|after| *tick > after));
            ticks.filter_map(row).take(page.rows_max.saturating_add(1)).collect()
        }
    };
    let done = rows.len() <= page.rows_max;
    rows.truncate(page.rows_max);
    Page { rows, done }
}
