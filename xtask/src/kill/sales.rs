//! Tills that complete sales while the process dies: each invoice by two of them, and a loyalty app that fails now and then.
//!
//! The app gives another reward at each call, so that what was recorded tells which call it came from.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use ringup_testkit::{
    client::Client,
    receiver::{Answer, Received, Receiver, Script},
    server::Server,
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::trial::chance;

const TILLS: usize = 2;
/// Between two sales of a till, and before a till asks a dead server again.
const PAUSE: Duration = Duration::from_millis(20);
/// After the last kill every sale must be answered within this time.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

/// An invoice and a reward.
type Rewards = Arc<Mutex<Vec<(String, u64)>>>;

/// The sales of one round.
pub struct Sales {
    account: String,
    /// What the app gave, each time it was asked.
    given: Rewards,
    /// What tills were told.
    told: Rewards,
    stop: Arc<AtomicBool>,
    tills: Vec<JoinHandle<usize>>,
    _app: Receiver,
}

/// A round whose rewards were all recorded once.
pub struct Counts {
    pub sales: u64,
    /// Calls that the app got.
    pub asked: u64,
    /// Answers with a reward that tills got.
    pub told: u64,
}

impl Sales {
    pub async fn begin(server: &Server, round: u32) -> Result<Self> {
        let client = server.client();
        let account = format!("round{round}-sales");
        client.create_app(&account).await?;
        let (given, told) = (Rewards::default(), Rewards::default());
        let gives = given.clone();
        let app = Receiver::start(Script::by(move |request| answer(&gives, request))).await?;
        let hook = format!("/api/v1/app/{account}/hook/orderComplete");
        let settings = json!({"url": app.url("/sale"), "deadlineMs": 5_000});
        let endpoint = client.put(&format!("{hook}/settings"), &settings).await?.expect(200)?.text_at("endpointId")?;
        let patient = json!({"schedule": vec!["50ms"; 20]});
        client.patch(&format!("/api/v1/app/{account}/endpoint/{endpoint}/settings"), &patient).await?.success()?;
        let stop = Arc::new(AtomicBool::new(false));
        let till = |number| {
            let (client, hook, told, stop) = (server.client(), hook.clone(), told.clone(), stop.clone());
            tokio::spawn(async move { sell(number, &client, &hook, &told, &stop).await })
        };
        let tills = (0..TILLS).map(till).collect();
        Ok(Self { account, given, told, stop, tills, _app: app })
    }

    pub fn end(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Submits all sales once more to a server that goes on living: each has one reward, that of a call, and it is what
    /// every till was told.
    pub async fn judge(self, client: &Client) -> Result<Counts> {
        let mut sales = 0;
        for till in self.tills {
            sales = sales.max(till.await?);
        }
        let hook = format!("/api/v1/app/{}/hook/orderComplete", self.account);
        let until = Instant::now() + ANSWERED_WITHIN;
        for number in 0..sales {
            let invoice = invoice(number, 0);
            loop {
                let answer = submit(client, &hook, &invoice).await?;
                if let Some(reward) = answer["answer"]["reward"].as_u64() {
                    lock(&self.told).push((invoice, reward));
                    break;
                }
                ensure!(Instant::now() < until, "{invoice} has no reward: {answer}");
                tokio::time::sleep(PAUSE).await;
            }
        }
        let path = format!("/api/v1/app/{}/msg?event_types=loyaltyRewardSettled", self.account);
        let mut recorded = HashMap::new();
        for event in client.list::<Value>(&path).await? {
            let payload = &event["payload"];
            let invoice = payload["invoiceId"].as_str().context("an invoice")?.to_lowercase();
            let reward = payload["answer"]["reward"].as_u64().context("a reward")?;
            let other = recorded.insert(invoice.clone(), reward);
            ensure!(other.is_none(), "the reward of {invoice} is recorded twice: {other:?} and {reward}");
        }
        ensure!(recorded.len() == sales, "{} rewards are recorded of {sales} sales", recorded.len());
        let (given, told) = (lock(&self.given), lock(&self.told));
        let mut calls: HashMap<&str, Vec<u64>> = HashMap::new();
        for (invoice, reward) in given.iter() {
            calls.entry(invoice).or_default().push(*reward);
        }
        for (invoice, reward) in &recorded {
            let was_given = calls.get(invoice.as_str()).is_some_and(|rewards| rewards.contains(reward));
            ensure!(was_given, "{invoice} has a reward that the app never gave: {reward}");
        }
        for (invoice, reward) in told.iter() {
            let one = recorded.get(&invoice.to_lowercase());
            ensure!(one == Some(reward), "a till was told {reward} for {invoice}, recorded is {one:?}");
        }
        Ok(Counts { sales: sales as u64, asked: given.len() as u64, told: told.len() as u64 })
    }
}

/// The name that a till has for a sale: the same but for its case.
fn invoice(number: usize, till: usize) -> String {
    if till == 0 { format!("INV-{number}") } else { format!("inv-{number}") }
}

/// Sells until it is stopped; how many sales there were.
async fn sell(till: usize, client: &Client, hook: &str, told: &Rewards, stop: &AtomicBool) -> usize {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let invoice = invoice(number, till);
        // A dying server gives no answer; its sale is submitted again at the end.
        if let Ok(answer) = submit(client, hook, &invoice).await
            && let Some(reward) = answer["answer"]["reward"].as_u64()
        {
            lock(told).push((invoice, reward));
        }
        number += 1;
        tokio::time::sleep(PAUSE).await;
    }
    number
}

async fn submit(client: &Client, hook: &str, invoice: &str) -> Result<Value> {
    client.post(hook, &json!({"ID": invoice, "Total": 12.50})).await?.expect(200)?.json()
}

fn answer(given: &Rewards, request: &Received) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let invoice = body["ID"].as_str().unwrap_or_default().to_lowercase();
    let mut given = lock(given);
    let reward = given.len() as u64;
    given.push((invoice, reward));
    match chance::mix(reward) % 100 {
        0..10 => Answer::status(503),
        10..13 => Answer::nothing(),
        dice => Answer::status(200).body(format!("{{\"reward\":{reward}}}")).after(Duration::from_millis(dice % 20)),
    }
}

fn lock(rewards: &Rewards) -> MutexGuard<'_, Vec<(String, u64)>> {
    rewards.lock().unwrap_or_else(PoisonError::into_inner)
}
