//! Measures the embedded store: events accepted and settled, in groups, and questions to a large log.
//!
//! `cargo run --release -p ringup-store --example store_bench -- [seconds] [fan-out] [publishers] [page bytes]`
//! or `-- log [million attempts]`. Prints rates, CPU time and bytes written, as the kernel counts them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use ringup_core::account::{Account, Environment};
use ringup_core::delivery::{After, DeliveryKey, Trigger};
use ringup_core::endpoint::Endpoint;
use ringup_core::event::{KeepPayload, Target};
use ringup_core::id::{AccountId, EndpointId, EnvironmentId};
use ringup_core::key::{AccountKey, EndpointKey, EnvironmentKey};
use ringup_core::outcome::BodyEnd;
use ringup_core::settings::Settings;
use ringup_core::subscription::Subscription;
use ringup_core::time::{Tick, Timestamp};
use ringup_core::timing::Timing;
use ringup_store::log_entry::{Attempt, AttemptResult, Count, OutcomeWord};
use ringup_store::query::{AttemptFilter, Order, PageRequest};
use ringup_store::seam::{Change, Fresh, Listener, Loaded, NewEvent, Settlement, Store};
use ringup_store::sqlite::{Plan, SqliteStore};
use tokio::sync::mpsc;
use tokio::time::Instant;

const ENDPOINTS: i64 = 1_000;
const PAYLOAD_BYTES: usize = 1_024;
/// Noon of some day, so that a run does not cross midnight.
const NOON: Timestamp = Timestamp::from_secs(1_795_435_200);

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = std::env::temp_dir().join(format!("ringup-store-bench-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let done = match arguments.first().map(String::as_str) {
        Some("log") => log(&folder, number(&arguments, 1, 5)?).await,
        _ => cycles(&folder, &arguments).await,
    };
    std::fs::remove_dir_all(&folder).context("the folder of the run stays")?;
    done
}

fn number(arguments: &[String], at: usize, default: u64) -> Result<u64> {
    arguments.get(at).map_or(Ok(default), |text| text.parse().with_context(|| format!("{text} is not a number")))
}

/// Publishers that publish one event after the other, and a dispatcher that settles every delivery at once.
async fn cycles(folder: &PathBuf, arguments: &[String]) -> Result<()> {
    let seconds = number(arguments, 0, 5)?;
    let fan_out = i64::try_from(number(arguments, 1, 1)?)?;
    let publishers = i64::try_from(number(arguments, 2, 64)?)?;
    let mut plan = Plan::new(folder);
    plan.page_bytes = u32::try_from(number(arguments, 3, u64::from(plan.page_bytes))?)?;
    let page_bytes = plan.page_bytes;
    let store = Arc::new(SqliteStore::open(plan).await?);
    let account = configure(&*store).await?;
    let (fresh, mut to_settle) = mpsc::unbounded_channel();
    let ear = Arc::new(Ear { fresh, settled: AtomicU64::new(0) });
    store.listen(ear.clone());
    let settling = store.clone();
    let settler = tokio::spawn(async move {
        while let Some(group) = to_settle.recv().await {
            for fresh in group {
                settling.record(delivered(&fresh, OutcomeWord::Delivered));
            }
        }
    });
    let before = Usage::now()?;
    let begun = Instant::now();
    let until = begun + Duration::from_secs(seconds);
    let tasks: Vec<_> = (0..publishers)
        .map(|publisher| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut waits = Vec::new();
                let mut number = publisher;
                while Instant::now() < until {
                    let asked = Instant::now();
                    store.accept(vec![event(account, number, fan_out)]).await?;
                    waits.push(asked.elapsed());
                    number += publishers;
                }
                anyhow::Ok(waits)
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await??);
    }
    let accepted = waits.len() as f64;
    let deliveries = accepted * fan_out as f64;
    while (ear.settled.load(Ordering::SeqCst) as f64) < deliveries {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = begun.elapsed().as_secs_f64();
    let used = Usage::now()?.since(&before);
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "page {page_bytes}, fan-out {fan_out}, {publishers} publishers: {:.0} events/s, {:.0} deliveries/s, accept p50 \
         {:.2} ms p99 {:.2} ms, CPU {:.4} s per 1000 deliveries, written {:.0} bytes per delivery, {} MiB resident",
        accepted / took,
        deliveries / took,
        at(0.5),
        at(0.99),
        used.cpu / deliveries * 1e3,
        used.written / deliveries,
        Usage::now()?.resident_mib,
    );
    let closing = Instant::now();
    store.close().await?;
    settler.abort();
    let bytes: u64 = std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len())).sum();
    println!(
        "closed in {:.0} ms, {:.0} bytes per delivery on disk",
        closing.elapsed().as_secs_f64() * 1e3,
        bytes as f64 / deliveries
    );
    Ok(())
}

