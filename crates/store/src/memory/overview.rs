//! Everything at once, for operators.

use std::collections::BTreeMap;

use ringup_core::time::Timestamp;

use super::history::History;
use crate::overview::{AHEAD_MINUTES, Backlog, LaneBacklog, Tally, minute_ahead};

pub(super) fn tally(history: &History, from_minute: i64, until_minute: i64) -> Tally {
    let wanted = history.counters.iter().filter(|((_, minute, _), _)| (from_minute..until_minute).contains(minute));
    Tally::of(wanted.map(|((endpoint, ..), count)| (*endpoint, *count)))
}

pub(super) fn backlog(history: &History, now: Timestamp, rows_max: usize) -> Backlog {
    let mut lanes: BTreeMap<_, LaneBacklog> = BTreeMap::new();
    let mut left = rows_max;
    for key in history.all_live().keys() {
        let fresh = LaneBacklog { endpoint: key.endpoint, waiting: 0, is_whole: true, oldest: key.event.time() };
        let lane = lanes.entry(key.endpoint).or_insert(fresh);
        if lane.waiting == 0 || left > 0 {
            lane.waiting += 1;
            left = left.saturating_sub(1);
        } else {
            lane.is_whole = false;
        }
    }
    let mut due = vec![0; AHEAD_MINUTES];
    let ahead = history.scheduled().iter().map_while(|(at, _)| minute_ahead(*at, now));
    let mut due_is_whole = true;
    for (place, minute) in ahead.enumerate() {
        if place >= rows_max {
            due_is_whole = false;
            break;
        }
        due[minute] += 1;
    }
    Backlog { lanes: lanes.into_values().collect(), due, due_is_whole }
}
