//! Those who publish: they keep their event until it is acknowledged, and repeat it with the same key.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ringup_core::event::{KeepPayload, Target};
use ringup_core::key::AccountKey;
use ringup_core::order::order_key;
use ringup_core::settings::Ordering;
use ringup_store::directory::AccountView;
use ringup_store::seam::{Acceptance, Idempotency, NewEvent, StoreError};
use tokio::time::sleep;

use crate::dice::{Dice, Purpose};
use crate::facts::Published;
use crate::mix::Publish;
use crate::stage::Life;
use crate::world::{World, lock};

/// Idempotency keys are remembered this long.
const WINDOW: Duration = Duration::from_hours(12);

/// An account's publisher; lives on when the process dies.
pub struct Publisher {
    account: usize,
    script: Vec<Publish>,
    next: AtomicUsize,
    /// Sent, and not acknowledged yet.
    pending: Mutex<Vec<usize>>,
    done: AtomicBool,
    dice: Mutex<Dice>,
}

impl Publisher {
    /// One for each account.
    pub fn all(world: &World) -> Vec<Arc<Publisher>> {
        let one = |account| Publisher {
            account,
            script: world.mix.publishes.iter().filter(|publish| publish.account == account).cloned().collect(),
            next: AtomicUsize::new(0),
            pending: Mutex::default(),
            done: AtomicBool::new(false),
            dice: Mutex::new(Dice::new(world.mix.seed, Purpose::Publisher(account))),
        };
        (0..world.mix.accounts).map(|account| Arc::new(one(account))).collect()
    }

    pub fn is_done(&self) -> bool {
        self.done.load(Relaxed)
    }

    /// Goes on with the script where the last life left it.
    pub async fn run(self: Arc<Publisher>, life: Life) {
        loop {
            if lock(&self.pending).is_empty() {
                let Some(item) = self.script.get(self.next.load(Relaxed)) else { break };
                sleep(item.at.saturating_sub(life.world.time.elapsed())).await;
                self.next.fetch_add(1, Relaxed);
                let numbers = compose(&life, self.account, item, &mut lock(&self.dice));
                *lock(&self.pending) = numbers;
            }
            let numbers = lock(&self.pending).clone();
            if let Err(_refused) = send(&life, self.account, &numbers).await {
                let (gives_up, pause) = {
                    let mut dice = lock(&self.dice);
                    (dice.chance(5), dice.span(Duration::from_millis(20), Duration::from_secs(2)))
                };
                if !gives_up {
                    sleep(pause).await;
                    continue;
                }
            }
            lock(&self.pending).clear();
        }
        self.done.store(true, Relaxed);
    }
}

impl Life {
    /// Publishes so many events for an account, and insists until they are acknowledged. Answers their numbers.
    pub async fn publish(&self, account: usize, events: usize) -> Vec<usize> {
        self.publish_ordered(account, &vec![0; events]).await
    }

    /// As `publish`, with these values at `/ID`.
    pub async fn publish_ordered(&self, account: usize, values: &[u64]) -> Vec<usize> {
        let key = self.accounts()[account];
        let numbers: Vec<usize> = values.iter().map(|value| write(&self.world, key, *value, 40)).collect();
        while send(self, account, &numbers).await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
        numbers
    }
}

/// Writes an item's events; they are not sent yet.
fn compose(life: &Life, account: usize, item: &Publish, dice: &mut Dice) -> Vec<usize> {
    let key = life.accounts()[account];
    let mut one = || write(&life.world, key, dice.range(0, item.order_values), item.payload_bytes);
    (0..item.events).map(|_| one()).collect()
}

fn write(world: &World, account: AccountKey, order_value: u64, payload_bytes: usize) -> usize {
    let mut facts = world.facts();
    let number = facts.published.len();
    let pad = "x".repeat(payload_bytes);
    let payload = Bytes::from(format!("{{\"n\":{number},\"ID\":{order_value},\"pad\":\"{pad}\"}}"));
    facts.published.push(Published { account, payload, order_value, acknowledged: None });
    number
}

async fn send(life: &Life, account: usize, numbers: &[usize]) -> Result<(), StoreError> {
    let Some(view) = life.catalogue.directory().account(life.accounts()[account]) else {
        return Err(StoreError::NotFound);
    };
    let now = life.wall();
    let events = {
        let facts = life.world.facts();
        let one = |number: &usize| new_event(&view, *number, facts.published[*number].payload.clone(), now);
        numbers.iter().map(one).collect()
    };
    let answer = life.catalogue.store().accept(events).await;
    let at = life.world.time.now();
    let mut facts = life.world.facts();
    let acceptances = match answer {
        Ok(acceptances) => acceptances,
        Err(error) => {
            facts.trace.line(at, format_args!("publish {numbers:?} refused"));
            return Err(error);
        }
    };
    facts.trace.line(at, format_args!("publish {numbers:?} acknowledged"));
    for (number, acceptance) in numbers.iter().zip(acceptances) {
        match acceptance {
            Acceptance::New(id) | Acceptance::Repeated(id) => {
                facts.sight(id, *number);
                facts.published[*number].acknowledged = Some(id);
            }
            Acceptance::KeyReused(id) | Acceptance::UidTaken(id) => {
                facts.problem(format!("O7: event {number} was taken for {id}"));
            }
        }
    }
    Ok(())
}

fn new_event(view: &AccountView, number: usize, payload: Bytes, now: ringup_core::time::Timestamp) -> NewEvent {
    let fingerprint = number as u64;
    let targets = view.endpoints.iter().map(|view| Target {
        endpoint: view.endpoint.key,
        order_key: match &view.settings.ordering.value {
            Ordering::ByKey(pointer) => Some(order_key(&payload, pointer)),
            Ordering::None | Ordering::Strict => None,
        },
        skipped: view.endpoint.stopped.is_some(),
    });
    let mut random = [0; 12];
    random[4..].copy_from_slice(&fingerprint.to_be_bytes());
    NewEvent {
        account: view.account.key,
        event_type: Arc::from("invoiceCreated"),
        uid: None,
        channels: Vec::new(),
        extras: Default::default(),
        targets: targets.collect(),
        payload,
        keep_payload: KeepPayload::Whole,
        idempotency: Some(Idempotency {
            key: format!("publish {number}"),
            fingerprint,
            not_before: now.saturating_sub(WINDOW),
        }),
        unregistered: false,
        asked: None,
        now,
        random,
    }
}
