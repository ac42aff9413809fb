//! A load generator: publishers on keep-alive connections, on one thread of their own, that remember
//! what they sent and what was acknowledged.
//!
//! It is written to cost little, because it shares the machine with what it measures.

mod payload;
mod publisher;

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tokio::{sync::watch, task::JoinSet, time::timeout_at};

pub use self::payload::{Draft, Payload};
use self::publisher::Publisher;
use crate::{
    histogram::Histogram,
    journal::{Journal, Sent},
};

/// Connections one generator opens.
pub const PUBLISHERS_MAX: usize = 4096;

/// What to send, where, how fast and for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    pub target: SocketAddr,
    /// Other nodes of the same cluster: a publisher turns to the next one when one gives no answer, or one that asks
    /// for a repeat.
    pub others: Vec<SocketAddr>,
    /// An answer that is not there by then is given up, as is a connection that is not made.
    pub answer_within: Duration,
    pub shape: Shape,
    pub payload: Payload,
    /// Each has one connection and one request in flight.
    pub publishers: usize,
    pub pace: Pace,
    /// Stops after this many events.
    pub events_max: u64,
    /// Stops after this time; a request that has no answer a second later counts as unanswered.
    pub time_max: Duration,
    /// Starts every uid, so that two generators do not make the same ones.
    pub uid_prefix: String,
    /// An event without an answer, or refused by 5xx or 429, is sent again under the same `eventId` until it is
    /// answered otherwise or the time is over. Without it each event is sent once.
    pub repeat: bool,
    /// Records the place of each event in its publisher's sequence; the ordering key is in the payload's
    /// hands ([`Draft::order_key`]).
    pub ordered: bool,
    pub journal: Keep,
    /// Keeps payloads in the journal too.
    pub keep_payloads: bool,
}

/// What a request looks like.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A publish to these accounts in turn, with a bearer key.
    Publish { key: String, apps: Vec<String>, event_type: String },
    /// The payload alone with the headers of a delivery: the yardstick of a bare client.
    Bare { path: String },
}

/// When a publisher sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As soon as the last answer is in.
    ClosedLoop,
    /// So many events each second over all publishers. An event delayed by the answer before it counts its
    /// latency from the planned instant, so a slow server cannot hide by slowing the generator down.
    PerSecond(u32),
}

/// Where the journal goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    Nothing,
    Memory,
    File(PathBuf),
}

impl Plan {
    /// One closed-loop publisher to one account, kept in memory, repeating what got no answer.
    pub fn publish(target: SocketAddr, key: &str, app: &str, event_type: &str) -> Self {
        let (key, apps, event_type) = (key.to_owned(), vec![app.to_owned()], event_type.to_owned());
        Self {
            shape: Shape::Publish { key, apps, event_type },
            repeat: true,
            journal: Keep::Memory,
            keep_payloads: true,
            ..Self::bare(target, "/")
        }
    }

    /// One closed-loop publisher that posts payloads straight to a receiver and keeps nothing.
    pub fn bare(target: SocketAddr, path: &str) -> Self {
        Self {
            target,
            others: Vec::new(),
            answer_within: Duration::MAX,
            shape: Shape::Bare { path: path.to_owned() },
            payload: Payload::of_bytes(1024),
            publishers: 1,
            pace: Pace::ClosedLoop,
            events_max: u64::MAX,
            time_max: Duration::from_secs(60),
            uid_prefix: "e".to_owned(),
            repeat: false,
            ordered: false,
            journal: Keep::Nothing,
            keep_payloads: false,
        }
    }
}

/// A running generator. Dropping it stops it.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<Result<Report>>>,
}

