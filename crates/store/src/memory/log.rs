//! The log of an account, searched.

use ringup_core::delivery::DeliveryKey;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::Tick;

use super::history::{History, of_event};
use super::read;
use crate::log_query::{self, LogQuery, LogRow, LogScan, status_of};
use crate::query::{MinuteCount, Order, PageRequest, Payload, StoredAttempt};

pub(super) fn log(history: &History, account: AccountKey, query: &LogQuery, page: PageRequest) -> LogScan {
    let horizon = history.last_attempt;
    let hints = &query.search.hints;
    let from = log_query::start(hints, page, horizon);
    let mut ticks: Vec<Tick> = query.owners().into_iter().flat_map(|key| ticks_of(history, key)).collect();
    ticks.sort_unstable();
    if page.order == Order::NewestFirst {
        ticks.reverse();
    }
    ticks.retain(|tick| match (from, page.order) {
        (None, _) => true,
        (Some(from), Order::NewestFirst) => *tick < from,
        (Some(from), Order::OldestFirst) => *tick > from,
    });
    // As a home that has lists of both keeps it.
    let is_listed = |tick: &Tick| {
        let delivered = |found: &StoredAttempt| found.outcome == crate::log_entry::OutcomeWord::Delivered;
        hints.delivered.is_none_or(|wanted| history.attempts.get(tick).is_some_and(|found| delivered(found) == wanted))
    };
    let mut scan = LogScan { rows: Vec::new(), looked_at: 0, reached: None, done: true, horizon };
    for tick in ticks.into_iter().filter(is_listed) {
        if log_query::is_past(hints, page.order, tick, horizon) {
            break;
        }
        if scan.looked_at >= query.looked_at_max || scan.rows.len() >= page.rows_max {
            scan.done = false;
            break;
        }
        scan.looked_at += 1;
        scan.reached = Some(tick);
        scan.rows.extend(found(history, account, tick, query));
    }
    scan
}

fn ticks_of(history: &History, endpoint: EndpointKey) -> impl Iterator<Item = Tick> {
    let all = (endpoint, Tick(0))..=(endpoint, Tick(u64::MAX));
    history.attempts_by_endpoint.range(all).map(|(_, tick)| *tick)
}

fn found(history: &History, account: AccountKey, tick: Tick, query: &LogQuery) -> Option<LogRow> {
    let attempt = history.attempts.get(&tick)?;
    let row = history.owned(account, attempt.event)?;
    let event = attempt.event.tick();
    let is_later = |later: &StoredAttempt| later.endpoint == attempt.endpoint && later.id.tick() > tick;
    let mut of_event = history.attempts_by_event.range(of_event(event)).filter_map(|(_, at)| history.attempts.get(at));
    if query.newest_only && of_event.any(is_later) {
        return None;
    }
    let state = match attempt.outcome {
        crate::log_entry::OutcomeWord::Delivered => None,
        _ => read::state(history, DeliveryKey { endpoint: attempt.endpoint, event }),
    };
    let shown = row.shown_payload();
    let mut facts =
        log_query::facts(attempt, &row.event.event_type, &row.channels, &row.extras.tags, row.uid.as_deref());
    facts.status = Some(status_of(attempt.outcome, state));
    facts.payload = Some(match &shown {
        Payload::Kept(payload) | Payload::Redacted(payload) => Some(payload),
        Payload::Gone | Payload::LeftOut => None,
    });
    if query.search.finds(&facts) != Some(true) {
        return None;
    }
    let mut attempt = attempt.clone();
    attempt.response_headers.clear();
    attempt.response_body.clear();
    Some(LogRow { attempt, event_type: row.event.event_type.clone(), state })
}

pub(super) fn length(history: &History, endpoints: &[EndpointKey]) -> u64 {
    let mut keys = endpoints.to_vec();
    keys.sort_unstable();
    keys.dedup();
    let length: usize = keys.into_iter().map(|key| ticks_of(history, key).count()).sum();
    u64::try_from(length).unwrap_or(u64::MAX)
}

pub(super) fn counts_of(
    history: &History,
    endpoints: &[EndpointKey],
    from_minute: i64,
    until_minute: i64,
) -> Vec<(EndpointKey, Vec<MinuteCount>)> {
    let counts = |key: &EndpointKey| (*key, read::counts(history, *key, from_minute, until_minute));
    endpoints.iter().map(counts).filter(|(_, minutes)| !minutes.is_empty()).collect()
}
