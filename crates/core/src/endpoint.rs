//! An endpoint: a receiver's URL with its subscription, secrets and settings.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::authorization::Authorization;
use crate::id::EndpointId;
use crate::key::{AccountKey, EndpointKey};
use crate::outcome::words;
use crate::settings::Settings;
use crate::signing::SigningKind;
use crate::subscription::Subscription;
use crate::time::Timestamp;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    pub key: EndpointKey,
    pub id: EndpointId,
    pub account: AccountKey,
    /// The caller's own name for it; unique in its account.
    pub uid: Option<String>,
    pub url: String,
    pub description: String,
    pub metadata: BTreeMap<String, String>,
    pub subscription: Subscription,
    /// `None` while events are being sent.
    pub stopped: Option<Stopped>,
    /// What its owner said when pausing it; empty otherwise.
    pub stopped_why: String,
    /// Newest first; the first is shown, all that have not expired sign.
    pub secrets: Vec<SigningSecret>,
    /// Extra request headers, checked when they were set.
    pub headers: Vec<(String, String)>,
    pub authorization: Authorization,
    pub settings: Settings,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Why and since when an endpoint gets nothing. Its events are recorded as skipped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stopped {
    pub by: StoppedBy,
    pub at: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoppedBy {
    /// Disabled by its owner.
    Owner,
    /// It answered 410 Gone.
    Gone,
    /// Paused by us: it failed for longer than `pause_after`.
    Failing,
}

words!(StoppedBy { Owner = "owner", Gone = "gone", Failing = "failing" });

/// A Standard Webhooks secret. Does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret {
    pub kind: SigningKind,
    /// The symmetric secret, or the seed of the key pair.
    pub key: Arc<[u8]>,
    /// Set when a newer secret replaced it: it signs along until then.
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningSecret")
            .field("kind", &self.kind)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// The secrets that sign now, newest first.
    pub fn signing_secrets(&self, now: Timestamp) -> impl Iterator<Item = &SigningSecret> {
        self.secrets.iter().filter(move |secret| secret.expires_at.is_none_or(|at| now < at))
    }
}
