//! One seed, from its mix to its verdict.

use std::sync::Arc;
use std::time::Duration;

use ringup_store::seam::Store;
use tokio::time::sleep;

use crate::check;
use crate::facts::Tally;
use crate::mix::{Departure, Mix};
use crate::operator::Operator;
use crate::publisher::Publisher;
use crate::stage::{Life, Stage};

/// World time that everything may take to become quiet once faults have stopped. The longest policy, asked one after
/// the other through a breaker, stays far below it.
const QUIET_WITHIN: Duration = Duration::from_hours(24 * 60);

/// Pause between looks whether all is quiet, at most.
const LOOK_EVERY: Duration = Duration::from_mins(5);

/// What came of a seed.
pub struct Verdict {
    pub seed: u64,
    pub fingerprint: u64,
    pub problems: Vec<String>,
    /// Empty unless it was asked for.
    pub trace: String,
    pub figures: Figures,
}

#[derive(Clone, Copy, Default, Debug)]
pub struct Figures {
    pub world_time: Duration,
    pub events: u64,
    pub attempts: u64,
    pub trace_lines: u64,
    pub tally: Tally,
}

/// Runs a seed to its end. Must not be called inside a runtime.
pub fn run(seed: u64, keep_text: bool) -> Verdict {
    let mut stage = Stage::new(Mix::of(seed), keep_text);
    let world = stage.world.clone();
    let publishers = Publisher::all(&world);
    let operator = Operator::new(&world);

    let departures = world.mix.departures.clone();
    let mut planned = departures.iter().peekable();
    while let Some((at, departure)) = planned.peek() {
        let died = stage.live(async |life| {
            set_going(life, &publishers, &operator);
            world.set_troubled(true);
            let died = tokio::select! {
                biased;
                () = world.death.notified() => true,
                () = sleep(at.saturating_sub(world.time.elapsed())) => false,
            };
            (died, if died { Departure::Crash } else { *departure })
        });
        if !died {
            planned.next();
        }
    }
    let mut problems = stage.live(async |life| {
        set_going(life, &publishers, &operator);
        world.set_troubled(true);
        sleep(world.mix.span.saturating_sub(world.time.elapsed())).await;
        world.set_troubled(false);
        let problems = match quiet(life, &publishers).await {
            Ok(()) => check::all(life).await,
            Err(stuck) => vec![stuck],
        };
        (problems, Departure::Stop { grace: Duration::from_secs(1) })
    });
    problems.extend(stage.error_lines().into_iter().map(|line| format!("an error was logged: {line}")));
    let facts = world.facts();
    let figures = Figures {
        world_time: world.time.elapsed(),
        events: facts.published.len() as u64,
        attempts: facts.calls.len() as u64,
        trace_lines: facts.trace.lines(),
        tally: facts.tally,
    };
    let (fingerprint, trace) = (facts.trace.fingerprint(), facts.trace.text().to_owned());
    Verdict { seed, fingerprint, problems, trace, figures }
}

fn set_going(life: &Life, publishers: &[Arc<Publisher>], operator: &Arc<Operator>) {
    for publisher in publishers {
        tokio::spawn(publisher.clone().run(life.clone()));
    }
    tokio::spawn(operator.clone().act(life.clone()));
    tokio::spawn(operator.clone().turn_clocks(life.clone()));
}

/// Waits until nothing is under way and nothing is due, or says what is stuck.
async fn quiet(life: &Life, publishers: &[Arc<Publisher>]) -> Result<(), String> {
    let began_at = life.world.time.now();
    let mut pause = Duration::from_millis(100);
    loop {
        sleep(pause).await;
        pause = (pause * 2).min(LOOK_EVERY);
        if publishers.iter().all(|publisher| publisher.is_done()) && life.is_quiet().await {
            return Ok(());
        }
        if life.world.time.now().saturating_since(began_at) > QUIET_WITHIN {
            return Err(format!("not quiet after {QUIET_WITHIN:?}: {}", life.what_is_live().await));
        }
    }
}

impl Life {
    /// Waits until nothing is under way and nothing is due. Panics if that takes longer than `within`.
    pub async fn until_quiet(&self, within: Duration) {
        let deadline = self.world.time.now().saturating_add(within);
        while !self.is_quiet().await {
            assert!(self.world.time.now() < deadline, "not quiet after {within:?}: {}", self.what_is_live().await);
            sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn is_quiet(&self) -> bool {
        let live = self.store.census().await.map(|census| census.deliveries_live);
        matches!(live, Ok(0)) && self.store.unflushed() == 0 && self.world.facts().in_flight == 0
    }

    /// Live deliveries in words, the first few.
    pub async fn what_is_live(&self) -> String {
        let mut words = format!("{:?}, {} in flight", self.store.census().await, self.world.facts().in_flight);
        for endpoint in self.store.endpoints_with_work().await.unwrap_or_default() {
            let receiver = self.world.facts().by_key.get(&endpoint).copied();
            let loaded = self.store.waiting(endpoint, ringup_core::time::Tick(0), true, 3).await.unwrap_or_default();
            for one in loaded {
                words.push_str(&format!("; {receiver:?} {} {:?}", one.event.id, one.delivery));
            }
        }
        words
    }
}
