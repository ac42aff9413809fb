//! The yardstick: the same HTTP in and out with no store. A publish is parsed as the product must parse it, answered
//! 202, and handed to the product's own signed and guarded client, at most 64 requests at a time.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use clap::Args;
use ringup_core::{
    id::EventId,
    key::AccountKey,
    outcome::Outcome,
    signing::HeaderNames,
    time::{Tick, Timestamp},
};
use ringup_egress::{Caller, CheckedUrl, Egress, EgressPlan, Fence, Request, Webhook, sign::SigningKey, url_policy};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::{net::TcpListener, sync::mpsc};

use super::part;

/// Requests in flight to the receiver, over all its paths.
const IN_FLIGHT: usize = 64;
/// Events between the two sides; the next publish waits.
const HELD_MAX: usize = 1024;

#[derive(Args, Clone, Debug)]
pub struct Setup {
    /// Where the receiver listens
    receiver: SocketAddr,
    /// Endpoints that each event goes to
    fan_out: usize,
    /// Worker threads
    threads: usize,
}

struct Shared {
    events: mpsc::Sender<(EventId, Bytes)>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "eventType")]
    event_type: &'a str,
    #[serde(borrow)]
    payload: &'a RawValue,
}

pub fn run(setup: &Setup) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(setup.threads).enable_all().build()?;
    runtime.block_on(serve(setup.clone()))
}

async fn serve(setup: Setup) -> Result<()> {
    let plan = EgressPlan {
        allow_networks: vec!["127.0.0.0/8".parse()?],
        allow_http: true,
        connections_per_host_max: IN_FLIGHT,
        ..EgressPlan::default()
    };
    let urls =
        (0..setup.fan_out).map(|number| url_policy::check(&format!("http://{}/{number}", setup.receiver), &plan));
    let urls: Arc<[CheckedUrl]> = urls.collect::<Result<Vec<_>, _>>()?.into();
    let egress: Arc<dyn Caller> = Arc::new(Egress::new(plan)?);
    let (events, inbox) = mpsc::channel(HELD_MAX);
    let sending = tokio::spawn(send(egress, urls, inbox));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    part::tell(&listener.local_addr()?)?;
    let router = Router::new().route("/api/v1/app/{app}/msg", post(publish)).with_state(Arc::new(Shared { events }));
    let ended = tokio::task::spawn_blocking(part::end_with_input);
    tokio::select! {
        result = axum::serve(listener, router) => result?,
        result = ended => result??,
        result = sending => result??,
    }
    Ok(())
}

async fn publish(State(shared): State<Arc<Shared>>, body: Bytes) -> (StatusCode, String) {
    let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(&body) else {
        return (StatusCode::BAD_REQUEST, String::new());
    };
    let payload = body.slice_ref(envelope.payload.get().as_bytes());
    let (id, event_type) = (new_id(), envelope.event_type);
    let answer = format!("{{\"id\":\"{id}\",\"eventType\":\"{event_type}\"}}");
    match shared.events.send((id, payload)).await {
        Ok(()) => (StatusCode::ACCEPTED, answer),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
    }
}

/// Workers that take deliveries in turn.
async fn send(
    egress: Arc<dyn Caller>,
    urls: Arc<[CheckedUrl]>,
    mut events: mpsc::Receiver<(EventId, Bytes)>,
) -> Result<()> {
    let event_type: Arc<str> = "invoiceCreated".into();
    let keys: Arc<[SigningKey]> = Arc::new([SigningKey::new(&[7; 24], None)]);
    let permits = Arc::new(tokio::sync::Semaphore::new(IN_FLIGHT));
    let (failed, mut failure) = mpsc::channel::<Outcome>(1);
    while let Some((id, body)) = events.recv().await {
        for url in urls.iter() {
            let permit = permits.clone().acquire_owned().await?;
            let request = Request {
                url: url.clone(),
                account: AccountKey(1),
                headers: Arc::new([]),
                body: body.clone(),
                webhook: Webhook {
                    id,
                    names: HeaderNames::Webhook,
                    keys: keys.clone(),
                    event_type: event_type.clone(),
                    attempt: 1,
                },
                tls: None,
                time_limit: Duration::from_secs(30),
                now: now(),
                fence: Fence::default(),
            };
            let (egress, failed) = (egress.clone(), failed.clone());
            tokio::spawn(async move {
                let reply = egress.call(request).await;
                if !matches!(reply.outcome, Outcome::Delivered(_)) {
                    // One is enough to stop for.
                    let _full = failed.try_send(reply.outcome);
                }
                drop(permit);
            });
        }
        ensure!(failure.is_empty(), "a call failed: {:?}", failure.recv().await);
    }
    Ok(())
}

fn new_id() -> EventId {
    let random: u128 = rand::random();
    let bytes = random.to_le_bytes();
    let random: [u8; 12] = bytes[..12].try_into().expect("twelve of sixteen");
    EventId::of_tick(Tick::at(now()), random)
}

fn now() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Starts the yardstick in a process of its own; where it listens.
pub fn start(receiver: SocketAddr, fan_out: usize, threads: usize) -> Result<(super::process::Process, SocketAddr)> {
    let arguments = ["passthrough", &receiver.to_string(), &fan_out.to_string(), &threads.to_string()];
    let mut process = super::process::Process::start(&arguments)?;
    let address = process.hear().context("the address of the pass-through")?;
    Ok((process, address))
}
