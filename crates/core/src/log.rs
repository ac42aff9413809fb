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
