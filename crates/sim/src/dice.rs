//! Seeded randomness. Each purpose has a stream of its own, so that one more draw in one place changes nothing elsewhere.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What randomness is drawn for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    Mix,
    /// What the process draws, by life.
    Process(u32),
    Network,
    StoreFaults,
    Publisher(usize),
    Operator,
}

pub struct Dice(ChaCha8Rng);

impl Dice {
    pub fn new(seed: u64, purpose: Purpose) -> Dice {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(match purpose {
            Purpose::Mix => 0,
            Purpose::Network => 1,
            Purpose::StoreFaults => 2,
            Purpose::Operator => 3,
            Purpose::Publisher(at) => 1_000 + at as u64,
            Purpose::Process(life) => 1_000_000 + u64::from(life),
        });
        Dice(rng)
    }

    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// Uniform from `low` to `high`, both included.
    pub fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.0.next_u64() % (high - low + 1)
    }

    /// As `range`, for sizes.
    pub fn size(&mut self, low: usize, high: usize) -> usize {
        usize::try_from(self.range(low as u64, high as u64)).unwrap_or(high)
    }

    /// True this many times in a hundred.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.range(1, 100) <= percent
    }

    pub fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        let at = self.size(0, choices.len() - 1);
        choices[at].clone()
    }

    /// Uniform in milliseconds, both ends included.
    pub fn span(&mut self, low: Duration, high: Duration) -> Duration {
        Duration::from_millis(self.range(millis(low), millis(high)))
    }

    /// Between the ends, each order of magnitude as likely as the others.
    pub fn scale(&mut self, low: u64, high: u64) -> u64 {
        let doublings = u64::from((high / low.max(1)).max(1).ilog2());
        let base = low << self.range(0, doublings);
        self.range(base, base.saturating_mul(2).min(high)).clamp(low, high)
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
