//! How many attempts a lane has in flight: as few as its throughput needs, learned from latency.
//!
//! Counted in rounds of `limit` outcomes. A round near the lowest latency seen, in which the limit was what held the
//! lane back, earns one more (doubling until the first bad round). A round that got slower gives back in proportion,
//! since more in flight than the receiver serves at once only waits there. So does the share that found trouble.
//!
//! Source: TCP Vegas and Netflix `concurrency-limits` for the idea; 64 in flight deliver more than 256 on loopback.

use std::time::Duration;

use crate::breaker::Verdict;

/// Permits of a lane that nothing is known about.
const START: u32 = 8;

/// Latency this close to the floor is scheduling noise, not a queue at the receiver, in microseconds.
const NOISE_US: u64 = 5_000;

/// The floor rises by this share of the difference each round, so that a receiver that became slower for good is not
/// held to its past.
const FLOOR_DRIFT: u64 = 64;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Permits {
    limit: u32,
    max: u32,
    /// The lowest latency seen, drifting; `None` until a round ended.
    floor_us: Option<u64>,
    /// No bad round yet: rounds double the limit.
    doubling: bool,
    round: Round,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Round {
    length: u32,
    well: u32,
    troubles: u32,
    sum_us: u64,
    low_us: u64,
    /// The limit held the lane back at least once.
    bound: bool,
}

impl Permits {
    /// `max` comes from the settings; zero counts as one, so that a lane can always move.
    pub fn new(max: u32) -> Permits {
        let max = max.max(1);
        let limit = START.min(max);
        Permits { limit, max, floor_us: None, doubling: true, round: Round::of(limit) }
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
        let latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        match verdict {
            Verdict::Neutral => return,
            // How long trouble took says nothing about how long work takes.
            Verdict::Trouble => self.round.troubles += 1,
            Verdict::Well => {
                self.round.well += 1;
                self.round.sum_us = self.round.sum_us.saturating_add(latency_us);
                self.round.low_us = self.round.low_us.min(latency_us);
            }
        }
        self.round.bound |= backlog && in_flight >= self.limit;
        if self.round.well + self.round.troubles >= self.round.length {
            self.end_round();
        }
    }

    fn end_round(&mut self) {
        let round = self.round;
        let mean_us = round.sum_us.checked_div(u64::from(round.well));
        let near_us = self.learn_floor(mean_us, round.low_us);
        let limit = u64::from(self.limit);

        let kept_by_latency = match mean_us {
            Some(mean_us) if mean_us > near_us => (scaled(limit, near_us, mean_us)).max(limit / 2),
            Some(_) | None => limit,
        };
        let troubles = u64::from(round.troubles);
        let given_back = scaled(limit, troubles, 2 * u64::from(round.troubles + round.well));
        if kept_by_latency < limit || given_back > 0 {
            self.doubling = false;
        }
        let earned = match kept_by_latency == limit && round.bound && round.well > 0 {
            true if self.doubling => limit,
            true => 1,
            false => 0,
        };
        let next = kept_by_latency.saturating_sub(given_back) + earned;
        self.limit = u32::try_from(next).unwrap_or(u32::MAX).clamp(1, self.max);
        self.round = Round::of(self.limit);
    }

    /// Takes a round into the floor and says up to which mean latency a round counts as near it.
    fn learn_floor(&mut self, mean_us: Option<u64>, low_us: u64) -> u64 {
        if let Some(mean_us) = mean_us {
            let drifted = self.floor_us.map(|floor| floor + mean_us.saturating_sub(floor) / FLOOR_DRIFT);
            self.floor_us = Some(drifted.unwrap_or(low_us).min(low_us));
        }
        let floor_us = self.floor_us.unwrap_or(0);
        floor_us.saturating_mul(2).max(floor_us.saturating_add(NOISE_US))
    }
}

impl Round {
    fn of(length: u32) -> Round {
        Round { length, well: 0, troubles: 0, sum_us: 0, low_us: u64::MAX, bound: false }
    }
}

/// `number * part / whole`, zero for no whole.
fn scaled(number: u64, part: u64, whole: u64) -> u64 {
    let product = u128::from(number) * u128::from(part);
    product.checked_div(u128::from(whole)).map_or(0, |share| u64::try_from(share).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
