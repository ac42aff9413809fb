//! The rate limit of a lane: a token bucket in integers.
//!
//! It holds a tenth of a second's worth of tokens, at least one: enough that a timer's grain costs no throughput, too
//! little to be felt as a burst. So within any `n` seconds at most `n * rate + burst` attempts start.

use crate::time::{CLOCK_SLACK, Timestamp};

/// Parts of a token. With a million, a microsecond brings exactly `rate` parts, and nothing is ever rounded away.
const TOKEN: u64 = 1_000_000;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rate {
    per_second: u32,
    parts: u64,
    filled_at: Timestamp,
}

impl Rate {
    /// A full bucket. A rate of zero lets nothing through.
    pub fn new(per_second: u32, now: Timestamp) -> Rate {
        Rate { per_second, parts: capacity(per_second), filled_at: now }
    }

    /// Changes the rate; the tokens that are there stay, as far as they fit.
    pub fn set(&mut self, per_second: u32, now: Timestamp) {
        self.fill(now);
        self.per_second = per_second;
        self.parts = self.parts.min(capacity(per_second));
    }

    /// Takes a token for one attempt, or tells when the next one is there (`Timestamp::MAX` for never).
    pub fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.ready(now)?;
        self.parts -= TOKEN;
        Ok(())
    }

    /// Whether `take` would succeed, for a lane that first asks all its limits.
    pub fn ready(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.fill(now);
        if self.parts >= TOKEN {
            return Ok(());
        }
        if self.per_second == 0 {
            return Err(Timestamp::MAX);
        }
        let wait_us = (TOKEN - self.parts).div_ceil(u64::from(self.per_second));
        Err(self.filled_at.saturating_add(std::time::Duration::from_micros(wait_us)))
    }

    /// Tokens that are there after a `fill`, for display.
    pub fn tokens(&self) -> u64 {
        self.parts / TOKEN
    }

    /// A clock that went back brings no tokens. Small steps back wait for the clock to catch up, or threads that read
    /// it out of order could mint tokens; large ones start over from the new time.
    fn fill(&mut self, now: Timestamp) {
        if now < self.filled_at && self.filled_at.saturating_since(now) <= CLOCK_SLACK {
            return;
        }
        let elapsed_us = u64::try_from(now.saturating_since(self.filled_at).as_micros()).unwrap_or(u64::MAX);
        let brought = elapsed_us.saturating_mul(u64::from(self.per_second));
        self.parts = self.parts.saturating_add(brought).min(capacity(self.per_second));
        self.filled_at = now;
    }
}

fn capacity(per_second: u32) -> u64 {
    match per_second {
        0 => 0,
        rate => u64::from(rate / 10).max(1) * TOKEN,
    }
}

#[cfg(test)]
mod tests;
