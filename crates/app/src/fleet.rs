//! The whole server at a glance, for its operator alone.
//!
//! Answered from counters, indexes and what the running dispatcher shows; nothing here reads history row by row. Where a
//! figure is not all of it, it says so.

mod account;
mod node;
mod problem;
mod queue;
mod sample;
mod support;
mod system;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ringup_core::gauge::{LaneGauge, Spread};
use ringup_core::scope::Scope;
use ringup_core::time::Timestamp;
use ringup_store::overview::Tally;
use ringup_store::query::MinuteCount;

use crate::app::App;
use crate::error::AppError;
use crate::principal::Principal;

pub use account::{AccountLoad, Loads};
pub use node::{NodeLine, NodeState, Nodes, ShardLine};
pub use problem::{Problem, Problems};
pub use queue::{QueueLane, Queues};
pub use sample::SAMPLE_EVERY;
pub use system::{Disk, MadeBackup, SettingLine, System, SystemFacts};

pub(crate) use sample::Samples;
pub(crate) use system::Backups;

/// The time that counters are summed over.
pub const WINDOW: Duration = Duration::from_hours(1);

/// Deliveries that are counted one by one before a figure is "at least": some ten milliseconds of reading.
const COUNTED_MAX: usize = 200_000;

/// How long ago the other end of a trend lies.
const TREND: Duration = Duration::from_mins(5);

/// What only the running dispatcher knows.
pub trait Engine: Send + Sync {
    fn lanes(&self) -> Pin<Box<dyn Future<Output = Vec<LaneGauge>> + Send + '_>>;

    /// How long deliveries waited for their first attempt, since the start.
    fn first_attempts(&self) -> Spread;
}

/// What the process tells of itself. Without it the figures that need it are missing.
#[derive(Clone)]
pub struct House {
    pub engine: Arc<dyn Engine>,
    pub facts: SystemFacts,
    /// Looks at the disk that the store is on.
    pub disk: Arc<dyn Fn() -> Option<Disk> + Send + Sync>,
}

#[derive(Clone, Debug)]
pub struct Fleet {
    pub at: Timestamp,
    /// Events accepted; `None` for the first seconds of a process.
    pub in_per_second: Option<f64>,
    /// Attempts that delivered.
    pub out_per_second: f64,
    pub failed_per_second: f64,
    /// Deliveries that want attempts, those that wait for a later time included.
    pub waiting: u64,
    /// When the oldest event that waits was accepted.
    pub oldest: Option<Timestamp>,
    pub drain: Drain,
    /// From acceptance to the first attempt, of the last minutes.
    pub first_attempt: Option<FirstAttempt>,
    /// Minutes of the last hour that have attempts.
    pub minutes: Vec<MinuteCount>,
    /// How many waited, over the time that this process has seen, at most the last hour.
    pub waiting_line: Vec<(Timestamp, u64)>,
    pub events: u64,
    pub store_bytes: u64,
    pub disk: Option<Disk>,
    pub accounts: usize,
    pub endpoints: usize,
    /// Endpoints to which nothing was delivered in the last hour and something failed.
    pub failing: usize,
    /// Those that share the work and are not gone.
    pub nodes: Vec<Node>,
}

/// When nothing will wait any more, if all goes on as in the last minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// Nothing waits.
    Empty,
    In(Duration),
    /// As much comes as goes, or more.
    Never,
    /// The process is too young to say.
    Unknown,
}

/// Within a quarter of the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstAttempt {
    pub p50: Duration,
    pub p99: Duration,
    pub deliveries: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub version: String,
    pub started_at: Timestamp,
}

impl Node {
    fn of(line: NodeLine) -> Node {
        Node { version: line.version, started_at: line.started_at }
    }
}

