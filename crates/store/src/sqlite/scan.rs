//! An account's events as one of its endpoints sees them.

use ringup_core::delivery::DeliveryState;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::{Tick, Timestamp};
use rusqlite::{Connection, OptionalExtension};

use super::fault::Outcome;
use super::list::{event_wanted, is_past, start, walk_of};
use super::read::{in_order, stored_event};
use super::row;
use super::shared::Shared;
use crate::query::{
    EndpointEvent, EndpointEventFilter, PageRequest, Reach, SCAN_EVENTS_MAX, Scan, StandingCounts, standing_of,
};

pub(super) fn events_of_endpoint(
    shared: &Shared,
    account: AccountKey,
    endpoint: EndpointKey,
    filter: &EndpointEventFilter,
    page: PageRequest,
) -> Outcome<Scan<EndpointEvent>> {
    let events = &filter.events;
    let from = start(events, page);
    let mut scan = Scan { rows: Vec::new(), reached: None, done: true };
    let mut looked_at = 0;
    for file in in_order(shared, page.order) {
        let outside = events.before.is_some_and(|before| file.day > before.day())
            || events.after.is_some_and(|after| file.day < after.day());
        if outside {
            continue;
        }
        let Some(day) = shared.readers.open(&file)? else { continue };
        let mut walk = walk_of(day, account, events, page.order, from)?;
        while let Some(tick) = walk.peek()? {
            if is_past(events, page.order, tick) {
                break;
            }
            if looked_at >= SCAN_EVENTS_MAX || scan.rows.len() >= page.rows_max {
                scan.done = false;
                return Ok(scan);
            }
            walk.pass();
            looked_at += 1;
            scan.reached = Some(tick);
            scan.rows.extend(walk.day.ask(|connection| seen_from(connection, account, endpoint, tick, filter))?);
        }
    }
    Ok(scan)
}

/// The event, if it is wanted.
fn seen_from(
    connection: &Connection,
    account: AccountKey,
    endpoint: EndpointKey,
    tick: Tick,
    filter: &EndpointEventFilter,
) -> rusqlite::Result<Option<EndpointEvent>> {
    // One moment: a delivery that ends between two looks must not be missing in both.
    let moment = connection.unchecked_transaction()?;
    let found = seen_at(&moment, account, endpoint, row::integer(tick.0), filter)?;
    moment.commit()?;
    Ok(found)
}

fn seen_at(
    connection: &Connection,
    account: AccountKey,
    endpoint: EndpointKey,
    tick: i64,
    filter: &EndpointEventFilter,
) -> rusqlite::Result<Option<EndpointEvent>> {
    let targets = connection
        .prepare_cached("SELECT targets FROM event WHERE tick = ?")?
        .query_row([tick], |found| row::targets(found, 0))
        .optional()?;
    let Some(targets) = targets else { return Ok(None) };
    let sent = targets.iter().any(|target| target.endpoint == endpoint);
    if sent != (filter.reach == Reach::Sent) {
        return Ok(None);
    }
    let state = state(connection, endpoint, tick)?;
    if filter.standings.as_ref().is_some_and(|any| !any.contains(&standing_of(state))) {
        return Ok(None);
    }
    if filter.status_class.is_some() && newest_class(connection, endpoint, tick)? != filter.status_class {
        return Ok(None);
    }
    let found = stored_event(connection, tick, filter.events.without_payload)?;
    let found = found.filter(|(of, event)| *of == account && event_wanted(event, &filter.events));
    Ok(found.map(|(_, event)| EndpointEvent { event, state }))
}

pub(super) fn state(
    connection: &Connection,
    endpoint: EndpointKey,
    tick: i64,
) -> rusqlite::Result<Option<DeliveryState>> {
    let key = (endpoint.0, tick);
    let due_at: Option<Option<i64>> = connection
        .prepare_cached("SELECT due_at FROM delivery WHERE endpoint = ? AND event = ?")?
        .query_row(key, |found| found.get(0))
        .optional()?;
    if let Some(due_at) = due_at {
        let scheduled = |at| DeliveryState::Scheduled(Timestamp::from_micros(at));
        return Ok(Some(due_at.map_or(DeliveryState::Waiting, scheduled)));
    }
    let how = connection
        .prepare_cached("SELECT how FROM ended WHERE endpoint = ? AND event = ?")?
        .query_row(key, |found| row::ended(found, 0))
        .optional()?;
    Ok(how.map(DeliveryState::Ended))
}

/// The hundred of the newest logged attempt's status, zero without one; `None` if nothing was logged.
fn newest_class(connection: &Connection, endpoint: EndpointKey, tick: i64) -> rusqlite::Result<Option<u16>> {
    let status: Option<Option<u16>> = connection
        .prepare_cached("SELECT status FROM attempt WHERE event = ? AND endpoint = ? ORDER BY tick DESC LIMIT 1")?
        .query_row((tick, endpoint.0), |found| found.get(0))
        .optional()?;
    Ok(status.map(|status| status.map_or(0, |status| status / 100)))
}

pub(super) fn standings(
    shared: &Shared,
    endpoint: EndpointKey,
    since: Timestamp,
    until: Timestamp,
) -> Outcome<StandingCounts> {
    let tick = |time: Timestamp| row::integer(Tick::at(time.max(Timestamp::default())).0);
    let range = (endpoint.0, tick(since), tick(until));
    let mut counts = StandingCounts::default();
    for file in shared.days.all() {
        if file.day < since.day() || file.day > until.day() {
            continue;
        }
        let Some(day) = shared.readers.open(&file)? else { continue };
        day.ask(|connection| {
            let live: i64 = connection
                .prepare_cached("SELECT count(*) FROM delivery WHERE endpoint = ? AND event >= ? AND event < ?")?
                .query_row(range, |found| found.get(0))?;
            counts.add(DeliveryState::Waiting, row::natural(live));
            let mut ended = connection.prepare_cached(
                "SELECT how, count(*) FROM ended WHERE endpoint = ? AND event >= ? AND event < ? GROUP BY how",
            )?;
            let mut rows = ended.query(range)?;
            while let Some(found) = rows.next()? {
                counts.add(DeliveryState::Ended(row::ended(found, 0)?), row::natural(found.get(1)?));
            }
            Ok(())
        })?;
    }
    Ok(counts)
}
