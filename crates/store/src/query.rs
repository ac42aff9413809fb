//! What can be asked of the history, and what comes back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringup_core::delivery::{DeliveryState, Trigger};
use ringup_core::id::{AttemptId, EventId};
use ringup_core::key::EndpointKey;
use ringup_core::outcome::BodyEnd;
use ringup_core::time::{Tick, Timestamp};

use crate::log_entry::OutcomeWord;

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
    /// Started before this time.
    pub before: Option<Timestamp>,
    /// Started after this time.
    pub after: Option<Timestamp>,
    /// Leaves response bodies and headers out.
    pub without_response: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    pub id: EventId,
    pub event_type: Arc<str>,
    pub uid: Option<String>,
    pub channels: Vec<String>,
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
