//! Time that never goes back: the wall clock at start plus the time that has really passed.
//!
//! Pauses, breakers and rate limits go by it, so that a clock set back or forward neither delays nor bunches attempts.

use ringup_core::time::Timestamp;
use tokio::time::Instant;

#[derive(Clone, Copy, Debug)]
pub struct Steady {
    base: Timestamp,
    since: Instant,
}

impl Steady {
    pub fn new(now: Timestamp) -> Steady {
        Steady { base: now, since: Instant::now() }
    }

    pub fn now(&self) -> Timestamp {
        self.base.saturating_add(self.since.elapsed())
    }

    /// The instant at which `now` will be `at`; at most a day ahead, so that the sum cannot overflow.
    pub fn instant(&self, at: Timestamp) -> Instant {
        let ahead = at.saturating_since(self.now()).min(std::time::Duration::from_secs(86_400));
        Instant::now() + ahead
    }
}
