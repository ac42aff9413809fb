//! What is remembered of each hook while the server runs: how its app is doing, what it said lately, what is being asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ringup_core::breaker::{Admit, Breaker, BreakerPlan};
use ringup_core::hook::{Contract, Reading};
use ringup_core::key::EndpointKey;
use ringup_core::time::Timestamp;
use ringup_egress::EgressPlan;
use ringup_egress::prepared::Prepared;
use ringup_egress::token::Tokens;
use ringup_store::directory::EndpointView;
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use super::ask::{Came, MARGIN};

/// Calls that are under way or on their way into the log, all hooks together: some megabytes.
const CALLS_MAX: u32 = 4_096;

/// Answers kept of one hook; beyond it those that are over go, and then nothing is kept.
const KEPT_MAX: usize = 10_000;

/// Hooks remembered; beyond it the idle ones go.
const LINES_MAX: usize = 10_000;

/// A till feels every call that a dead app is given, so it is found dead sooner than by deliveries.
const BREAKER: BreakerPlan =
    BreakerPlan { troubles_to_open: 5, pause: Duration::from_secs(2), pause_max: Duration::from_mins(1) };

pub(crate) struct Hooks {
    lines: Mutex<HashMap<EndpointKey, Arc<Line>>>,
    /// Of endpoints that answer hooks, and no others.
    tokens: Tokens,
    pub(super) places: Arc<Semaphore>,
}

/// One hook of one account.
pub(super) struct Line {
    pub prepared: Prepared,
    pub contract: Arc<Contract>,
    inner: Mutex<Inner>,
}

pub(super) struct Inner {
    pub breaker: Breaker,
    pub in_flight: u32,
    kept: HashMap<String, (Instant, Reading)>,
    flights: HashMap<String, Weak<Flight>>,
}

/// A question on its way, for all who ask the same. Cut off when none of them waits any more.
pub(super) struct Flight {
    pub came: watch::Receiver<Option<Came>>,
    pub until: Instant,
    pub task: AbortHandle,
}

impl Drop for Flight {
    fn drop(&mut self) {
        // One that came to its end is not touched by it; one whose time is over ends by itself, and is logged as late.
        if Instant::now() + MARGIN < self.until {
            self.task.abort();
        }
    }
}

impl Default for Hooks {
    fn default() -> Hooks {
        let places = Arc::new(Semaphore::new(usize::try_from(CALLS_MAX).unwrap_or(usize::MAX)));
        Hooks { lines: Mutex::default(), tokens: Tokens::default(), places }
    }
}

impl Hooks {
    /// Made anew with each change of its configuration or of what is declared, which forgets what the app did before.
    pub(super) fn line(&self, view: &EndpointView, contract: &Arc<Contract>, plan: &EgressPlan) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same =
            |line: &&Arc<Line>| line.prepared.revision == view.revision && Arc::ptr_eq(&line.contract, contract);
        if let Some(line) = lines.get(&view.endpoint.key).filter(is_same) {
            return line.clone();
        }
        if lines.len() >= LINES_MAX {
            lines.retain(|_, line| Arc::strong_count(line) > 1);
        }
        let retry = view.settings.retry_plan();
        let prepared = Prepared::new(&view.endpoint, retry, view.revision, plan, &self.tokens);
        let breaker = Breaker::new(BREAKER);
        let inner = Inner { breaker, in_flight: 0, kept: HashMap::new(), flights: HashMap::new() };
        let line = Arc::new(Line { prepared, contract: contract.clone(), inner: Mutex::new(inner) });
        lines.insert(view.endpoint.key, line.clone());
        line
    }

    /// Whether its breaker lets nothing through now. One that was never asked has none.
    pub(crate) fn is_left_alone(&self, view: &EndpointView, now: Timestamp) -> bool {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.get(&view.endpoint.key).filter(|line| line.prepared.revision == view.revision).cloned();
        drop(lines);
        line.is_some_and(|line| matches!(line.lock().breaker.admits(now), Admit::No { .. }))
    }

    /// Waits until what was asked is in the log, or until `grace` is over. Nothing can be asked afterwards.
    pub(crate) async fn settle(&self, grace: Duration) {
        let all = self.places.acquire_many(CALLS_MAX);
        if let Ok(Ok(all)) = timeout(grace, all).await {
            all.forget();
        }
    }
}

impl Line {
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// What the app said to this question no longer ago than `age_max`, and how long ago that was.
    pub fn kept(&self, question: &str, age_max: Duration) -> Option<(Reading, Duration)> {
        let (at, reading) = self.kept.get(question)?;
        let age = at.elapsed();
        (age <= age_max).then(|| (reading.clone(), age))
    }

    pub fn keep(&mut self, question: &str, reading: Reading, age_max: Duration) {
        if self.kept.len() >= KEPT_MAX {
            self.kept.retain(|_, (at, _)| at.elapsed() <= age_max);
        }
        if self.kept.len() < KEPT_MAX || self.kept.contains_key(question) {
            self.kept.insert(question.to_owned(), (Instant::now(), reading));
        }
    }

    /// One on its way that has at least half of the time left that the asker has: of two who ask the same one after the
    /// other, the second always waits a little longer.
    pub fn flight(&self, question: &str, until: Instant) -> Option<Arc<Flight>> {
        let now = Instant::now();
        let left = |until: Instant| until.saturating_duration_since(now);
        let flight = self.flights.get(question)?.upgrade()?;
        (flight.came.borrow().is_none() && left(flight.until) >= left(until) / 2).then_some(flight)
    }

    pub fn fly(&mut self, question: &str, flight: &Arc<Flight>) {
        self.flights.retain(|_, flight| flight.strong_count() > 0);
        self.flights.insert(question.to_owned(), Arc::downgrade(flight));
    }
}
