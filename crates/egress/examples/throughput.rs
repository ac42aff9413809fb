//! How many signed requests one thread sends a second, and what each costs it.
//!
//! `cargo run --release -p ringup-egress --example throughput [IN_FLIGHT]..`
//!
//! The receiver runs on its own thread of this process; the figures are of the calling thread alone.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use ringup_core::id::EventId;
use ringup_core::key::AccountKey;
use ringup_core::outcome::Outcome;
use ringup_core::signing::HeaderNames;
use ringup_core::time::{Tick, Timestamp};
use ringup_egress::sign::SigningKey;
use ringup_egress::{Caller, Egress, EgressPlan, Fence, Request, Webhook, url_policy};
use ringup_testkit::receiver::fast::{FastReceiver, FastSetup, SentAt};
use tokio::time::Instant;

const REQUESTS: u64 = 200_000;

/// Bytes of the payload, as in the storage measurements.
const BODY_BYTES: usize = 1_024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let receiver = FastReceiver::start(FastSetup { sent_at: SentAt::Unknown, ..FastSetup::default() })?;
    let plan = EgressPlan {
        allow_networks: vec!["127.0.0.0/8".parse()?],
        allow_http: true,
        connections_per_host_max: 256,
        ..EgressPlan::default()
    };
    let request = request(&receiver.url("/hook"), &plan)?;
    let egress: Arc<dyn Caller> = Arc::new(Egress::new(plan)?);

    let chosen: Vec<u64> = std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    for in_flight in if chosen.is_empty() { vec![1, 64, 256] } else { chosen } {
        run(&egress, &request, REQUESTS / 10, in_flight).await?;
        let (started, before) = (Instant::now(), thread_cpu()?);
        run(&egress, &request, REQUESTS, in_flight).await?;
        let (wall, cpu) = (started.elapsed(), thread_cpu()? - before);
        println!(
            "{REQUESTS} requests of {BODY_BYTES} bytes, {in_flight} in flight: {:.0}/s, {:.1} µs of CPU each",
            REQUESTS as f64 / wall.as_secs_f64(),
            cpu.as_secs_f64() * 1e6 / REQUESTS as f64
        );
    }
    Ok(())
}

fn request(url: &str, plan: &EgressPlan) -> Result<Request> {
    let now = Timestamp::from_secs(i64::try_from(std::time::UNIX_EPOCH.elapsed()?.as_secs())?);
    Ok(Request {
        url: url_policy::check(url, plan)?,
        account: AccountKey(1),
        headers: Arc::new([]),
        body: Bytes::from(vec![b'x'; BODY_BYTES]),
        webhook: Webhook {
            id: EventId::of_tick(Tick::at(now), [1; 12]),
            names: HeaderNames::Webhook,
            keys: Arc::new([SigningKey::new(&[7; 24], None)]),
            event_type: Arc::from("invoiceCreated"),
            attempt: 1,
        },
        tls: None,
        time_limit: Duration::from_secs(30),
        now,
        fence: Fence::default(),
    })
}

/// As a dispatcher does: so many tasks, each calling again when its call has ended.
async fn run(egress: &Arc<dyn Caller>, request: &Request, requests: u64, in_flight: u64) -> Result<()> {
    let workers: FuturesUnordered<_> = (0..in_flight)
        .map(|worker| {
            let (egress, request) = (egress.clone(), request.clone());
            let share = requests / in_flight + u64::from(worker < requests % in_flight);
            tokio::spawn(async move {
                for _ in 0..share {
                    let reply = egress.call(request.clone()).await;
                    ensure!(matches!(reply.outcome, Outcome::Delivered(_)), "{reply:?}");
                }
                Ok(())
            })
        })
        .collect();
    workers.map(|ended| ended?).fold(Ok(()), |all, one| async { all.and(one) }).await
}

/// CPU time of this thread, from the scheduler's statistics (Linux).
fn thread_cpu() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").context("thread CPU time needs Linux")?;
    let nanos = text.split(' ').next().context("schedstat is empty")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}
