//! What can be asked of the history, and what comes back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringup_core::delivery::{DeliveryState, Ended, Trigger};
use ringup_core::event::Extras;
use ringup_core::id::{AttemptId, EventId, TaskId};
use ringup_core::key::{AccountKey, EndpointKey, EnvironmentKey};
use ringup_core::outcome::BodyEnd;
use ringup_core::task::{Standing, Task, TaskKind, TaskStatus};
use ringup_core::time::{Tick, Timestamp};
use ringup_core::timing::Timing;

use crate::log_entry::{Count, OutcomeWord};

/// Rows from a position onward, the position itself left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// 1 to `limits::PAGE_ROWS_MAX`.
    pub rows_max: usize,
    /// The tick of the last row seen: an event's or an attempt's.
    pub after: Option<Tick>,
    pub order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// No more rows in this direction.
    pub done: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    pub event_types: Option<Vec<String>>,
    pub channel: Option<String>,
    pub tag: Option<String>,
    /// Accepted before this time.
    pub before: Option<Timestamp>,
    /// Accepted after this time.
    pub after: Option<Timestamp>,
    /// Leaves payloads out.
    pub without_payload: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptFilter {
    /// Only those that were delivered, or only those that were not.
    pub succeeded: Option<bool>,
    /// 1 to 5: only statuses of that hundred. 0: only attempts without a status.
    pub status_class: Option<u16>,
    pub endpoint: Option<EndpointKey>,
    pub event_types: Option<Vec<String>>,
    pub channel: Option<String>,
    pub tag: Option<String>,
    /// Started before this time.
    pub before: Option<Timestamp>,
    /// Started after this time.
    pub after: Option<Timestamp>,
    /// Leaves response bodies, headers and timings out.
    pub without_response: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    pub id: EventId,
    pub event_type: Arc<str>,
    pub uid: Option<String>,
    pub channels: Vec<String>,
    pub extras: Extras,
    pub payload: Payload,
    pub unregistered: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    Kept(Bytes),
    /// Kept with values struck out: may be shown, cannot be sent.
    Redacted(Bytes),
    /// Removed by log mode, retention or request.
    Gone,
    /// Not asked for.
    LeftOut,
}

/// Where one event stands with one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    pub endpoint: EndpointKey,
    /// `None`: delivered.
    pub state: Option<DeliveryState>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAttempt {
    pub id: AttemptId,
    pub event: EventId,
    pub endpoint: EndpointKey,
    pub number: u32,
    pub trigger: Trigger,
    pub started_at: Timestamp,
    pub duration: Duration,
    /// Empty, too, where responses were left out.
    pub timing: Timing,
    pub url: Arc<str>,
    pub outcome: OutcomeWord,
    pub status: Option<u16>,
    pub detail: Option<String>,
    pub response_headers: Bytes,
    pub response_body: Bytes,
    pub body_end: BodyEnd,
}

/// Counters of one endpoint in one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct MinuteCount {
    pub minute: i64,
    pub delivered: u64,
    pub refused: u64,
    pub timed_out: u64,
    pub unreachable: u64,
    pub blocked: u64,
    /// Deliveries that ended without success.
    pub gave_up: u64,
    /// Sum of attempt durations.
    pub duration_ms: u64,
}

impl MinuteCount {
    /// One more attempt of this minute.
    pub(crate) fn count(&mut self, more: Count) {
        match more.outcome {
            OutcomeWord::Delivered => self.delivered += 1,
            OutcomeWord::Refused => self.refused += 1,
            OutcomeWord::TimedOut => self.timed_out += 1,
            OutcomeWord::Unreachable => self.unreachable += 1,
            OutcomeWord::Blocked => self.blocked += 1,
            // Cut off by us: not the endpoint's doing.
            OutcomeWord::Interrupted => {}
        }
        self.gave_up += u64::from(more.gave_up);
        let millis = u64::try_from(more.duration.as_millis()).unwrap_or(u64::MAX);
        self.duration_ms = self.duration_ms.saturating_add(millis);
    }
}

/// Events that one scan looks at: some tens of milliseconds of reading.
pub const SCAN_EVENTS_MAX: usize = 4_096;

/// A page of a list that is searched for, where searching has a bound, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan<T> {
    /// As many as asked for, unless `done` or the search reached its bound first.
    pub rows: Vec<T>,
    /// The last event looked at; where to go on.
    pub reached: Option<Tick>,
    /// Nothing is left to look at in this direction.
    pub done: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointEventFilter {
    pub events: EventFilter,
    pub reach: Reach,
    /// Any of these.
    pub standings: Option<Vec<Standing>>,
    /// 1 to 5: the hundred of the newest logged attempt's status at this endpoint; 0 for one without a status.
    pub status_class: Option<u16>,
}

/// Whether an event went to the endpoint in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Sent,
    /// The endpoint is not among those it went to.
    Missing,
}

/// An event, and where it stands with the endpoint in question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointEvent {
    pub event: StoredEvent,
    /// `None`: delivered, or never sent there.
    pub state: Option<DeliveryState>,
}

/// Deliveries of an endpoint by where they stand. The delivered ones leave no state and are known by counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct StandingCounts {
    pub live: u64,
    pub failed: u64,
    pub left_out: u64,
}

/// Which tasks; all that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    pub id: Option<TaskId>,
    pub environment: Option<EnvironmentKey>,
    pub account: Option<AccountKey>,
    /// Any of these.
    pub status: Option<Vec<TaskStatus>>,
    pub kind: Option<TaskKind>,
}

/// Where a delivery in this state stands.
pub fn standing_of(state: Option<DeliveryState>) -> Standing {
    match state {
        None => Standing::Delivered,
        Some(DeliveryState::Waiting | DeliveryState::Scheduled(_)) => Standing::Live,
        Some(DeliveryState::Ended(Ended::Skipped | Ended::Cancelled)) => Standing::LeftOut,
        Some(DeliveryState::Ended(Ended::Exhausted | Ended::NotRepeated | Ended::Gone | Ended::Blocked)) => {
            Standing::Failed
        }
    }
}

impl StandingCounts {
    pub(crate) fn add(&mut self, state: DeliveryState, count: u64) {
        match standing_of(Some(state)) {
            Standing::Live => self.live += count,
            Standing::Failed => self.failed += count,
            Standing::LeftOut => self.left_out += count,
            Standing::Delivered => {}
        }
    }
}

impl TaskFilter {
    pub fn wants(&self, task: &Task) -> bool {
        self.id.is_none_or(|id| id == task.id)
            && self.environment.is_none_or(|environment| environment == task.environment)
            && self.account.is_none_or(|account| account == task.account)
            && self.status.as_ref().is_none_or(|any| any.contains(&task.status))
            && self.kind.is_none_or(|kind| kind == task.kind)
    }
}
