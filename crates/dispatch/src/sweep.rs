//! When to look into the store for retries that are due and not held in memory.

use std::collections::BTreeSet;
use std::time::Duration;

use ringup_core::delivery::DeliveryKey;
use ringup_core::time::Timestamp;

/// How far ahead a sweep reads. Retries due later sleep in the store.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Rows a sweep reads at least beyond those that memory already holds.
const ROWS_NEW: usize = 512;

#[derive(Default)]
pub struct Sweep {
    at: Option<Timestamp>,
    running: bool,
    /// Settled while a read was under way: their rows may still look live in it.
    settled: BTreeSet<DeliveryKey>,
}

impl Sweep {
    /// Asks for a sweep at `at` or earlier.
    pub fn want(&mut self, at: Timestamp) {
        self.at = Some(self.at.map_or(at, |set| set.min(at)));
    }

    pub fn wanted_at(&self) -> Option<Timestamp> {
        if self.running { None } else { self.at }
    }

    /// Whether one must begin now.
    pub fn begin(&mut self, now: Timestamp) -> bool {
        let due = !self.running && self.at.is_some_and(|at| at <= now);
        if due {
            self.at = None;
            self.running = true;
        }
        due
    }

    /// How many rows to read so that at least some are not held yet. The more are held, the more are new, or reading
    /// the same ones again and again would cost more than the rest.
    pub fn rows(&self, held: usize) -> usize {
        held + ROWS_NEW.max(held / 2)
    }

    pub fn on_settled(&mut self, key: DeliveryKey) {
        if self.running {
            self.settled.insert(key);
        }
    }

    /// Ends the read; answers what was settled meanwhile.
    pub fn end(&mut self) -> BTreeSet<DeliveryKey> {
        self.running = false;
        std::mem::take(&mut self.settled)
    }
}
