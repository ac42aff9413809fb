//! O1, O2, O3, O6, O7: what was acknowledged is there, once, and ended truthfully.

use std::collections::BTreeMap;

use ringup_core::delivery::{DeliveryState, Ended};
use ringup_core::endpoint::StoppedBy;
use ringup_core::id::EventId;
use ringup_store::query::{AttemptFilter, EventFilter, Order, PageRequest, Payload, StoredAttempt, StoredEvent};
use ringup_store::seam::{Census, Store, StoreError};

use super::{repeats_allowed, resends_granted};
use crate::facts::{Delivery, Facts};
use crate::observed::is_success;
use crate::stage::Life;
use crate::world::number_of;

/// Everything that the store says at the end.
pub struct Ledger {
    pub census: Census,
    pub events: Vec<StoredEvent>,
    /// `None`: delivered.
    pub deliveries: BTreeMap<Delivery, Option<DeliveryState>>,
    /// Oldest first.
    pub attempts: BTreeMap<Delivery, Vec<StoredAttempt>>,
    /// By receiver: delivered, and all others.
    pub counts: BTreeMap<usize, (u64, u64)>,
}

impl Ledger {
    pub async fn read(life: &Life) -> Result<Ledger, StoreError> {
        let store = &life.store;
        let mut ledger = Ledger {
            census: store.census().await?,
            events: Vec::new(),
            deliveries: BTreeMap::new(),
            attempts: BTreeMap::new(),
            counts: BTreeMap::new(),
        };
        let (by_key, receivers) = {
            let facts = life.world.facts();
            let keys = facts.endpoints.iter().map(|endpoint| (endpoint.account, endpoint.key)).collect::<Vec<_>>();
            (facts.by_key.clone(), keys)
        };
        for account in life.accounts() {
            let mut page = PageRequest { rows_max: 250, after: None, order: Order::OldestFirst };
            loop {
                let found = store.events(account, EventFilter::default(), page).await?;
                for event in found.rows {
                    page.after = Some(event.id.tick());
                    for destination in store.destinations(account, event.id).await? {
                        let receiver = by_key[&destination.endpoint];
                        ledger.deliveries.insert((event.id, receiver), destination.state);
                    }
                    ledger.events.push(event);
                }
                if found.done {
                    break;
                }
            }
        }
        let accounts = life.accounts();
        for (receiver, (account, key)) in receivers.into_iter().enumerate() {
            let Some(key) = key else { continue };
            let mut page = PageRequest { rows_max: 250, after: None, order: Order::OldestFirst };
            loop {
                let found = store.attempts_of_endpoint(accounts[account], key, AttemptFilter::default(), page).await?;
                for attempt in found.rows {
                    page.after = Some(attempt.id.tick());
                    ledger.attempts.entry((attempt.event, receiver)).or_default().push(attempt);
                }
                if found.done {
                    break;
                }
            }
            let counts = store.counts(key, i64::MIN, i64::MAX).await?;
            let sum = counts.iter().fold((0, 0), |(well, ill), count| {
                let others = count.refused + count.timed_out + count.unreachable + count.blocked;
                (well + count.delivered, ill + others)
            });
            ledger.counts.insert(receiver, sum);
        }
        Ok(ledger)
    }
}

pub(super) fn check(facts: &Facts, ledger: &Ledger, problems: &mut Vec<String>) {
    check_events(facts, ledger, problems);
    for (delivery, state) in &ledger.deliveries {
        check_end(facts, *delivery, *state, problems);
    }
    let census = ledger.census;
    let ended = ledger.deliveries.values().filter(|state| matches!(state, Some(DeliveryState::Ended(_)))).count();
    if census.deliveries_live != 0 || census.deliveries_ended != ended as u64 {
        problems.push(format!("O6: {census:?}, but {ended} deliveries are listed as ended"));
    }
    if census.events != ledger.events.len() as u64 {
        problems.push(format!("O6: {census:?}, but {} events are listed", ledger.events.len()));
    }
    for (receiver, (well, ill)) in &ledger.counts {
        check_counts(facts, *receiver, *well, *ill, problems);
    }
}

