//! Counters of many endpoints at once.

use std::collections::BTreeMap;

use ringup_core::key::EndpointKey;

use super::fault::Outcome;
use super::read::add;
use super::shared::Shared;
use crate::query::MinuteCount;

/// Between the first and the last of the endpoints asked for, this many others for each of them are read along and left
/// out before it is cheaper to ask for each one by itself.
const OTHERS_PER_ENDPOINT: i64 = 16;

pub(super) fn counts_of(
    shared: &Shared,
    endpoints: &[EndpointKey],
    from_minute: i64,
    until_minute: i64,
) -> Outcome<Vec<(EndpointKey, Vec<MinuteCount>)>> {
    let mut sums: BTreeMap<i64, BTreeMap<i64, MinuteCount>> =
        endpoints.iter().map(|key| (key.0, BTreeMap::new())).collect();
    for file in shared.days.all() {
        let Some(day) = shared.readers.open(&file)? else { continue };
        day.ask(|connection| {
            // From minute to minute, for the table is ordered by it.
            let mut next =
                connection.prepare_cached("SELECT min(minute) FROM counter WHERE minute >= ? AND minute < ?")?;
            let mut own = connection.prepare_cached(
                "SELECT delivered, refused, timed_out, unreachable, blocked, gave_up, duration_ms, endpoint FROM counter
                 WHERE minute = ? AND endpoint BETWEEN ? AND ?",
            )?;
            let ranges = ranges(&sums);
            let mut from = from_minute;
            while let Some(minute) = next.query_row((from, until_minute), |found| found.get::<_, Option<i64>>(0))? {
                for (first, last) in &ranges {
                    let mut rows = own.query((minute, first, last))?;
                    while let Some(found) = rows.next()? {
                        if let Some(minutes) = sums.get_mut(&found.get(7)?) {
                            let sum = minutes.entry(minute).or_insert(MinuteCount { minute, ..MinuteCount::default() });
                            add(sum, found)?;
                        }
                    }
                }
                from = minute.saturating_add(1);
            }
            Ok(())
        })?;
    }
    let some = |key: &EndpointKey| {
        let minutes = sums.remove(&key.0).filter(|minutes| !minutes.is_empty())?;
        Some((*key, minutes.into_values().collect()))
    };
    Ok(endpoints.iter().filter_map(some).collect())
}

/// The keys as ranges without large gaps.
fn ranges<T>(keys: &BTreeMap<i64, T>) -> Vec<(i64, i64)> {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for key in keys.keys() {
        match ranges.last_mut() {
            Some((_, last)) if *key - *last <= OTHERS_PER_ENDPOINT => *last = *key,
            _ => ranges.push((*key, *key)),
        }
    }
    ranges
}
