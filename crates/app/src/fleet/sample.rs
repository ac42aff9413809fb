//! Figures noted now and then, from which rates and trends are told.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringup_core::gauge::Spread;
use ringup_core::time::Timestamp;

/// Between two samples.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(10);

/// Samples that are kept: an hour of them.
const SAMPLES_MAX: usize = 360;

#[derive(Clone, Debug)]
pub struct Sample {
    pub at: Timestamp,
    pub events: u64,
    pub waiting: u64,
    pub first_attempts: Spread,
}

/// The last hour's samples.
#[derive(Debug, Default)]
pub struct Samples(Mutex<VecDeque<Sample>>);

impl Samples {
    pub fn put(&self, at: Timestamp, events: u64, waiting: u64, first_attempts: Spread) {
        let mut samples = self.lock();
        if samples.len() >= SAMPLES_MAX {
            samples.pop_front();
        }
        samples.push_back(Sample { at, events, waiting, first_attempts });
    }

    /// The last sample at a time or before it, else the oldest one.
    pub fn at(&self, at: Timestamp) -> Option<Sample> {
        let samples = self.lock();
        samples.iter().rev().find(|sample| sample.at <= at).or(samples.front()).cloned()
    }

    /// How many waited, from a time on.
    pub fn waiting(&self, since: Timestamp) -> Vec<(Timestamp, u64)> {
        self.lock().iter().filter(|sample| sample.at >= since).map(|sample| (sample.at, sample.waiting)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Sample>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hour_is_kept_and_the_oldest_stands_for_what_was_before() {
        let samples = Samples::default();
        let at = |number: i64| Timestamp::from_secs(1_795_422_600 + 10 * number);
        for number in 0..400 {
            samples.put(at(number), number.unsigned_abs(), 0, Spread::default());
        }
        assert_eq!(samples.at(at(399)).map(|sample| sample.events), Some(399));
        assert_eq!(samples.at(at(100).saturating_add(Duration::from_secs(3))).map(|sample| sample.events), Some(100));
        assert_eq!(samples.at(at(0)).map(|sample| sample.events), Some(40));
        assert_eq!(samples.waiting(at(390)).len(), 10);
    }
}