impl App {
    pub async fn fleet(&self, principal: &Principal) -> Result<Fleet, AppError> {
        principal.operator(Scope::Read)?;
        let now = self.now();
        let census = self.store().census().await?;
        let tally = self.tally(now).await?;
        let backlog = self.store().backlog(now, COUNTED_MAX).await?;
        let nodes = self.nodes(principal).await?;
        let engine = self.house.as_ref().map(|house| house.engine.first_attempts());
        let minute_ago = self.samples.at(now.saturating_sub(Duration::from_mins(1)));
        let before = self.samples.at(now.saturating_sub(TREND));
        let rate = rate_of(&tally.minutes, now);
        let accounts = self.all_accounts();
        let first = engine.zip(before.as_ref()).map(|(spread, before)| spread.since(&before.first_attempts));
        Ok(Fleet {
            at: now,
            in_per_second: minute_ago.and_then(|sample| {
                let span = now.saturating_since(sample.at).as_secs_f64();
                // Retention takes events away; that is no arrival.
                (span >= 1.0).then(|| census.events.saturating_sub(sample.events) as f64 / span)
            }),
            out_per_second: rate.0,
            failed_per_second: rate.1,
            waiting: census.deliveries_live,
            oldest: backlog.lanes.iter().map(|lane| lane.oldest).min(),
            drain: drain(census.deliveries_live, before.as_ref().map(|sample| (sample.at, sample.waiting)), now),
            first_attempt: first.and_then(|spread| {
                let deliveries = spread.count();
                Some(FirstAttempt { p50: spread.quantile(500)?, p99: spread.quantile(990)?, deliveries })
            }),
            waiting_line: self.samples.waiting(now.saturating_sub(WINDOW)),
            events: census.events,
            store_bytes: census.bytes,
            disk: self.house.as_ref().and_then(|house| (house.disk)()),
            accounts: accounts.len(),
            endpoints: accounts.iter().map(|view| view.endpoints.len()).sum(),
            failing: tally.endpoints.iter().filter(|(_, sum)| sum.delivered == 0 && sum.failed() > 0).count(),
            minutes: tally.minutes,
            nodes: nodes.nodes.into_iter().filter(|node| node.state != NodeState::Gone).map(Node::of).collect(),
        })
    }

    /// Notes how much there is now, for rates and trends. Asked for every [`SAMPLE_EVERY`].
    pub async fn note_load(&self) -> Result<(), AppError> {
        let census = self.store().census().await?;
        let first_attempts = self.house.as_ref().map(|house| house.engine.first_attempts()).unwrap_or_default();
        self.samples.put(self.now(), census.events, census.deliveries_live, first_attempts);
        Ok(())
    }

    /// Counters of the last hour, the running minute included.
    async fn tally(&self, now: Timestamp) -> Result<Tally, AppError> {
        let until = now.as_minutes().saturating_add(1);
        Ok(self.store().tally(now.saturating_sub(WINDOW).as_minutes().saturating_add(1), until).await?)
    }
}

/// Delivered and failed per second, over the last whole minute and the running one.
fn rate_of(minutes: &[MinuteCount], now: Timestamp) -> (f64, f64) {
    let span = 60.0 + now.as_secs().rem_euclid(60) as f64;
    let recent = minutes.iter().filter(|count| count.minute >= now.as_minutes() - 1);
    let (delivered, failed) = recent.fold((0, 0), |sum, count| (sum.0 + count.delivered, sum.1 + count.failed()));
    (delivered as f64 / span, failed as f64 / span)
}

fn drain(waiting: u64, before: Option<(Timestamp, u64)>, now: Timestamp) -> Drain {
    let Some((at, then)) = before else { return if waiting == 0 { Drain::Empty } else { Drain::Unknown } };
    let span = now.saturating_since(at).as_secs_f64();
    match (waiting, then) {
        (0, _) => Drain::Empty,
        _ if span < 1.0 => Drain::Unknown,
        (now, then) if now >= then => Drain::Never,
        (now, then) => Drain::In(Duration::from_secs_f64(now as f64 * span / (then - now) as f64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_422_630);

    #[test]
    fn what_shrinks_drains() {
        let before = |waiting| Some((NOW.saturating_sub(Duration::from_secs(100)), waiting));
        assert_eq!(drain(500, before(1_000), NOW), Drain::In(Duration::from_secs(100)));
        assert_eq!(drain(500, before(500), NOW), Drain::Never);
        assert_eq!(drain(0, before(500), NOW), Drain::Empty);
        assert_eq!(drain(5, None, NOW), Drain::Unknown);
        assert_eq!(drain(5, Some((NOW, 9)), NOW), Drain::Unknown);
    }

    #[test]
    fn rates_are_over_the_last_whole_minute_and_the_running_one() {
        let minute = |minute, delivered, refused| MinuteCount { minute, delivered, refused, ..MinuteCount::default() };
        let last = NOW.as_minutes();
        assert_eq!(
            rate_of(&[minute(last - 2, 900, 900), minute(last - 1, 90, 0), minute(last, 0, 45)], NOW),
            (1.0, 0.5)
        );
    }
}
