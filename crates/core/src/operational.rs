//! What an environment's owner is told about deliveries themselves: endpoints that change, and events that do not arrive.
//!
//! Told by events like any other, to the endpoints of an account that each environment keeps for it. Nothing is told
//! about that account's own endpoints: it would go round for ever.

use std::fmt;

use crate::account::Account;
use crate::endpoint::Endpoint;
use crate::id::{AccountId, AttemptId, EndpointId, EventId};
use crate::key::EnvironmentKey;
use crate::outcome::words;
use crate::time::Timestamp;

/// The uid of the account that gets them. No caller can choose it: it has a character that names do not have.
pub const OPERATIONAL_UID: &str = "~operational";

/// Failed attempts after which a delivery that is still tried is told about (Svix dialect: the fourth).
pub const FAILING_ATTEMPTS: u32 = 4;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum OperationalKind {
    EndpointCreated,
    EndpointUpdated,
    EndpointDeleted,
    /// By its owner, or by us.
    EndpointDisabled,
    EndpointEnabled,
    /// An endpoint has taken nothing for as long as the operator waits before telling it.
    EndpointFailing,
    /// An endpoint that was told about takes what it is sent again.
    EndpointRecovered,
    /// A delivery ended without success.
    AttemptExhausted,
    /// A delivery has failed [`FAILING_ATTEMPTS`] times and is still tried.
    AttemptFailing,
    /// A delivery that was told about has arrived after all.
    AttemptRecovered,
}

words!(OperationalKind {
    EndpointCreated = "endpoint.created",
    EndpointUpdated = "endpoint.updated",
    EndpointDeleted = "endpoint.deleted",
    EndpointDisabled = "endpoint.disabled",
    EndpointEnabled = "endpoint.enabled",
    EndpointFailing = "endpoint.failing",
    EndpointRecovered = "endpoint.recovered",
    AttemptExhausted = "message.attempt.exhausted",
    AttemptFailing = "message.attempt.failing",
    AttemptRecovered = "message.attempt.recovered",
});

/// An endpoint changed. Stored with the change, so that it is told however the process ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    pub kind: OperationalKind,
    pub environment: EnvironmentKey,
    pub subject: Subject,
    /// Disabled by us, since it failed for too long or said that it is gone.
    pub automatic: bool,
}

/// Whom it is about, by the names that others know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subject {
    pub account: AccountId,
    pub account_uid: Option<String>,
    pub endpoint: EndpointId,
    pub endpoint_uid: Option<String>,
}

/// The attempt that made a delivery worth telling about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AttemptNotice {
    pub kind: OperationalKind,
    pub subject: Subject,
    pub event: EventId,
    pub event_uid: Option<String>,
    pub attempt: AttemptId,
    /// Zero without an answer.
    pub status: u16,
    pub at: Timestamp,
}

/// An endpoint that fails, or does so no longer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HealthNotice {
    pub kind: OperationalKind,
    pub subject: Subject,
    pub url: String,
    pub failing_since: Timestamp,
    /// Of the newest attempt; zero without an answer.
    pub status: u16,
}

/// What is to be told, for whoever puts it into words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Announcement {
    Endpoint(Notice),
    Health(HealthNotice),
    Attempt(AttemptNotice),
}

impl Subject {
    pub fn of(account: &Account, endpoint: &Endpoint) -> Subject {
        Subject {
            account: account.id,
            account_uid: account.uid.clone(),
            endpoint: endpoint.id,
            endpoint_uid: endpoint.uid.clone(),
        }
    }
}

impl Account {
    /// Whether it is the one that gets operational events.
    pub fn is_operational(&self) -> bool {
        self.uid.as_deref() == Some(OPERATIONAL_UID)
    }
}

/// What is to be told of an endpoint that was `old` and is `new` now; `None` for either means that it is not there.
pub fn endpoint_change(old: Option<&Endpoint>, new: Option<&Endpoint>) -> Option<OperationalKind> {
    match (old, new) {
        (None, None) => None,
        (None, Some(_)) => Some(OperationalKind::EndpointCreated),
        (Some(_), None) => Some(OperationalKind::EndpointDeleted),
        (Some(old), Some(new)) => Some(match (old.stopped, new.stopped) {
            (None, Some(_)) => OperationalKind::EndpointDisabled,
            (Some(_), None) => OperationalKind::EndpointEnabled,
            (None, None) | (Some(_), Some(_)) => OperationalKind::EndpointUpdated,
        }),
    }
}

impl Announcement {
    pub fn kind(&self) -> OperationalKind {
        match self {
            Announcement::Endpoint(notice) => notice.kind,
            Announcement::Health(notice) => notice.kind,
            Announcement::Attempt(notice) => notice.kind,
        }
    }
}
