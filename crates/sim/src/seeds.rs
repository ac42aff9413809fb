//! Many seeds, on as many threads as there are processors.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use crate::facts::Tally;
use crate::run::{Figures, Verdict, run};
use crate::world::lock;

/// Failing seeds told in full; one is enough to begin with.
const TOLD_MAX: usize = 5;

/// What many seeds came to.
#[derive(Default, Debug)]
pub struct Sum {
    pub seeds: u64,
    pub failed: Vec<u64>,
    pub figures: Figures,
    pub took: Duration,
}

/// Runs these seeds; prints how to repeat each that fails.
pub fn run_all(seeds: std::ops::Range<u64>) -> Sum {
    let began = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(seeds.start);
    let sum = Mutex::new(Sum::default());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let verdict = run(seed, false);
                    lock(&sum).add(&verdict);
                }
            });
        }
    });
    let mut sum = sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    sum.failed.sort_unstable();
    sum.took = began.elapsed();
    sum
}

impl Sum {
    fn add(&mut self, verdict: &Verdict) {
        let Verdict { seed, problems, figures, .. } = verdict;
        self.seeds += 1;
        self.figures = add(self.figures, *figures);
        if problems.is_empty() {
            return;
        }
        self.failed.push(*seed);
        if self.failed.len() <= TOLD_MAX {
            eprintln!(
                "seed {seed} broke a promise; alone: RINGUP_SIM_SEED={seed} cargo test -p ringup-sim --test seeds"
            );
            for problem in problems {
                eprintln!("  {problem}");
            }
        }
    }
}

fn add(a: Figures, b: Figures) -> Figures {
    let (x, y) = (a.tally, b.tally);
    Figures {
        world_time: a.world_time + b.world_time,
        events: a.events + b.events,
        attempts: a.attempts + b.attempts,
        trace_lines: a.trace_lines + b.trace_lines,
        tally: Tally {
            crashes: x.crashes + y.crashes,
            stops: x.stops + y.stops,
            store_faults: x.store_faults + y.store_faults,
            clock_steps: x.clock_steps + y.clock_steps,
            changes: x.changes + y.changes,
            resends: x.resends + y.resends,
            bad_answers: x.bad_answers + y.bad_answers,
        },
    }
}
