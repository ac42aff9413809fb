//! The text that is signed, and the header names it travels under. The cipher itself is in `egress`.
//!
//! Source: Standard Webhooks 1.0.0; the `svix-*` names are the older spelling that many receivers verify.

use std::fmt;

use crate::id::EventId;
use crate::outcome::words;
use crate::time::Timestamp;

/// How a secret signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SigningKind {
    /// `v1`: HMAC-SHA256, with a secret that both sides know.
    #[default]
    Hmac,
    /// `v1a`: Ed25519. The receiver knows the public key only.
    Ed25519,
}

words!(SigningKind { Hmac = "hmac256", Ed25519 = "ed25519" });

/// Which names the three signing headers carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HeaderNames {
    /// `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    Webhook,
    /// `svix-id`, `svix-timestamp`, `svix-signature`.
    Svix,
    /// Both sets, so that either kind of receiver can verify.
    #[default]
    Both,
}

/// The bytes before the payload in the signed text `id.timestamp.payload`.
pub fn signed_prefix(id: &EventId, now: Timestamp) -> String {
    format!("{id}.{}.", now.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Tick;

    #[test]
    fn the_prefix_is_id_dot_seconds_dot() {
        let now = Timestamp::from_micros(1_795_471_234_999_999);
        let id = EventId::of_tick(Tick::at(now), [1; 12]);
        assert_eq!(signed_prefix(&id, now), format!("{id}.1795471234."));
    }
}
