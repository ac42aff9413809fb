//! What an operator asks of all that is stored at once: answered from counters and indexes, within bounds.

use std::path::PathBuf;

use ringup_core::key::EndpointKey;
use ringup_core::time::Timestamp;

use crate::query::MinuteCount;

/// Minutes that a backlog looks ahead.
pub const AHEAD_MINUTES: usize = 60;

/// Counters over a time, of every endpoint: summed by minute, and by endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Oldest first, and only minutes that have some.
    pub minutes: Vec<MinuteCount>,
    /// By key. `minute` is the last one in which something was counted.
    pub endpoints: Vec<(EndpointKey, MinuteCount)>,
}

/// Deliveries that want attempts, as far as they were counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// One for each endpoint with work, by key.
    pub lanes: Vec<LaneBacklog>,
    /// Those with a time within the next hour, by the minute until it comes; overdue ones are in the first.
    pub due: Vec<u64>,
    /// Whether `due` counts all of them.
    pub due_is_whole: bool,
}

/// What waits for one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneBacklog {
    pub endpoint: EndpointKey,
    /// At least one.
    pub waiting: u64,
    /// Whether that is all of it.
    pub is_whole: bool,
    /// When the oldest event that waits was accepted.
    pub oldest: Timestamp,
}

/// A copy of everything that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedUp {
    pub folder: PathBuf,
    pub files: usize,
    pub bytes: u64,
}

/// The minute of a backlog that a time falls in; `None` for what lies further ahead.
pub(crate) fn minute_ahead(due_at: Timestamp, now: Timestamp) -> Option<usize> {
    let minute = usize::try_from(due_at.saturating_since(now).as_secs() / 60).ok()?;
    (minute < AHEAD_MINUTES).then_some(minute)
}

impl Tally {
    pub(crate) fn of(counts: impl IntoIterator<Item = (EndpointKey, MinuteCount)>) -> Tally {
        let (mut minutes, mut endpoints) = (std::collections::BTreeMap::new(), std::collections::BTreeMap::new());
        for (endpoint, count) in counts {
            minutes.entry(count.minute).or_insert_with(MinuteCount::default).add(&count);
            endpoints.entry(endpoint).or_insert_with(MinuteCount::default).add(&count);
        }
        Tally { minutes: minutes.into_values().collect(), endpoints: endpoints.into_iter().collect() }
    }
}

impl MinuteCount {
    /// Both together, under the later minute.
    fn add(&mut self, other: &MinuteCount) {
        self.minute = self.minute.max(other.minute);
        self.delivered += other.delivered;
        self.refused += other.refused;
        self.timed_out += other.timed_out;
        self.unreachable += other.unreachable;
        self.blocked += other.blocked;
        self.gave_up += other.gave_up;
        self.duration_ms = self.duration_ms.saturating_add(other.duration_ms);
    }

    /// Attempts that did not deliver.
    pub fn failed(&self) -> u64 {
        self.refused + self.timed_out + self.unreachable + self.blocked
    }
}
