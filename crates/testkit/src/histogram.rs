//! A latency histogram with fixed memory: 64 buckets per power of two, so a quantile is at most 1.6 %
//! above the truth. The `hdrhistogram` crate does more than is asked here.

use std::{fmt, time::Duration};

const SUB_BITS: u32 = 6;
const SUB_BUCKETS: usize = 1 << SUB_BITS;
const BUCKETS: usize = (64 - SUB_BITS as usize + 1) * SUB_BUCKETS;

/// Counts of durations in nanoseconds.
#[derive(Clone)]
pub struct Histogram {
    buckets: Box<[u64]>,
    count: u64,
    sum_ns: u128,
    max_ns: u64,
}

impl Histogram {
    pub fn new() -> Self {
        Self { buckets: vec![0; BUCKETS].into_boxed_slice(), count: 0, sum_ns: 0, max_ns: 0 }
    }

    /// Adds one duration.
    pub fn record(&mut self, ns: u64) {
        self.buckets[bucket(ns)] += 1;
        self.count += 1;
        self.sum_ns += u128::from(ns);
        self.max_ns = self.max_ns.max(ns);
    }

    /// Adds everything the other one counted.
    pub fn merge(&mut self, other: &Self) {
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(mine, theirs)| *mine += theirs);
        self.count += other.count;
        self.sum_ns += other.sum_ns;
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// The largest duration, exactly; zero when empty.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max_ns)
    }

    /// The mean, exactly; zero when empty.
    pub fn mean(&self) -> Duration {
        let mean = self.sum_ns.checked_div(u128::from(self.count)).unwrap_or(0);
        Duration::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX))
    }

    /// The duration that `permille` of 1000 did not exceed (500 = median, 990 = p99); zero when empty.
    pub fn quantile(&self, permille: u64) -> Duration {
        let rank = (u128::from(self.count) * u128::from(permille.min(1000))).div_ceil(1000).max(1);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += u128::from(*count);
            if seen >= rank {
                return Duration::from_nanos(upper_bound(index).min(self.max_ns));
            }
        }
        Duration::ZERO
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99, p999] = [500, 990, 999].map(|permille| self.quantile(permille));
        write!(f, "n {} p50 {p50:.2?} p99 {p99:.2?} p99.9 {p999:.2?} max {:.2?}", self.count, self.max())
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Histogram({self})")
    }
}

fn bucket(ns: u64) -> usize {
    let exponent = (u64::BITS - ns.leading_zeros()).saturating_sub(SUB_BITS);
    if exponent == 0 {
        return ns as usize;
    }
    // The leading bit is implied, so the shifted value lies in the upper half of two sub-ranges.
    let shift = exponent - 1;
    (shift as usize + 1) * SUB_BUCKETS + ((ns >> shift) as usize - SUB_BUCKETS)
}

fn upper_bound(index: usize) -> u64 {
    let (range, place) = (index / SUB_BUCKETS, index % SUB_BUCKETS);
    if range == 0 {
        return place as u64;
    }
    let shift = range as u32 - 1;
    let low = ((SUB_BUCKETS + place) as u64) << shift;
    low.saturating_add((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_below_the_bound_of_its_bucket_and_within_1_6_percent() {
        let values =
            (0..5000).chain((12..64).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + (1 << (bit - 2))]));
        for value in values.chain([u64::MAX]) {
            let index = bucket(value);
            assert!(index < BUCKETS, "{value}");
            let bound = upper_bound(index);
            assert!(bound >= value && bound - value <= value / 64, "{value} in {index} bounded by {bound}");
            assert!(index == 0 || upper_bound(index - 1) < value, "{value} in {index}");
        }
    }

    #[test]
    fn quantiles_of_a_thousand_are_where_they_should_be() {
        let mut all = Histogram::new();
        let mut half = Histogram::new();
        (1..=500).for_each(|us| half.record(us * 1000));
        (501..=1000).for_each(|us| all.record(us * 1000));
        all.merge(&half);
        assert_eq!(all.count(), 1000);
        for (permille, us) in [(500, 500), (990, 990), (999, 999)] {
            let found = all.quantile(permille).as_nanos() as f64 / 1000.0;
            assert!((us as f64..us as f64 * 1.017).contains(&found), "{permille}: {found}");
        }
        assert_eq!(all.quantile(1000), Duration::from_millis(1));
        assert_eq!(all.mean(), Duration::from_nanos(500_500));
        assert_eq!(Histogram::new().quantile(990), Duration::ZERO);
    }
}
