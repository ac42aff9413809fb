//! Fills a data folder with history through the store itself: by HTTP it would take an hour.
//!
//! The accounts and endpoints are those that the folder already has. Events go to five endpoints of one account each;
//! two attempts in a hundred failed.

use std::{
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clap::Args;
use ringup_core::{
    delivery::{After, DeliveryKey, Ended, Trigger},
    event::{Event, KeepPayload, Target},
    id::EventId,
    key::{AccountKey, EndpointKey},
    outcome::BodyEnd,
    time::{Tick, Timestamp},
    timing::Timing,
};
use ringup_store::{
    Store,
    log_entry::{Attempt, AttemptResult, Count, OutcomeWord},
    seam::{Acceptance, Fresh, Listener, Loaded, NewEvent, Settlement},
    sqlite::{Plan, SqliteStore},
};

const FAN_OUT: usize = 5;
/// One failed attempt in so many, spread over all endpoints.
const FAILED_EVERY: u64 = 50;
const EVENTS_AT_ONCE: u64 = 256;
/// Settlements handed over and not durable yet.
const OUTSTANDING_MAX: usize = 20_000;
const PAYLOAD_BYTES: usize = 512;
const DAY: Duration = Duration::from_hours(24);

/// What history to write.
#[derive(Args, Clone, Debug)]
pub struct Order {
    data_dir: PathBuf,
    /// Attempts to log
    attempts: u64,
    /// Age of the oldest, in days
    from_days: u32,
    /// Age of the newest, in days
    until_days: u32,
}

pub fn run(order: &Order) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(feed(order))?;
    super::part::tell(&order.attempts)
}

/// Settlements that are not durable yet.
#[derive(Default)]
struct Outstanding {
    count: Mutex<usize>,
    fewer: Condvar,
}

impl Listener for Outstanding {
    fn accepted(&self, _fresh: Vec<Fresh>) {}

    fn settled(&self, keys: Vec<DeliveryKey>) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) -= keys.len();
        self.fewer.notify_all();
    }

    fn resent(&self, _loaded: Loaded) {}

    fn recalled(&self, _endpoint: EndpointKey, _oldest: Tick) {}

    fn discarded(&self, _keys: Vec<DeliveryKey>) {}
}

impl Outstanding {
    fn add(&self, more: usize, max: usize) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        while *count > max {
            count = self.fewer.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
        *count += more;
    }
}

/// Who gets events.
struct Account {
    key: AccountKey,
    endpoints: Vec<EndpointKey>,
}

async fn feed(order: &Order) -> Result<()> {
    let store = SqliteStore::open(Plan::new(&order.data_dir)).await?;
    let outstanding = Arc::new(Outstanding::default());
    store.listen(outstanding.clone());
    let configuration = store.load_configuration().await?;
    let accounts: Vec<Account> = configuration
        .accounts
        .iter()
        .map(|account| {
            let endpoints = configuration.endpoints.iter().filter(|endpoint| endpoint.account == account.key);
            Account { key: account.key, endpoints: endpoints.map(|endpoint| endpoint.key).collect() }
        })
        .collect();
    ensure!(accounts.iter().all(|account| account.endpoints.len() >= FAN_OUT), "accounts need {FAN_OUT} endpoints");
    let events = order.attempts / FAN_OUT as u64;
    let mut made = 0;
    while made < events {
        let many = EVENTS_AT_ONCE.min(events - made);
        let batch: Vec<NewEvent> = (made..made + many).map(|number| event(order, &accounts, number, events)).collect();
        let accepted = store.accept(batch.clone()).await?;
        outstanding.add(batch.len() * FAN_OUT, OUTSTANDING_MAX);
        for ((event, acceptance), number) in batch.into_iter().zip(accepted).zip(made..) {
            let Acceptance::New(id) = acceptance else { anyhow::bail!("not new: {acceptance:?}") };
            settle(&store, event, id, number);
        }
        made += many;
    }
    outstanding.add(0, 0);
    store.close().await.context("closing the store")?;
    Ok(())
}

fn event(order: &Order, accounts: &[Account], number: u64, events: u64) -> NewEvent {
    let account = &accounts[usize::try_from(number).expect("64 bits") % accounts.len()];
    let (oldest, newest) = (DAY * order.from_days, DAY * order.until_days);
    let age = oldest - (oldest - newest).mul_f64(number as f64 / events as f64);
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default() - age;
    let first = number as usize / accounts.len() * FAN_OUT;
    let targets = (first..first + FAN_OUT).map(|place| Target {
        endpoint: account.endpoints[place % account.endpoints.len()],
        order_key: None,
        skipped: false,
    });
    let mut random = [0; 12];
    random[..8].copy_from_slice(&number.to_be_bytes());
    NewEvent {
        account: account.key,
        event_type: "invoiceCreated".into(),
        uid: None,
        channels: Vec::new(),
        extras: Default::default(),
        payload: payload(number),
        keep_payload: KeepPayload::Whole,
        targets: targets.collect(),
        idempotency: None,
        unregistered: false,
        asked: None,
        now: Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)),
        random,
    }
}

fn payload(number: u64) -> Bytes {
    let head = format!("{{\"number\":{number},\"pad\":\"");
    let pad = "0123456789abcdef".repeat(PAYLOAD_BYTES / 16);
    format!("{head}{}\"}}", &pad[..PAYLOAD_BYTES - head.len() - 2]).into()
}

/// Logs the attempts of one event and ends its deliveries.
fn settle(store: &SqliteStore, new: NewEvent, id: EventId, number: u64) {
    let event = Arc::new(Event {
        id,
        account: new.account,
        event_type: new.event_type,
        payload: new.payload,
        keep_payload: new.keep_payload,
    });
    for (place, target) in new.targets.iter().enumerate() {
        let place = number * FAN_OUT as u64 + place as u64;
        let failed = (place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).is_multiple_of(FAILED_EVERY);
        let outcome = if failed { OutcomeWord::Refused } else { OutcomeWord::Delivered };
        let result = AttemptResult { outcome, status: Some(if failed { 500 } else { 200 }), detail: None };
        let mut random = [1; 12];
        random[..8].copy_from_slice(&place.to_be_bytes());
        let duration = Duration::from_millis(12);
        store.record(Settlement {
            key: DeliveryKey { endpoint: target.endpoint, event: id.tick() },
            event: event.clone(),
            then: None,
            after: if failed { After::Ended(Ended::Exhausted) } else { After::Delivered },
            ended_at: new.now,
            attempt: Some(Attempt {
                number: 1,
                trigger: Trigger::Policy,
                started_at: new.now,
                duration,
                timing: Timing { first_byte: Some(Duration::from_millis(11)), ..Timing::default() },
                url: "https://receiver.example/webhook".into(),
                result,
                response_headers: Bytes::from_static(b"content-type: application/json\n"),
                response_body: Bytes::from_static(b"{\"status\":\"taken\",\"by\":\"the receiver\"}"),
                body_end: BodyEnd::Complete,
                random,
            }),
            count: Some(Count { minute: new.now.as_secs() / 60, outcome, duration, gave_up: failed }),
        });
    }
}
