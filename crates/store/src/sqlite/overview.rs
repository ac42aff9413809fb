//! Everything at once, for operators: from the counters, and from the indexes of what is live.

use std::collections::BTreeMap;

use ringup_core::key::EndpointKey;
use ringup_core::time::{Tick, Timestamp};

use super::fault::Outcome;
use super::row;
use super::shared::Shared;
use super::work::{each_live_day, limit_of};
use crate::overview::{AHEAD_MINUTES, Backlog, LaneBacklog, Tally};
use crate::query::MinuteCount;

pub(super) fn tally(shared: &Shared, from_minute: i64, until_minute: i64) -> Outcome<Tally> {
    let mut counts: Vec<(EndpointKey, MinuteCount)> = Vec::new();
    for file in shared.days.all() {
        // Attempts of a day's events are made on that day or later.
        if Tick::at(Timestamp::from_secs(until_minute.saturating_mul(60))).day() < file.day {
            continue;
        }
        let Some(day) = shared.readers.open(&file)? else { continue };
        day.ask(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT endpoint, minute, delivered, refused, timed_out, unreachable, blocked, gave_up, duration_ms
                 FROM counter WHERE minute >= ? AND minute < ?",
            )?;
            let mut rows = statement.query((from_minute, until_minute))?;
            while let Some(found) = rows.next()? {
                let number = |column| found.get::<_, i64>(column).map(row::natural);
                let count = MinuteCount {
                    minute: found.get(1)?,
                    delivered: number(2)?,
                    refused: number(3)?,
                    timed_out: number(4)?,
                    unreachable: number(5)?,
                    blocked: number(6)?,
                    gave_up: number(7)?,
                    duration_ms: number(8)?,
                };
                counts.push((EndpointKey(found.get(0)?), count));
            }
            Ok(())
        })?;
    }
    Ok(Tally::of(counts))
}

pub(super) fn backlog(shared: &Shared, now: Timestamp, rows_max: usize) -> Outcome<Backlog> {
    let mut lanes: BTreeMap<EndpointKey, LaneBacklog> = BTreeMap::new();
    let mut due = vec![0; AHEAD_MINUTES];
    let mut due_is_whole = true;
    let (mut left, mut due_left) = (rows_max, rows_max);
    each_live_day(shared, Tick(0), |connection| {
        let mut next = connection.prepare_cached("SELECT min(endpoint) FROM delivery WHERE endpoint > ?")?;
        // One more than may be counted shows whether that is all.
        let mut own = connection.prepare_cached(
            "SELECT count(*), min(event) FROM (SELECT event FROM delivery WHERE endpoint = ? ORDER BY event LIMIT ?)",
        )?;
        let mut last = i64::MIN;
        while let Some(endpoint) = next.query_row([last], |found| found.get::<_, Option<i64>>(0))? {
            let key = EndpointKey(endpoint);
            // Each lane is told with at least one, however little may still be counted.
            let may = if lanes.contains_key(&key) { left } else { left.max(1) };
            let (count, oldest) = own.query_row((endpoint, limit_of(may.saturating_add(1))), |found| {
                Ok((found.get::<_, i64>(0)?, row::tick(found, 1)?))
            })?;
            let found = usize::try_from(count).unwrap_or(usize::MAX);
            let counted = found.min(may);
            left = left.saturating_sub(counted);
            let oldest = oldest.time();
            let fresh = LaneBacklog { endpoint: key, waiting: 0, is_whole: true, oldest };
            let lane = lanes.entry(key).or_insert(fresh);
            lane.waiting += counted as u64;
            lane.is_whole &= found <= may;
            lane.oldest = lane.oldest.min(oldest);
            last = endpoint;
        }
        let mut ahead = connection.prepare_cached(
            "SELECT max(0, (due_at - ?1) / 60000000) AS minute, count(*)
             FROM (SELECT due_at FROM delivery WHERE due_at IS NOT NULL AND due_at < ?2 ORDER BY due_at LIMIT ?3)
             GROUP BY minute",
        )?;
        let until = now.saturating_add(std::time::Duration::from_mins(AHEAD_MINUTES as u64));
        let mut rows = ahead.query((now.as_micros(), until.as_micros(), limit_of(due_left.saturating_add(1))))?;
        while let Some(found) = rows.next()? {
            let count = row::natural(found.get(1)?);
            let place = found.get::<_, u8>(0)?;
            let place = usize::from(place).min(AHEAD_MINUTES - 1);
            let may = u64::try_from(due_left).unwrap_or(u64::MAX);
            due[place] += count.min(may);
            due_is_whole &= count <= may;
            due_left = due_left.saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        }
        Ok(true)
    })?;
    Ok(Backlog { lanes: lanes.into_values().collect(), due, due_is_whole })
}
