//! What an operator declares of a hook in the catalogue. It hangs on an event type: calls are events of that type, and a
//! question is held against its schema.

use std::time::Duration;

use super::contract::HookRule;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declaration {
    /// For people.
    pub title: String,
    pub rule: HookRule,
    /// JSON Schema of an answer, as received.
    pub answer_schema: String,
    /// Examples, as received: JSON objects.
    pub question_sample: Option<String>,
    pub answer_sample: Option<String>,
}

impl Declaration {
    /// An answer that may be told again for longer is no answer but a setting.
    pub const FRESH_MAX: Duration = Duration::from_hours(1);
    /// How long an answer may stand in for one that fails.
    pub const STALE_MAX: Duration = Duration::from_hours(24);
    /// Statuses of a valid "no".
    pub const REFUSALS_MAX: usize = 16;
}
