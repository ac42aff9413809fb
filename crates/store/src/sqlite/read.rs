//! Questions about single events, and what is counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringup_core::delivery::{DeliveryKey, DeliveryState, Ended};
use ringup_core::event::KeepPayload;
use ringup_core::id::EventId;
use ringup_core::json;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::accept;
use super::fault::{Fault, Outcome};
use super::open_day::{self, Name};
use super::row;
use super::shared::Shared;
use super::work::limit_of;
use crate::query::{Destination, MinuteCount, Order, Page, PageRequest, Payload, StoredEvent};
use crate::seam::{Census, EventName, StoreError};

pub(super) fn event(shared: &Shared, account: AccountKey, name: &EventName) -> Outcome<Option<StoredEvent>> {
    match name {
        EventName::Id(id) => {
            let Some(file) = shared.days.get(accept::day_of(*id)) else { return Ok(None) };
            let Some(day) = shared.readers.open(&file)? else { return Ok(None) };
            let found = day.ask(|connection| stored_event(connection, row::integer(id.tick().0), false))?;
            Ok(found.filter(|(of, event)| *of == account && event.id == *id).map(|(_, event)| event))
        }
        EventName::Uid(uid) => by_uid(shared, account, uid),
    }
}

fn by_uid(shared: &Shared, account: AccountKey, uid: &str) -> Outcome<Option<StoredEvent>> {
    for file in shared.days.all().iter().rev() {
        let Some(day) = shared.readers.open(file)? else { continue };
        let found = day.ask(|connection| {
            let salt = open_day::salt(connection)?;
            let hash = open_day::hash(&salt, Name::Uid, account.0, uid);
            let Some(found) = accept::named(connection, Name::Uid, hash, account.0, uid)? else { return Ok(None) };
            stored_event(connection, row::integer(found.id.tick().0), false)
        })?;
        if let Some((_, event)) = found {
            return Ok(Some(event));
        }
    }
    Ok(None)
}

/// An event as it may be shown, and whose it is.
pub(super) fn stored_event(
    connection: &Connection,
    tick: i64,
    without_payload: bool,
) -> rusqlite::Result<Option<(AccountKey, StoredEvent)>> {
    let payload = if without_payload { "NULL" } else { "payload" };
    let sql = format!(
        "SELECT tick, random, account, type, uid, channels, unregistered, keep, redact, payload_state, {payload},
                x.tags, x.deliver_at, x.payload_until, x.misfits
         FROM event LEFT JOIN extra x ON x.event = tick WHERE tick = ?"
    );
    let read = |found: &Row<'_>| {
        let event = StoredEvent {
            id: row::event_id(found, 0)?,
            event_type: Arc::from(found.get_ref(3)?.as_str()?),
            uid: found.get(4)?,
            channels: row::words(found, 5)?,
            extras: row::extras(found, 11)?,
            unregistered: found.get(6)?,
            payload: if without_payload { Payload::LeftOut } else { shown_payload(found)? },
        };
        Ok((AccountKey(found.get(2)?), event))
    };
    connection.prepare_cached(&sql)?.query_row([tick], read).optional()
}

/// Values that are to be struck out never are shown, also while the payload is kept whole for sending.
fn shown_payload(found: &Row<'_>) -> rusqlite::Result<Payload> {
    let payload = row::bytes(found, 10)?;
    Ok(match found.get::<_, i64>(9)? {
        row::WHOLE => match row::keep(found, 7, 8)? {
            KeepPayload::Redacted(pointers) | KeepPayload::IfLogged(pointers) => {
                match json::strike(&payload, &pointers) {
                    Some(struck) => Payload::Redacted(struck.into()),
                    None => Payload::Kept(payload),
                }
            }
            KeepPayload::Whole | KeepPayload::Never => Payload::Kept(payload),
        },
        row::REDACTED => Payload::Redacted(payload),
        _ => Payload::Gone,
    })
}

pub(super) fn destinations(shared: &Shared, account: AccountKey, event: EventId) -> Outcome<Vec<Destination>> {
    let Some(file) = shared.days.get(accept::day_of(event)) else { return Err(not_found()) };
    let Some(day) = shared.readers.open(&file)? else { return Err(not_found()) };
    let found = day.ask(|connection| {
        // One moment: a delivery that ends between two looks must not be missing in both.
        let moment = connection.unchecked_transaction()?;
        let destinations = destinations_at(&moment, account, event)?;
        moment.commit()?;
        Ok(destinations)
    })?;
    found.ok_or_else(not_found)
}

