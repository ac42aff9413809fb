//! What an account decides about one of its hooks, and who answered.

use std::fmt;
use std::time::Duration;

use super::contract::Generation;
use crate::outcome::words;

/// How an account asks one question. It hangs on the endpoint that is asked, which subscribes to nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HookPlan {
    /// Which question.
    pub name: String,
    /// How long the till waits at most: [`HookPlan::DEADLINE_MIN`] to [`HookPlan::DEADLINE_MAX`].
    pub deadline: Duration,
    pub generation: Generation,
    /// What the till is told where the app has no answer: a JSON object that passes for one. `None`: the failure.
    pub fallback: Option<String>,
    /// Who is told that a sale is taken back; `None`: nobody. Only where the hook is reversible.
    pub reversal: Option<String>,
    /// After how long without an answer a question that reads is asked a second time; `None`: never.
    pub hedge: Option<Duration>,
}

impl HookPlan {
    pub const DEADLINE_MIN: Duration = Duration::from_millis(100);
    pub const DEADLINE_MAX: Duration = Duration::from_secs(30);
    pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(5);
    /// A second call sooner than this would be two calls for each question.
    pub const HEDGE_MIN: Duration = Duration::from_millis(10);
}

/// Who answered the till.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnswerKind {
    /// The app, now.
    Live,
    /// The app, a while ago.
    Cache,
    /// Nobody: this is what the account declared for that case.
    Fallback,
    /// The app, and it says no.
    Refused,
    /// Nobody.
    Failed,
}

words!(AnswerKind {
    Live = "live",
    Cache = "cache",
    Fallback = "fallback",
    Refused = "refused",
    Failed = "failed",
});
