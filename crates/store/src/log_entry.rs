//! What is remembered of an attempt: its log entry and its counters.

use std::time::Duration;

use bytes::Bytes;
use ringup_core::delivery::Trigger;
use ringup_core::outcome::{Answer, BodyEnd, Outcome};
use ringup_core::time::Timestamp;
use ringup_core::timing::Timing;
use ringup_core::{json, log};

/// A log entry on its way to the store. Its id is given by the store, in the order of commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Counted from one within the delivery.
    pub number: u32,
    pub trigger: Trigger,
    pub started_at: Timestamp,
    pub duration: Duration,
    pub timing: Timing,
    /// The URL called, without credentials.
    pub url: std::sync::Arc<str>,
    pub result: AttemptResult,
    /// Response headers as `name: value` lines, sensitive values masked.
    pub response_headers: Bytes,
    /// At most `limits::RESPONSE_BODY_BYTES_MAX`, redacted.
    pub response_body: Bytes,
    pub body_end: BodyEnd,
    /// The random part of the attempt's id.
    pub random: [u8; 12],
}

/// An outcome in the words that are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptResult {
    /// `Outcome::word`.
    pub outcome: OutcomeWord,
    /// The receiver's status, 408 for our own time limit, none without an answer.
    pub status: Option<u16>,
    /// The word of the phase, cause or rule, where the outcome has one.
    pub detail: Option<&'static str>,
}

/// The outcome without what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutcomeWord {
    Delivered,
    Refused,
    TimedOut,
    Unreachable,
    Blocked,
    Interrupted,
}

impl AttemptResult {
    pub fn of(outcome: &Outcome) -> AttemptResult {
        let (word, detail) = match outcome {
            Outcome::Delivered(_) => (OutcomeWord::Delivered, None),
            Outcome::Refused(_) => (OutcomeWord::Refused, None),
            Outcome::TimedOut(phase) => (OutcomeWord::TimedOut, Some(phase.word())),
            Outcome::Unreachable(cause) => (OutcomeWord::Unreachable, Some(cause.word())),
            Outcome::Blocked(rule) => (OutcomeWord::Blocked, Some(rule.word())),
            // The receiver gave no answer; the detail says whose fault that was.
            Outcome::NoToken(cause) => (OutcomeWord::Unreachable, Some(cause.word())),
            Outcome::Interrupted => (OutcomeWord::Interrupted, None),
        };
        AttemptResult { outcome: word, status: outcome.status(), detail }
    }

    pub fn succeeded(&self) -> bool {
        self.outcome == OutcomeWord::Delivered
    }
}

impl OutcomeWord {
    pub const ALL: [OutcomeWord; 6] = [
        OutcomeWord::Delivered,
        OutcomeWord::Refused,
        OutcomeWord::TimedOut,
        OutcomeWord::Unreachable,
        OutcomeWord::Blocked,
        OutcomeWord::Interrupted,
    ];

    pub const fn word(self) -> &'static str {
        match self {
            OutcomeWord::Delivered => "delivered",
            OutcomeWord::Refused => "refused",
            OutcomeWord::TimedOut => "timed_out",
            OutcomeWord::Unreachable => "unreachable",
            OutcomeWord::Blocked => "blocked",
            OutcomeWord::Interrupted => "interrupted",
        }
    }
}

/// One attempt for the counters. These never depend on the log mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Minutes since 1970 of the attempt's end.
    pub minute: i64,
    pub outcome: OutcomeWord,
    pub duration: Duration,
    /// This attempt ended its delivery without success.
    pub gave_up: bool,
}

/// Response headers as they are kept: one `name: value` line each, values that carry credentials masked.
pub fn header_lines(answer: &Answer) -> Bytes {
    let mut lines = Vec::with_capacity(answer.headers.iter().map(|(name, value)| name.len() + value.len() + 3).sum());
    for (name, value) in &answer.headers {
        lines.extend_from_slice(name.as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(if log::masked(name) { log::REDACTED.as_bytes() } else { value });
        lines.push(b'\n');
    }
    lines.into()
}

/// The response body as it is kept. Where the account redacts, a JSON body that was cut cannot be searched for what
/// must be struck out, so none of it is kept.
pub fn kept_body(answer: &Answer, redact: &[String]) -> Bytes {
    if redact.is_empty() || answer.body.is_empty() {
        return answer.body.clone();
    }
    let is_json = matches!(answer.body.trim_ascii_start().first(), Some(b'{' | b'['));
    if is_json && answer.body_end != BodyEnd::Complete {
        return Bytes::from_static(b"[not kept: cut off, so it could not be redacted]");
    }
    json::strike(&answer.body, redact).map_or_else(|| answer.body.clone(), Bytes::from)
}
