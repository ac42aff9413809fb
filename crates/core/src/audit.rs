//! The audit log: who changed what, from where, and what it was before.
//!
//! An entry is a fact and never changed. It tells names of fields and their values, but of what is secret only that it was
//! changed: a value that nobody may read is not in it.

use std::fmt;
use std::net::IpAddr;

use crate::account::KeyKind;
use crate::id::{AccountId, AuditId, KeyId};
use crate::key::EnvironmentKey;
use crate::outcome::words;
use crate::time::Timestamp;

pub mod field;

/// Characters of a value that an entry keeps; what is cut ends in an ellipsis.
pub const VALUE_CHARS_MAX: usize = 512;

/// Fields that an entry tells. Only a caller who sets hundreds of metadata members at once has more.
pub const FIELDS_MAX: usize = 128;

/// One thing that somebody did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    /// Carries the time, and is the order of the log.
    pub id: AuditId,
    pub actor: Actor,
    pub verb: AuditVerb,
    /// `None` for what concerns no environment, or all.
    pub environment: Option<EnvironmentKey>,
    /// By the id that outlives the account.
    pub account: Option<AccountId>,
    /// The id of what was changed, or its name where that is what it goes by.
    pub subject: String,
    /// What people call it, as it was then.
    pub label: String,
    pub changes: Vec<FieldChange>,
}

impl AuditEntry {
    pub fn at(&self) -> Timestamp {
        self.id.tick().time()
    }
}

/// Who did it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    pub role: ActorRole,
    /// The key, token or session that they came with; `None` at the machine.
    pub key: Option<KeyId>,
    /// The key that a session was opened with.
    pub parent: Option<KeyId>,
    pub kind: KeyKind,
    /// The name of the key, or of the key behind a session.
    pub name: String,
    /// The caller's own name for a person's sessions.
    pub session: Option<String>,
    pub address: Option<IpAddr>,
    /// The id of the request, as it stands in the log of the process.
    pub request: Option<String>,
}

impl Actor {
    /// Whoever has the data folder in hand, with the server running or stopped.
    pub fn machine() -> Actor {
        Actor {
            role: ActorRole::Machine,
            key: None,
            parent: None,
            kind: KeyKind::Key,
            name: String::new(),
            session: None,
            address: None,
            request: None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ActorRole {
    /// Whoever has the data folder in hand.
    Machine,
    Operator,
    /// A key of one environment.
    Environment,
    /// A key of one account, or a person in it.
    Account,
}

words!(ActorRole { Machine = "machine", Operator = "operator", Environment = "environment", Account = "account" });

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AuditVerb {
    EnvironmentCreated,
    EnvironmentUpdated,
    /// Many at once out of a document; what it changed has entries of its own.
    EnvironmentImported,
    AccountCreated,
    AccountUpdated,
    /// Nothing but its settings.
    AccountConfigured,
    AccountDeleted,
    EndpointCreated,
    EndpointUpdated,
    /// Nothing but its settings.
    EndpointConfigured,
    EndpointDisabled,
    EndpointEnabled,
    EndpointDeleted,
    SecretRotated,
    /// Shown to somebody.
    SecretRead,
    EventTypeCreated,
    EventTypeUpdated,
    EventTypeDeleted,
    KeyCreated,
    KeyRevoked,
    /// A token and a link for a person.
    PortalOpened,
    SessionOpened,
    SessionEnded,
    CatcherCreated,
    CatcherUpdated,
    CatcherDeleted,
    /// Its read token was replaced.
    CatcherTokenRotated,
    TaskBegun,
    TaskCancelled,
    EventExpunged,
    AttemptExpunged,
    /// The key that secrets are sealed with was replaced.
    EncryptionRotated,
}

words!(AuditVerb {
    EnvironmentCreated = "environment.created",
    EnvironmentUpdated = "environment.updated",
    EnvironmentImported = "environment.imported",
    AccountCreated = "account.created",
    AccountUpdated = "account.updated",
    AccountConfigured = "account.configured",
    AccountDeleted = "account.deleted",
    EndpointCreated = "endpoint.created",
    EndpointUpdated = "endpoint.updated",
    EndpointConfigured = "endpoint.configured",
    EndpointDisabled = "endpoint.disabled",
    EndpointEnabled = "endpoint.enabled",
    EndpointDeleted = "endpoint.deleted",
    SecretRotated = "endpoint.secret_rotated",
    SecretRead = "endpoint.secret_read",
    EventTypeCreated = "event_type.created",
    EventTypeUpdated = "event_type.updated",
    EventTypeDeleted = "event_type.deleted",
    KeyCreated = "key.created",
    KeyRevoked = "key.revoked",
    PortalOpened = "portal.opened",
    SessionOpened = "session.opened",
    SessionEnded = "session.ended",
    CatcherCreated = "catcher.created",
    CatcherUpdated = "catcher.updated",
    CatcherDeleted = "catcher.deleted",
    CatcherTokenRotated = "catcher.token_rotated",
    TaskBegun = "task.begun",
    TaskCancelled = "task.cancelled",
    EventExpunged = "event.expunged",
    AttemptExpunged = "attempt.expunged",
    EncryptionRotated = "encryption.rotated",
});

/// A field that is not what it was. `None` for a value that is not there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldChange {
    pub field: String,
    pub before: Option<String>,
    pub after: Option<String>,
    /// It is secret: neither value is told.
    pub hidden: bool,
}

impl FieldChange {
    /// A value that there was none of before.
    pub fn set(field: &str, value: impl ToString) -> FieldChange {
        let after = Some(field::cut(&value.to_string()));
        FieldChange { field: field.to_owned(), before: None, after, hidden: false }
    }
}