fn check_events(facts: &Facts, ledger: &Ledger, problems: &mut Vec<String>) {
    let mut stored: BTreeMap<usize, EventId> = BTreeMap::new();
    for event in &ledger.events {
        let Payload::Kept(payload) = &event.payload else {
            problems.push(format!("O1: the payload of {} is gone", event.id));
            continue;
        };
        let published = number_of(payload).and_then(|number| Some((number, facts.published.get(number)?)));
        match published {
            Some((number, published)) if published.payload == *payload => {
                if let Some(other) = stored.insert(number, event.id) {
                    problems.push(format!("O7: event {number} is stored as {other} and as {}", event.id));
                }
            }
            _ => problems.push(format!("O2: {} is stored, but nobody published it", event.id)),
        }
    }
    for (number, published) in facts.published.iter().enumerate() {
        if let Some(id) = published.acknowledged
            && stored.get(&number) != Some(&id)
        {
            problems.push(format!("O1: event {number} was acknowledged as {id} and is not there"));
        }
    }
    for id in facts.numbers.keys() {
        if !ledger.events.iter().any(|event| event.id == *id) {
            problems.push(format!("O2: {id} was seen and is not in the store"));
        }
    }
}

fn check_end(facts: &Facts, delivery: Delivery, state: Option<DeliveryState>, problems: &mut Vec<String>) {
    let (event, receiver) = (delivery.0.tick().0, delivery.1);
    let successes = facts.calls_for(delivery).filter(|call| call.outcome().is_some_and(is_success)).count();
    let lost_successes = repeats_allowed(facts, delivery);
    let endpoint = &facts.endpoints[receiver];
    let stopped =
        |by: Option<StoppedBy>| endpoint.stops.iter().any(|(_, how)| how.is_some() && (by.is_none() || *how == by));
    let mut wrong = |what: &str| problems.push(format!("{what}: r{receiver} {event} ended as {state:?}"));
    match state {
        None if successes == 0 => wrong("O1: no receiver ever said that it has it"),
        None => {}
        Some(DeliveryState::Waiting | DeliveryState::Scheduled(_)) => wrong("O6: still live"),
        Some(DeliveryState::Ended(Ended::Skipped)) if !stopped(None) && !endpoint.unsure => wrong("never stopped"),
        Some(DeliveryState::Ended(Ended::Cancelled)) if endpoint.deleted_at.is_none() && !endpoint.unsure => {
            wrong("never deleted");
        }
        Some(DeliveryState::Ended(Ended::Skipped | Ended::Cancelled)) => {}
        Some(DeliveryState::Ended(_)) if facts.calls_for(delivery).next().is_none() => wrong("never attempted"),
        Some(DeliveryState::Ended(_)) => {}
    }
    let allowed = 1 + lost_successes + resends_granted(facts, delivery);
    if successes > allowed {
        problems.push(format!("O3: r{receiver} {event} was delivered {successes} times, {allowed} allowed"));
    }
}

/// Counters never depend on the log mode: they lie between what is certainly and what is possibly durable.
fn check_counts(facts: &Facts, receiver: usize, well: u64, ill: u64, problems: &mut Vec<String>) {
    let (mut settled, mut answered) = ((0, 0), (0, 0));
    for call in facts.calls.iter().filter(|call| call.delivery.1 == receiver) {
        let Some(recorded) = call.recorded else { continue };
        let success = matches!(recorded.after, ringup_core::delivery::After::Delivered);
        let interrupted = matches!(recorded.after, ringup_core::delivery::After::Unchanged);
        let one = if interrupted { (0, 0) } else { (u64::from(success), u64::from(!success)) };
        answered = (answered.0 + one.0, answered.1 + one.1);
        if call.settled {
            settled = (settled.0 + one.0, settled.1 + one.1);
        }
    }
    if well < settled.0 || well > answered.0 || ill < settled.1 || ill > answered.1 {
        problems.push(format!(
            "O6: r{receiver} has counters {well} and {ill}, durable outcomes are {settled:?}, all {answered:?}"
        ));
    }
}
