//! An event: an immutable fact that an account's software reported.

use std::sync::Arc;

use bytes::Bytes;

use crate::id::EventId;
use crate::key::{AccountKey, EndpointKey};
use crate::log::LogMode;
use crate::time::{Tick, Timestamp};

/// An event as it lies in the store and travels through lanes. Shared by all its deliveries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    pub id: EventId,
    pub account: AccountKey,
    pub event_type: Arc<str>,
    /// The bytes received, untouched.
    pub payload: Bytes,
    /// How long the payload is wanted once no delivery needs it.
    pub keep_payload: KeepPayload,
}

impl Event {
    pub fn tick(&self) -> Tick {
        self.id.tick()
    }

    pub fn accepted_at(&self) -> Timestamp {
        self.id.tick().time()
    }
}

/// What a publisher asks for besides, and what is noted of it. Most events have none of it, and cost nothing for it.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Extras {
    /// Free words by which events are found again.
    pub tags: Vec<String>,
    /// When deliveries are to begin; a time that has passed is now.
    pub deliver_at: Option<Timestamp>,
    /// After this time the payload goes as soon as no delivery is live. Never keeps it longer than [`KeepPayload`] does.
    pub payload_until: Option<Timestamp>,
    /// Where the payload is not what the schema of its type says: a JSON pointer and why, a line each.
    pub misfits: Vec<String>,
}

impl Extras {
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.deliver_at.is_none() && self.payload_until.is_none() && self.misfits.is_empty()
    }

    /// When the deliveries of an event that is accepted now are due; `None`: at once.
    pub fn due_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.deliver_at.filter(|at| *at > now)
    }
}

/// What happens to the stored payload when the last delivery of its event has ended well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeepPayload {
    /// Kept as it is until retention takes it.
    Whole,
    /// Replaced by a copy in which the values at these JSON pointers are struck out.
    Redacted(Arc<[String]>),
    /// Removed unless an attempt was logged; then kept whole, or struck out if there are pointers.
    IfLogged(Arc<[String]>),
    /// Removed.
    Never,
}

impl KeepPayload {
    /// From the log modes of the endpoints that get the event, and the pointers that the account redacts.
    ///
    /// An event that nobody gets follows the account's mode alone, passed as the only one.
    pub fn of(modes: impl IntoIterator<Item = LogMode>, redact: Arc<[String]>) -> KeepPayload {
        match modes.into_iter().max().unwrap_or(LogMode::None) {
            LogMode::Full if redact.is_empty() => KeepPayload::Whole,
            LogMode::Full => KeepPayload::Redacted(redact),
            LogMode::Error => KeepPayload::IfLogged(redact),
            LogMode::None => KeepPayload::Never,
        }
    }
}

/// One endpoint that an accepted event goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    pub endpoint: EndpointKey,
    /// Hash of the ordering key in the payload, where the endpoint orders by one.
    pub order_key: Option<u64>,
    /// The endpoint is paused or disabled: recorded as skipped, can be recovered later.
    pub skipped: bool,
}
