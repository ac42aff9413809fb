//! Environments, accounts, event types and keys: who there is and what they call things.

use std::collections::BTreeMap;

use crate::id::{AccountId, EnvironmentId, EventTypeId, KeyId};
use crate::key::{AccountKey, EnvironmentKey};
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
    pub created_at: Timestamp,
}

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
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A key that opens an environment, or all of them for an operator. The secret itself is never stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiKey {
    pub id: KeyId,
    pub role: Role,
    pub name: String,
    /// SHA-256 of the bearer token.
    pub token_hash: [u8; 32],
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// May act in every environment.
    Operator,
    /// May act in one.
    Environment(EnvironmentKey),
}