/// A log of millions of attempts, and how long the newest failed ones of one endpoint take to find.
async fn log(folder: &PathBuf, millions: u64) -> Result<()> {
    let store = SqliteStore::open(Plan::new(folder)).await?;
    let account = configure(&store).await?;
    let (fresh, mut accepted) = mpsc::unbounded_channel();
    let ear = Arc::new(Ear { fresh, settled: AtomicU64::new(0) });
    store.listen(ear.clone());
    let begun = Instant::now();
    let (events, fan_out) = (millions * 200_000, 5);
    // One of 49 fails: over time at every endpoint.
    let mut recorded = 0;
    for group in 0..events / 200 {
        let batch = (0..200).map(|at| event(account, i64::try_from(group * 200 + at).unwrap_or(0), fan_out)).collect();
        store.accept(batch).await?;
        let fresh: Vec<Fresh> = accepted.recv().await.context("the store tells what it accepted")?;
        for fresh in fresh {
            let outcome = if recorded % 49 == 0 { OutcomeWord::Refused } else { OutcomeWord::Delivered };
            store.record(delivered(&fresh, outcome));
            recorded += 1;
        }
        while ear.settled.load(Ordering::SeqCst) + 4_000 < recorded {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    while ear.settled.load(Ordering::SeqCst) < recorded {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    println!(
        "{recorded} attempts stored in {:.0} s, {} MiB resident",
        begun.elapsed().as_secs_f64(),
        Usage::now()?.resident_mib
    );
    store.close().await?;
    let opening = Instant::now();
    let store = SqliteStore::open(Plan::new(folder)).await?;
    println!("opened in {:.0} ms", opening.elapsed().as_secs_f64() * 1e3);
    let page = PageRequest { rows_max: 50, after: None, order: Order::NewestFirst };
    for (name, succeeded) in [("newest 50 failed", Some(false)), ("newest 50", None)] {
        let mut waits = Vec::new();
        for at in 0..500 {
            let filter = AttemptFilter { succeeded, ..AttemptFilter::default() };
            let asked = Instant::now();
            let found = store.attempts_of_endpoint(account, EndpointKey(3 + at * 7 % ENDPOINTS), filter, page).await?;
            waits.push(asked.elapsed());
            anyhow::ensure!(found.rows.len() == 50, "a full page, not {}", found.rows.len());
        }
        waits.sort_unstable();
        println!("{name} of an endpoint: p50 {:?}, p99 {:?}", waits[250], waits[495]);
    }
    store.close().await?;
    Ok(())
}

struct Ear {
    fresh: mpsc::UnboundedSender<Vec<Fresh>>,
    settled: AtomicU64,
}

impl Listener for Ear {
    fn accepted(&self, fresh: Vec<Fresh>) {
        // Nobody listens any more at the end of a run.
        let _ = self.fresh.send(fresh);
    }

    fn settled(&self, keys: Vec<DeliveryKey>) {
        self.settled.fetch_add(keys.len() as u64, Ordering::SeqCst);
    }

    fn resent(&self, _loaded: Loaded) {}

    fn recalled(&self, _endpoint: EndpointKey, _oldest: Tick) {}

    fn discarded(&self, _keys: Vec<DeliveryKey>) {}
}

/// One account with its endpoints, which get the keys 3 and on.
async fn configure(store: &dyn Store) -> Result<AccountKey> {
    let environment = Environment {
        key: EnvironmentKey(0),
        id: EnvironmentId::new(NOON, 1),
        name: "live".to_owned(),
        strict: false,
        validation: Default::default(),
        created_at: NOON,
    };
    let environment = EnvironmentKey(store.change(Change::PutEnvironment(environment)).await?);
    let account = Account {
        key: AccountKey(0),
        id: AccountId::new(NOON, 1),
        environment,
        uid: None,
        name: "Kopi".to_owned(),
        metadata: Default::default(),
        settings: Settings::default(),
        created_at: NOON,
        updated_at: NOON,
    };
    let account = AccountKey(store.change(Change::PutAccount(account)).await?);
    let endpoint = Endpoint {
        key: EndpointKey(0),
        id: EndpointId::new(NOON, 1),
        account,
        uid: None,
        url: "https://receiver.example/hooks".to_owned(),
        description: String::new(),
        metadata: Default::default(),
        subscription: Subscription::default(),
        stopped: None,
        stopped_why: String::new(),
        secrets: Vec::new(),
        headers: Vec::new(),
        authorization: Default::default(),
        settings: Settings::default(),
        created_at: NOON,
        updated_at: NOON,
    };
    store.change(Change::PutEndpoint(endpoint)).await?;
    Ok(account)
}

fn event(account: AccountKey, number: i64, fan_out: i64) -> NewEvent {
    let mut payload = format!("{{\"number\":{number},\"fill\":\"").into_bytes();
    payload.resize(PAYLOAD_BYTES - 2, b'x');
    payload.extend_from_slice(b"\"}");
    let target =
        |at| Target { endpoint: EndpointKey(3 + (number * fan_out + at) % ENDPOINTS), order_key: None, skipped: false };
    NewEvent {
        account,
        event_type: Arc::from("invoiceCreated"),
        uid: None,
        channels: Vec::new(),
        extras: Default::default(),
        payload: Bytes::from(payload),
        keep_payload: KeepPayload::Whole,
        targets: (0..fan_out).map(target).collect(),
        idempotency: None,
        unregistered: false,
        asked: None,
        now: NOON,
        random: [7; 12],
    }
}

fn delivered(fresh: &Fresh, outcome: OutcomeWord) -> Settlement {
    let duration = Duration::from_millis(12);
    let succeeded = outcome == OutcomeWord::Delivered;
    let result = AttemptResult { outcome, status: Some(if succeeded { 200 } else { 500 }), detail: None };
    Settlement {
        key: DeliveryKey { endpoint: fresh.endpoint, event: fresh.event.tick() },
        event: fresh.event.clone(),
        then: None,
        after: After::Delivered,
        ended_at: NOON,
        attempt: Some(Attempt {
            number: 1,
            trigger: Trigger::Policy,
            started_at: NOON,
            duration,
            timing: Timing { first_byte: Some(Duration::from_millis(11)), ..Timing::default() },
            url: Arc::from("https://receiver.example/hooks/with/some/path"),
            result,
            response_headers: Bytes::from_static(
                b"content-type: application/json\ndate: Mon, 23 Nov 2026 12:00:00 GMT\n",
            ),
            response_body: Bytes::from_static(b"{\"ok\":true}"),
            body_end: BodyEnd::Complete,
            random: [9; 12],
        }),
        count: Some(Count { minute: NOON.as_minutes(), outcome, duration, gave_up: false }),
    }
}

/// What the process has used so far.
struct Usage {
    /// Seconds, user and system.
    cpu: f64,
    written: f64,
    resident_mib: u64,
}

impl Usage {
    fn now() -> Result<Usage> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        let behind_name = stat.rsplit_once(')').context("stat names the process")?.1;
        let fields: Vec<&str> = behind_name.split_whitespace().collect();
        // Ticks are a hundredth of a second on every Linux there is.
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        let io = std::fs::read_to_string("/proc/self/io")?;
        let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).context("io counts writes")?;
        let status = std::fs::read_to_string("/proc/self/status")?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("status has a size")?;
        let kib: u64 = resident.trim().trim_end_matches(" kB").parse()?;
        Ok(Usage { cpu: ticks / 100.0, written: written.parse()?, resident_mib: kib / 1_024 })
    }

    fn since(&self, before: &Usage) -> Usage {
        Usage { cpu: self.cpu - before.cpu, written: self.written - before.written, resident_mib: self.resident_mib }
    }
}
