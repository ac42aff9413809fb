//! The processes a measurement consists of. They take commands as lines on standard input and end with it, so that none
//! is left when the measurement is cut off.

use std::{
    io::{self, BufRead as _, Write as _},
    net::SocketAddr,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use ringup_testkit::{
    load::{Load, Pace, Payload, Plan, Shape},
    receiver::fast::{FastReceiver, FastSetup},
};
use serde::{Deserialize, Serialize};

use super::{
    feed,
    hooks::{self, vendor::Habit},
    passthrough,
};

/// A part of a measurement.
#[derive(Subcommand, Clone, Debug)]
pub enum Part {
    /// Counts requests: answers `take` and `wait COUNT SECONDS` with a line of JSON
    Receiver { address: SocketAddr },
    /// Takes an order for a load as one line of JSON, answers with another
    Load,
    /// The same HTTP in and out with no store
    Passthrough(passthrough::Setup),
    /// Asks hooks: takes an order as one line of JSON, answers with another
    Till,
    /// A loyalty app: answers `count` with the questions that have reached it
    Vendor {
        /// Milliseconds that it takes, `silent` or `hostile`
        habit: Habit,
    },
    /// Fills a data folder with history
    Feed(feed::Order),
}

/// What a generator is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoadOrder {
    pub target: SocketAddr,
    /// Empty posts straight to a receiver, at `path`.
    pub apps: Vec<String>,
    pub path: String,
    pub key: String,
    pub publishers: usize,
    /// None is a closed loop.
    pub per_second: Option<u32>,
    pub events_max: u64,
    pub seconds: u64,
    pub payload_bytes: usize,
    /// Payloads that a database cannot compress.
    pub is_dense: bool,
}

/// What a generator did. Times in microseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoadReport {
    pub acknowledged: u64,
    pub refused: u64,
    pub unanswered: u64,
    pub elapsed_us: u64,
    pub latency_p50_us: u64,
    pub latency_p99_us: u64,
}

/// What a receiver has seen since it was last asked. Times in microseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seen {
    /// Since the start.
    pub total: u64,
    pub requests: u64,
    pub age_p50_us: u64,
    pub age_p99_us: u64,
    pub age_max_us: u64,
}

pub fn run(part: &Part) -> Result<()> {
    match part {
        Part::Receiver { address } => receive(*address),
        Part::Load => load(),
        Part::Passthrough(setup) => passthrough::run(setup),
        Part::Till => hooks::till::run(),
        Part::Vendor { habit } => hooks::vendor::run(*habit),
        Part::Feed(order) => feed::run(order),
    }
}

fn receive(address: SocketAddr) -> Result<()> {
    let receiver = FastReceiver::start(FastSetup { address, ..FastSetup::default() })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tell(&receiver.address())?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["take"] => {}
            ["wait", count, seconds] => {
                let within = Duration::from_secs(seconds.parse()?);
                runtime.block_on(receiver.wait_for(count.parse()?, within))?;
            }
            _ => bail!("no such command: {line}"),
        }
        let tally = receiver.take();
        let us = |permille| u64::try_from(tally.age.quantile(permille).as_micros()).unwrap_or(u64::MAX);
        tell(&Seen {
            total: receiver.count(),
            requests: tally.requests,
            age_p50_us: us(500),
            age_p99_us: us(990),
            age_max_us: us(1000),
        })?;
    }
    Ok(())
}

fn load() -> Result<()> {
    let line = io::stdin().lock().lines().next().context("an order")??;
    let order: LoadOrder = serde_json::from_str(&line)?;
    let bare = Plan::bare(order.target, &order.path);
    let shape = match order.apps.is_empty() {
        true => bare.shape.clone(),
        false => Shape::Publish { key: order.key, apps: order.apps, event_type: "invoiceCreated".to_owned() },
    };
    let load = Load::start(Plan {
        shape,
        publishers: order.publishers,
        pace: order.per_second.map_or(Pace::ClosedLoop, Pace::PerSecond),
        payload: match order.is_dense {
            true => Payload::dense_of_bytes(order.payload_bytes),
            false => Payload::of_bytes(order.payload_bytes),
        },
        events_max: order.events_max,
        time_max: Duration::from_secs(order.seconds),
        // Ids of two generators on one data folder must differ.
        uid_prefix: format!("b{}", std::process::id()),
        ..bare
    })?;
    let report = load.join()?;
    let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    tell(&LoadReport {
        acknowledged: report.acknowledged,
        refused: report.refused.values().sum(),
        unanswered: report.unanswered,
        elapsed_us: us(report.elapsed),
        latency_p50_us: us(report.latency.quantile(500)),
        latency_p99_us: us(report.latency.quantile(990)),
    })
}

/// Writes one line of JSON to whoever measures.
pub fn tell(what: &impl Serialize) -> Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, what)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Ends the process when whoever measures is gone.
pub fn end_with_input() -> Result<()> {
    io::stdin().lock().lines().try_for_each(|line| line.map(drop)).context("reading standard input")
}
