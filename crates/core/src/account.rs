//! Environments, accounts, event types and keys: who there is and what they call things.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::hook::Declaration;
use crate::id::{AccountId, EnvironmentId, EventTypeId, KeyId};
use crate::key::{AccountKey, EnvironmentKey};
use crate::outcome::words;
use crate::scope::Scopes;
use crate::settings::Settings;
use crate::time::Timestamp;

/// A closed world with its own keys, catalogue and accounts: `live`, `sandbox`, …
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Environment {
    pub key: EnvironmentKey,
    pub id: EnvironmentId,
    pub name: String,
    /// Events of a type that nobody registered are refused here.
    pub strict: bool,
    /// What happens to payloads that are not as the schema of their type says.
    pub validation: Validation,
    pub created_at: Timestamp,
}

/// What happens to a payload that is not as the schema of its event type says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Validation {
    /// Nobody looks.
    Off,
    /// The event is accepted, and what is wrong is noted with it.
    #[default]
    Warn,
    /// It is refused.
    Strict,
}

words!(Validation { Off = "off", Warn = "warn", Strict = "strict" });

/// A merchant or brand of the POS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    pub key: AccountKey,
    pub id: AccountId,
    pub environment: EnvironmentKey,
    /// The caller's own name for it; unique in its environment.
    pub uid: Option<String>,
    pub name: String,
    pub metadata: BTreeMap<String, String>,
    pub settings: Settings,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A kind of event, such as `invoiceCreated`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventType {
    pub id: EventTypeId,
    pub environment: EnvironmentKey,
    pub name: String,
    pub description: String,
    /// The family, such as *customer invoice*.
    pub group: Option<String>,
    pub archived: bool,
    pub deprecated: bool,
    pub feature_flag: Option<String>,
    /// JSON text of the schemas by version, as received.
    pub schemas: Option<String>,
    /// The pauses between attempts of its events, where neither the endpoint nor the account has a schedule of its own.
    pub schedule: Option<Vec<Duration>>,
    /// Its events are questions to one app: what an operator declared of them.
    pub hook: Option<Declaration>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What opens an environment, all of them, or one account: a key, or a session made for a person. The secret itself is
/// never stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiKey {
    pub id: KeyId,
    pub kind: KeyKind,
    pub role: Role,
    /// Never more than [`ApiKey::ceiling`].
    pub scopes: Scopes,
    pub name: String,
    /// The first characters of the token, by which people tell their keys apart; too few to be of use to a finder.
    pub prefix: String,
    /// SHA-256 of the bearer token.
    pub token_hash: [u8; 32],
    /// The key or link that this one was exchanged for; it ends with it.
    pub parent: Option<KeyId>,
    /// The caller's own name for a person's sessions, so that they can be ended together.
    pub session: Option<String>,
    /// Event types behind one of these flags are shown to whoever has it. `None` sees all.
    pub feature_flags: Option<Vec<String>>,
    pub created_at: Timestamp,
    /// Valid before this time.
    pub expires_at: Option<Timestamp>,
    /// Not valid from this time on; may lie ahead.
    pub revoked_at: Option<Timestamp>,
    /// To about a minute.
    pub used_at: Option<Timestamp>,
}

impl ApiKey {
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        let before = |end: Option<Timestamp>| end.is_none_or(|end| now < end);
        before(self.expires_at) && before(self.revoked_at)
    }

    /// The most that a key of this kind and role may do.
    pub fn ceiling(kind: KeyKind, role: Role) -> Scopes {
        match (kind, role) {
            (_, Role::Operator | Role::Environment(_)) => Scopes::ALL,
            (KeyKind::Key, Role::Account(_)) => Scopes::ACCOUNT,
            (KeyKind::Link | KeyKind::Portal | KeyKind::Console, Role::Account(_)) => Scopes::PORTAL,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyKind {
    /// For programs.
    Key,
    /// Is exchanged once for a console session, and opens nothing else.
    Link,
    /// A portal token in the hands of the operator's own pages.
    Portal,
    /// A person at the console.
    Console,
}

impl KeyKind {
    pub const ALL: [KeyKind; 4] = [KeyKind::Key, KeyKind::Link, KeyKind::Portal, KeyKind::Console];

    pub fn word(self) -> &'static str {
        match self {
            KeyKind::Key => "key",
            KeyKind::Link => "link",
            KeyKind::Portal => "portal",
            KeyKind::Console => "console",
        }
    }

    pub fn from_word(word: &str) -> Option<KeyKind> {
        KeyKind::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// May act in every environment.
    Operator,
    /// May act in one.
    Environment(EnvironmentKey),
    /// May act in one account, and sees no other.
    Account(AccountKey),
}