impl Load {
    /// Starts a thread; the connections are made there.
    pub fn start(plan: Plan) -> Result<Self> {
        ensure!((1..=PUBLISHERS_MAX).contains(&plan.publishers), "1 to {PUBLISHERS_MAX} publishers");
        ensure!(plan.pace != Pace::PerSecond(0), "a pace above zero");
        if let Shape::Publish { apps, .. } = &plan.shape {
            ensure!(!apps.is_empty(), "at least one account");
        }
        let journal = match &plan.journal {
            Keep::File(path) => Some(Journal::open(path)?),
            Keep::Nothing | Keep::Memory => None,
        };
        let shared = Arc::new(Shared {
            plan,
            journal,
            next: AtomicU64::new(0),
            acknowledged: watch::Sender::new(0),
            stop: watch::Sender::new(false),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let work = shared.clone();
        let thread = thread::Builder::new().name("load".to_owned());
        let thread = thread.spawn(move || runtime.block_on(run(work)))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Events acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        *self.shared.acknowledged.borrow()
    }

    /// Waits until so many events were acknowledged.
    pub async fn wait_acknowledged(&self, count: u64, deadline: Duration) -> Result<()> {
        let until = tokio::time::Instant::now() + deadline;
        let mut acknowledged = self.shared.acknowledged.subscribe();
        match timeout_at(until, acknowledged.wait_for(|now| *now >= count)).await {
            Ok(result) => result.map(drop).context("the generator ended"),
            Err(_) => bail!("{} of {count} events acknowledged within {deadline:?}", self.acknowledged()),
        }
    }

    /// Asks publishers to end after the request they have in flight (one without an answer is given up).
    pub fn stop(&self) {
        self.shared.stop.send_replace(true);
    }

    /// Waits for the end by the plan or by `stop`. Blocks the thread it is called on.
    pub fn join(mut self) -> Result<Report> {
        let thread = self.thread.take().expect("only joining takes the thread");
        thread.join().map_err(|_| anyhow!("the generator panicked"))?
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take()
            && !matches!(thread.join(), Ok(Ok(_)))
        {
            eprintln!("the load generator failed");
        }
    }
}

/// What a generator did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Requests written, repeats included.
    pub requests: u64,
    /// Events that got a 2xx.
    pub acknowledged: u64,
    /// Answers that were no 2xx, by status.
    pub refused: BTreeMap<u16, u64>,
    /// Requests whose connection ended before the answer did.
    pub unanswered: u64,
    pub elapsed: Duration,
    /// From sending (see [`Pace::PerSecond`]) to the end of a 2xx answer.
    pub latency: Histogram,
    /// One line per request, where the plan keeps them in memory.
    pub sent: Vec<Sent>,
}

impl Report {
    /// Events acknowledged each second.
    pub fn per_second(&self) -> f64 {
        self.acknowledged as f64 / self.elapsed.as_secs_f64()
    }

    fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        self.acknowledged += other.acknowledged;
        self.unanswered += other.unanswered;
        self.latency.merge(&other.latency);
        self.sent.extend(other.sent);
        for (status, count) in other.refused {
            *self.refused.entry(status).or_default() += count;
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (acknowledged, elapsed, per_second) = (self.acknowledged, self.elapsed, self.per_second());
        write!(f, "{acknowledged} acknowledged in {elapsed:.2?} ({per_second:.0}/s), ")?;
        write!(f, "refused {:?}, unanswered {}, {}", self.refused, self.unanswered, self.latency)
    }
}

/// What publishers have in common.
#[derive(Debug)]
struct Shared {
    plan: Plan,
    journal: Option<Journal>,
    /// Number of the next event.
    next: AtomicU64,
    acknowledged: watch::Sender<u64>,
    stop: watch::Sender<bool>,
}

impl Shared {
    /// The number of an event nobody has sent, until the plan is fulfilled.
    fn take_number(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.plan.events_max).then_some(number)
    }
}

async fn run(shared: Arc<Shared>) -> Result<Report> {
    let started = Instant::now();
    let mut publishers = JoinSet::new();
    for index in 0..shared.plan.publishers {
        publishers.spawn(Publisher::new(shared.clone(), index, started)?.run());
    }
    let mut report = Report::default();
    while let Some(part) = publishers.join_next().await {
        report.merge(part.context("a publisher panicked")??);
    }
    report.elapsed = started.elapsed();
    report.sent.sort_by_key(|sent| sent.sent_at_ns);
    Ok(report)
}