fn destinations_at(
    connection: &Connection,
    account: AccountKey,
    event: EventId,
) -> rusqlite::Result<Option<Vec<Destination>>> {
    let tick = row::integer(event.tick().0);
    let targets = connection
        .prepare_cached("SELECT targets FROM event WHERE tick = ? AND random = ? AND account = ?")?
        .query_row(params![tick, event.random(), account.0], |found| row::targets(found, 0))
        .optional()?;
    let Some(targets) = targets else { return Ok(None) };
    let mut live = connection.prepare_cached("SELECT due_at FROM delivery WHERE endpoint = ? AND event = ?")?;
    let mut ended = connection.prepare_cached("SELECT how FROM ended WHERE endpoint = ? AND event = ?")?;
    let mut destinations = Vec::with_capacity(targets.len());
    for target in targets {
        let key = (target.endpoint.0, tick);
        let how = ended.query_row(key, |found| row::ended(found, 0)).optional()?;
        let due_at: Option<Option<i64>> = live.query_row(key, |found| found.get(0)).optional()?;
        let live = due_at.map(|due_at| {
            due_at.map_or(DeliveryState::Waiting, |at| DeliveryState::Scheduled(Timestamp::from_micros(at)))
        });
        destinations.push(Destination { endpoint: target.endpoint, state: how.map(DeliveryState::Ended).or(live) });
    }
    Ok(Some(destinations))
}

pub(super) fn ended(
    shared: &Shared,
    endpoint: EndpointKey,
    page: PageRequest,
) -> Outcome<Page<(DeliveryKey, Ended, EventId)>> {
    let (comparison, direction, nowhere) = match page.order {
        Order::NewestFirst => ("<", "DESC", i64::MAX),
        Order::OldestFirst => (">", "ASC", -1),
    };
    let sql = format!(
        "SELECT e.tick, e.random, d.how FROM ended d CROSS JOIN event e ON e.tick = d.event
         WHERE d.endpoint = ? AND d.event {comparison} ? ORDER BY d.event {direction} LIMIT ?"
    );
    let after = page.after.map_or(nowhere, |tick| row::integer(tick.0));
    let wanted = page.rows_max.saturating_add(1);
    let mut rows = Vec::new();
    for file in in_order(shared, page.order) {
        if rows.len() >= wanted {
            break;
        }
        if file.known().ended == 0 {
            continue;
        }
        let Some(day) = shared.readers.open(&file)? else { continue };
        day.ask(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let limit = limit_of(wanted - rows.len());
            let found = statement.query_map((endpoint.0, after, limit), |found| {
                let id = row::event_id(found, 0)?;
                Ok((DeliveryKey { endpoint, event: id.tick() }, row::ended(found, 2)?, id))
            })?;
            for row in found {
                rows.push(row?);
            }
            Ok(())
        })?;
    }
    Ok(cut(rows, page.rows_max))
}

pub(super) fn counts(
    shared: &Shared,
    endpoint: EndpointKey,
    from_minute: i64,
    until_minute: i64,
) -> Outcome<Vec<MinuteCount>> {
    let mut minutes: BTreeMap<i64, MinuteCount> = BTreeMap::new();
    for file in shared.days.all() {
        let Some(day) = shared.readers.open(&file)? else { continue };
        day.ask(|connection| {
            // From minute to minute, for the table is ordered by it: written at one place, not at as many as endpoints.
            let mut next =
                connection.prepare_cached("SELECT min(minute) FROM counter WHERE minute >= ? AND minute < ?")?;
            let mut own = connection.prepare_cached(
                "SELECT delivered, refused, timed_out, unreachable, blocked, gave_up, duration_ms FROM counter
                 WHERE minute = ? AND endpoint = ?",
            )?;
            let mut from = from_minute;
            while let Some(minute) = next.query_row((from, until_minute), |found| found.get::<_, Option<i64>>(0))? {
                let mut rows = own.query((minute, endpoint.0))?;
                if let Some(found) = rows.next()? {
                    let sum = minutes.entry(minute).or_insert(MinuteCount { minute, ..MinuteCount::default() });
                    add(sum, found)?;
                }
                from = minute.saturating_add(1);
            }
            Ok(())
        })?;
    }
    Ok(minutes.into_values().collect())
}

pub(super) fn add(sum: &mut MinuteCount, found: &Row<'_>) -> rusqlite::Result<()> {
    let number = |column| found.get::<_, i64>(column).map(row::natural);
    sum.delivered += number(0)?;
    sum.refused += number(1)?;
    sum.timed_out += number(2)?;
    sum.unreachable += number(3)?;
    sum.blocked += number(4)?;
    sum.gave_up += number(5)?;
    sum.duration_ms = sum.duration_ms.saturating_add(number(6)?);
    Ok(())
}

/// From what is known in memory: no file is read.
pub(super) fn census(shared: &Shared) -> Outcome<Census> {
    let mut census = Census { bytes: shared.catalog()?.bytes(), ..Census::default() };
    for file in shared.days.all() {
        census.bytes += file.bytes();
        let known = file.known();
        census.events += known.events;
        census.deliveries_live += known.live;
        census.deliveries_ended += known.ended;
    }
    Ok(census)
}

pub(super) fn in_order(shared: &Shared, order: Order) -> Vec<Arc<super::day::DayFile>> {
    let mut files = shared.days.all();
    if order == Order::NewestFirst {
        files.reverse();
    }
    files
}

/// A page of rows, of which one more than it holds was looked for.
pub(super) fn cut<T>(mut rows: Vec<T>, rows_max: usize) -> Page<T> {
    let done = rows.len() <= rows_max;
    rows.truncate(rows_max);
    Page { rows, done }
}

pub(super) fn not_found() -> Fault {
    Fault::Refused(StoreError::NotFound)
}
