//! How long one call may take, from what the account set and what the till can wait.

use std::time::Duration;

use super::plan::HookPlan;

/// A deadline that no till means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadDeadline {
    pub asked_ms: u64,
}

/// The time to the till's answer: the shorter of the two. `asked_ms` is 1 to 30,000 milliseconds.
pub fn budget(configured: Duration, asked_ms: Option<u64>) -> Result<Duration, BadDeadline> {
    let Some(asked_ms) = asked_ms else { return Ok(configured) };
    let asked = Duration::from_millis(asked_ms);
    if asked.is_zero() || asked > HookPlan::DEADLINE_MAX {
        return Err(BadDeadline { asked_ms });
    }
    Ok(configured.min(asked))
}
