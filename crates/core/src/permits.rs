//! How many attempts a lane has in flight: as few as its throughput needs, learned from latency.
//!
//! Counted in rounds of outcomes. A round about as fast as the fastest, in which the limit was what held the lane back,
//! earns one more (until the first bad round it doubles). A slower round gives back in proportion, since what a
//! receiver does not serve at once only waits there. So does the share of attempts that found trouble.
//!
//! Rounds are compared by their means, because the latency of a healthy receiver varies far more than twofold. What
//! "fast" means is measured again now and then at a quarter of the limit, where a queue would have drained: otherwise a
//! receiver that became slower for good would be held to its past.
//!
//! Source: TCP Vegas and BBR for the idea; on loopback 64 in flight deliver more than 256.

use std::time::Duration;

use crate::breaker::Verdict;

/// Permits of a lane that nothing is known about.
const START: u32 = 8;

/// Outcomes in a round, at least: the mean of fewer says little.
const ROUND_MIN: u32 = 16;

/// A mean this much above the floor is scheduling noise, not a queue at the receiver, in microseconds.
const NOISE_US: u64 = 5_000;

/// Slow rounds before the floor is measured again.
const SLOW_ROUNDS_MAX: u32 = 16;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Permits {
    limit: u32,
    max: u32,
    /// Mean latency of the fastest round since the last measurement.
    floor_us: Option<u64>,
    slow_rounds: u32,
    /// No bad round yet.
    doubling: bool,
    /// The limit to return to, while the floor is being measured at a lower one.
    measuring: Option<u32>,
    round: Round,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Round {
    /// Outcomes of attempts that began in the round before.
    skip: u32,
    length: u32,
    well: u32,
    troubles: u32,
    sum_us: u64,
    /// The limit held the lane back at least once.
    bound: bool,
}

impl Permits {
    /// `max` comes from the settings; zero counts as one, so that a lane can always move.
    pub fn new(max: u32) -> Permits {
        let max = max.max(1);
        let limit = START.min(max);
        Permits {
            limit,
            max,
            floor_us: None,
            slow_rounds: 0,
            doubling: true,
            measuring: None,
            round: Round::of(limit, 0),
        }
    }

    /// From 1 to the maximum.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// The settings changed.
    pub fn set_max(&mut self, max: u32) {
        self.max = max.max(1);
        self.limit = self.limit.min(self.max);
    }

    /// An attempt ended.
    ///
    /// `in_flight` counts the lane's attempts while it ran, itself included; `backlog` is whether more were ready.
    pub fn on_outcome(&mut self, latency: Duration, in_flight: u32, backlog: bool, verdict: Verdict) {
        let round = &mut self.round;
        if verdict == Verdict::Neutral {
            return;
        }
        if round.skip > 0 {
            round.skip -= 1;
            return;
        }
        round.bound |= backlog && in_flight >= self.limit;
        if verdict == Verdict::Well {
            let latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
            round.sum_us = round.sum_us.saturating_add(latency_us);
            round.well += 1;
        } else {
            // How long trouble took says nothing about how long work takes.
            round.troubles += 1;
        }
        if round.well + round.troubles >= round.length {
            self.end_round();
        }
    }

    fn end_round(&mut self) {
        let round = self.round;
        if let Some(limit) = self.measuring.take() {
            self.floor_us = round.mean_us().or(self.floor_us);
            self.slow_rounds = 0;
            self.begin_round(limit.min(self.max), 0);
            return;
        }
        if let Some(mean_us) = round.mean_us() {
            self.floor_us = Some(self.floor_us.map_or(mean_us, |floor_us| floor_us.min(mean_us)));
        }
        let next = self.judge(round);
        if self.slow_rounds < SLOW_ROUNDS_MAX {
            self.begin_round(next, 0);
        } else {
            self.measuring = Some(next);
            self.begin_round((next / 4).max(1), self.limit);
        }
    }

    /// The limit that a round earned.
    fn judge(&mut self, round: Round) -> u32 {
        let limit = u64::from(self.limit);
        let near_us =
            self.floor_us.map_or(0, |floor_us| floor_us.saturating_mul(2).max(floor_us.saturating_add(NOISE_US)));
        let kept = match round.mean_us() {
            Some(mean_us) if mean_us > near_us => {
                self.slow_rounds += 1;
                scaled(limit, near_us, mean_us).max(limit / 2)
            }
            Some(_) | None => limit,
        };
        let given_back = scaled(limit, u64::from(round.troubles), 2 * u64::from(round.troubles + round.well));
        self.doubling &= kept == limit && given_back == 0;

        let earned = match kept == limit && round.bound && round.well > 0 {
            true if self.doubling => limit,
            true => 1,
            false => 0,
        };
        let next = kept.saturating_sub(given_back) + earned;
        u32::try_from(next).unwrap_or(u32::MAX).clamp(1, self.max)
    }

    fn begin_round(&mut self, limit: u32, skip: u32) {
        self.limit = limit;
        self.round = Round::of(limit, skip);
    }
}

impl Round {
    fn of(limit: u32, skip: u32) -> Round {
        Round { skip, length: limit.max(ROUND_MIN), well: 0, troubles: 0, sum_us: 0, bound: false }
    }

    fn mean_us(&self) -> Option<u64> {
        self.sum_us.checked_div(u64::from(self.well))
    }
}

/// `number * part / whole`, zero for no whole.
fn scaled(number: u64, part: u64, whole: u64) -> u64 {
    let product = u128::from(number) * u128::from(part);
    product.checked_div(u128::from(whole)).map_or(0, |share| u64::try_from(share).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
