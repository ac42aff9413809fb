//! Deliveries that want attempts, as lanes and timers ask for them.

use std::collections::BTreeSet;

use ringup_core::delivery::DeliveryState;
use ringup_core::key::EndpointKey;
use ringup_core::time::{Tick, Timestamp};
use rusqlite::Connection;

use super::fault::Outcome;
use super::row;
use super::shared::Shared;
use crate::seam::Loaded;

pub(super) fn endpoints(shared: &Shared) -> Outcome<Vec<EndpointKey>> {
    let mut endpoints = BTreeSet::new();
    each_live_day(shared, Tick(0), |connection| {
        // From one endpoint to the next: the time is that of the endpoints, not of their deliveries.
        let mut next = connection.prepare_cached("SELECT min(endpoint) FROM delivery WHERE endpoint > ?")?;
        let mut last = i64::MIN;
        while let Some(endpoint) = next.query_row([last], |found| found.get::<_, Option<i64>>(0))? {
            endpoints.insert(EndpointKey(endpoint));
            last = endpoint;
        }
        Ok(true)
    })?;
    Ok(endpoints.into_iter().collect())
}

pub(super) fn waiting(
    shared: &Shared,
    endpoint: EndpointKey,
    after: Tick,
    scheduled_too: bool,
    rows_max: usize,
) -> Outcome<Vec<Loaded>> {
    let due = if scheduled_too { "" } else { "AND d.due_at IS NULL" };
    let sql = format!(
        "SELECT {} FROM delivery d CROSS JOIN event e ON e.tick = d.event
         WHERE d.endpoint = ? AND d.event > ? {due} ORDER BY d.event LIMIT ?",
        row::loaded_columns()
    );
    let mut found: Vec<Loaded> = Vec::new();
    each_live_day(shared, after, |connection| {
        let mut statement = connection.prepare_cached(&sql)?;
        let limit = rows_max.saturating_sub(found.len());
        let rows = statement.query_map((endpoint.0, row::integer(after.0), limit_of(limit)), row::loaded)?;
        for loaded in rows {
            found.push(loaded?);
        }
        Ok(found.len() < rows_max)
    })?;
    Ok(found)
}

pub(super) fn due(shared: &Shared, before: Timestamp, rows_max: usize) -> Outcome<Vec<Loaded>> {
    let sql = format!(
        "SELECT {} FROM delivery d CROSS JOIN event e ON e.tick = d.event
         WHERE d.due_at IS NOT NULL AND d.due_at <= ? ORDER BY d.due_at, d.endpoint, d.event LIMIT ?",
        row::loaded_columns()
    );
    let mut found: Vec<Loaded> = Vec::new();
    each_live_day(shared, Tick(0), |connection| {
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map((before.as_micros(), limit_of(rows_max)), row::loaded)?;
        for loaded in rows {
            found.push(loaded?);
        }
        // Each day is in order already, and only so many can count: what is kept is bounded.
        found.sort_by_key(|loaded| (due_at(loaded), loaded.delivery.key));
        found.truncate(rows_max);
        Ok(true)
    })?;
    Ok(found)
}

pub(super) fn next_due(shared: &Shared) -> Outcome<Option<Timestamp>> {
    let mut earliest: Option<i64> = None;
    each_live_day(shared, Tick(0), |connection| {
        let first: Option<i64> = connection
            .prepare_cached("SELECT min(due_at) FROM delivery WHERE due_at IS NOT NULL")?
            .query_row((), |found| found.get(0))?;
        earliest = [earliest, first].into_iter().flatten().min();
        Ok(true)
    })?;
    Ok(earliest.map(Timestamp::from_micros))
}

/// Asks the days that have live deliveries, from that of a tick on, oldest first, until one answers that it is enough.
pub(super) fn each_live_day(
    shared: &Shared,
    from: Tick,
    mut ask: impl FnMut(&Connection) -> rusqlite::Result<bool>,
) -> Outcome<()> {
    for file in shared.days.all() {
        if file.day < from.day() || file.known().live == 0 {
            continue;
        }
        let Some(day) = shared.readers.open(&file)? else { continue };
        if !day.ask(&mut ask)? {
            return Ok(());
        }
    }
    Ok(())
}

fn due_at(loaded: &Loaded) -> Timestamp {
    match loaded.delivery.state {
        DeliveryState::Scheduled(at) => at,
        DeliveryState::Waiting | DeliveryState::Ended(_) => Timestamp::default(),
    }
}

pub(super) fn limit_of(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
