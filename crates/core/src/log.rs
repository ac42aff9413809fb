//! What the log keeps of an attempt, by mode.

use std::fmt;

use crate::outcome::{Outcome, words};
use crate::time::Timestamp;

/// How much the log keeps. Counters never depend on it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum LogMode {
    /// Nothing.
    None,
    /// Only what went wrong.
    Error,
    /// Successes and errors.
    #[default]
    Full,
}

words!(LogMode { None = "none", Error = "error", Full = "full" });

impl LogMode {
    /// The mode in force now: `full_until` lifts any mode to full until it passes, by itself.
    pub fn at(self, full_until: Option<Timestamp>, now: Timestamp) -> LogMode {
        if full_until.is_some_and(|until| now < until) { LogMode::Full } else { self }
    }

    /// Whether an attempt with this outcome is an entry of the log.
    pub fn keeps(self, outcome: &Outcome) -> bool {
        match self {
            LogMode::None => false,
            LogMode::Error => !matches!(outcome, Outcome::Delivered(_)),
            LogMode::Full => true,
        }
    }
}

/// What stands in the log in place of a value that must not.
pub const REDACTED: &str = "[redacted]";

/// Whether a header's value is masked in every log mode, because it opens a door: whoever reads the log must not be able
/// to call the receiver, or be taken for one of its users.
///
/// The names that are known, and any that speak of a secret. Signatures stay: they are of use to whoever looks for a
/// fault, and to nobody else.
pub fn masked(header_name: &str) -> bool {
    let name = header_name.to_ascii_lowercase();
    MASKED_NAMES.contains(&name.as_str()) || MASKED_WORDS.iter().any(|word| name.contains(word))
}

const MASKED_NAMES: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "authentication-info",
    "proxy-authentication-info",
    "cookie",
    "cookie2",
    "set-cookie",
    "set-cookie2",
    "x-auth",
    "x-auth-key",
    "x-access-key",
    "x-session-id",
];

const MASKED_WORDS: &[&str] =
    &["api-key", "apikey", "api_key", "authorization", "credential", "passwd", "password", "secret", "token"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_a_door_is_masked() {
        for name in [
            "Authorization",
            "proxy-authorization",
            "X-Forwarded-Authorization",
            "Cookie",
            "set-cookie",
            "X-API-Key",
            "Ocp-Apim-Subscription-Token",
            "x-amz-security-token",
            "X-Webhook-Secret",
            "x_api_key",
        ] {
            assert!(masked(name), "{name}");
        }
        for name in
            ["content-type", "webhook-id", "webhook-signature", "svix-timestamp", "x-request-id", "etag", "", "ключ"]
        {
            assert!(!masked(name), "{name}");
        }
    }
}
