//! Time and randomness as the simulated process gets them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringup_core::ports::{Clock, Random};
use ringup_core::time::Timestamp;
use tokio::time::Instant;

use crate::dice::Dice;

/// The world's true time, which goes on across crashes, and the wall clock that people can set.
#[derive(Clone)]
pub struct Time(Arc<Mutex<State>>);

struct State {
    /// True time when `since` was taken.
    base: Timestamp,
    since: Option<Instant>,
    /// What the wall clock is ahead, in microseconds.
    ahead_us: i64,
    frozen: Option<Timestamp>,
}

/// When every simulation begins: 2026-11-23, in the morning.
pub const BEGINNING: Timestamp = Timestamp::from_secs(1_795_424_400);

impl Time {
    pub fn new() -> Time {
        Time(Arc::new(Mutex::new(State { base: BEGINNING, since: None, ahead_us: 0, frozen: None })))
    }

    /// A life begins: from now on tokio's clock counts. Call inside the runtime.
    pub fn begin_life(&self) {
        self.with(|state| state.since = Some(Instant::now()));
    }

    /// A life ends: its runtime's clock counts no longer. Call inside the runtime.
    pub fn end_life(&self) {
        self.with(|state| {
            state.base = state.now();
            state.since = None;
        });
    }

    /// True time: never goes back, whatever people do to the wall clock.
    pub fn now(&self) -> Timestamp {
        self.with(|state| state.now())
    }

    /// Since the world began.
    pub fn elapsed(&self) -> Duration {
        self.now().saturating_since(BEGINNING)
    }

    /// Somebody sets the wall clock.
    pub fn step(&self, by_us: i64) {
        self.with(|state| state.ahead_us += by_us);
    }

    /// The wall clock stands still, or goes on.
    pub fn freeze(&self, frozen: bool) {
        self.with(|state| state.frozen = frozen.then(|| state.wall()));
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for Time {
    fn default() -> Time {
        Time::new()
    }
}

impl Clock for Time {
    /// The wall clock.
    fn now(&self) -> Timestamp {
        self.with(|state| state.wall())
    }
}

impl State {
    fn now(&self) -> Timestamp {
        self.since.map_or(self.base, |since| self.base.saturating_add(since.elapsed()))
    }

    fn wall(&self) -> Timestamp {
        self.frozen.unwrap_or_else(|| Timestamp::from_micros(self.now().as_micros() + self.ahead_us))
    }
}

/// The process's randomness.
pub struct SeededRandom(Mutex<Dice>);

impl SeededRandom {
    pub fn new(dice: Dice) -> SeededRandom {
        SeededRandom(Mutex::new(dice))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
    }
}
