//! What a running dispatcher shows of itself: its lanes, and how long first attempts were waited for.

use std::time::Duration;

use crate::breaker::BreakerState;
use crate::key::EndpointKey;

/// One endpoint's lane, as it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LaneGauge {
    pub endpoint: EndpointKey,
    /// Attempts under way.
    pub calling: u32,
    /// Deliveries in memory that are not under way.
    pub held: usize,
    /// The store has more of them.
    pub more: bool,
    pub breaker: BreakerState,
}

/// Buckets of a [`Spread`]: four to each doubling, from a microsecond to nineteen hours.
pub const BUCKETS: usize = 144;

/// How many spans of time were how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spread(pub [u64; BUCKETS]);

impl Default for Spread {
    fn default() -> Spread {
        Spread([0; BUCKETS])
    }
}

/// The bucket of a span.
pub fn bucket(span: Duration) -> usize {
    let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX).max(1);
    let doubling = micros.ilog2();
    // The two bits behind the leading one.
    let quarter = if doubling < 2 { (micros << (2 - doubling)) & 3 } else { (micros >> (doubling - 2)) & 3 };
    usize::try_from(u64::from(doubling) * 4 + quarter).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// The longest span of a bucket, within a quarter of itself.
fn edge(bucket: usize) -> Duration {
    let (doubling, quarter) = (bucket / 4, (bucket % 4) as u64);
    let micros = u128::from(5 + quarter) << doubling >> 2;
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

impl Spread {
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// What came since an earlier look.
    #[must_use]
    pub fn since(&self, earlier: &Spread) -> Spread {
        Spread(std::array::from_fn(|at| self.0[at].saturating_sub(earlier.0[at])))
    }

    /// A span that this share of all is no longer than, in thousandths; at most a quarter too long. `None` for none.
    pub fn quantile(&self, thousandths: u64) -> Option<Duration> {
        let wanted = (self.count() * thousandths).div_ceil(1_000).max(1);
        let mut seen = 0;
        self.0.iter().enumerate().find_map(|(at, count)| {
            seen += count;
            (seen >= wanted).then(|| edge(at))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_within_a_quarter_of_the_edge_of_its_bucket() {
        for micros in [1, 2, 3, 5, 7, 100, 999, 1_000, 12_345, 1_000_000, 59_999_999, 40_000_000_000] {
            let span = Duration::from_micros(micros);
            let edge = edge(bucket(span));
            assert!(edge >= span, "{span:?} {edge:?}");
            assert!(edge.as_secs_f64() <= span.as_secs_f64() * 1.26 + 1e-6, "{span:?} {edge:?}");
        }
        assert_eq!(bucket(Duration::ZERO), 0);
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_count_from_the_shortest() {
        let mut spread = Spread::default();
        assert_eq!(spread.quantile(500), None);
        for _ in 0..98 {
            spread.0[bucket(Duration::from_millis(1))] += 1;
        }
        spread.0[bucket(Duration::from_secs(1))] += 2;
        assert!(spread.quantile(500).is_some_and(|span| span < Duration::from_millis(2)));
        assert!(spread.quantile(980).is_some_and(|span| span < Duration::from_millis(2)));
        assert!(spread.quantile(990).is_some_and(|span| span >= Duration::from_secs(1)));
        assert_eq!(spread.since(&spread).count(), 0);
    }
}
