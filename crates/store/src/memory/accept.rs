//! Accepting events: ids, idempotency, deliveries.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::delivery::{After, DeliveryKey, Ended, Trigger};
use ringup_core::event::Event;
use ringup_core::id::EventId;
use ringup_core::time::Tick;

use super::history::{EventRow, History, Live, PayloadState};
use super::settle;
use crate::seam::{Acceptance, Asked, Fresh, NewEvent, Settlement};

/// Takes all of them, and answers for each what it became; then what wants a first attempt.
pub(super) fn accept(
    history: &mut History,
    events: Vec<NewEvent>,
    uid_window: Duration,
) -> (Vec<Acceptance>, Vec<Fresh>) {
    let mut fresh = Vec::new();
    let acceptances = events
        .into_iter()
        .map(|event| match seen(history, &event, uid_window) {
            Some(acceptance) => acceptance,
            None => Acceptance::New(insert(history, event, &mut fresh)),
        })
        .collect();
    (acceptances, fresh)
}

/// What an earlier event with the same idempotency key, or else the same uid, makes of this one.
fn seen(history: &History, event: &NewEvent, uid_window: Duration) -> Option<Acceptance> {
    if let Some(idempotency) = &event.idempotency {
        let row = history.named(&history.by_idempotency, event.account, &idempotency.key);
        if let Some(row) = row.filter(|row| row.event.accepted_at() >= idempotency.not_before) {
            let same = row.idempotency.as_ref().is_some_and(|(_, print)| *print == idempotency.fingerprint);
            let seen = if same { Acceptance::Repeated } else { Acceptance::KeyReused };
            return Some(seen(row.event.id));
        }
    }
    let row = history.named(&history.by_uid, event.account, event.uid.as_deref()?)?;
    let taken = row.event.accepted_at() >= event.now.saturating_sub(uid_window);
    taken.then_some(Acceptance::UidTaken(row.event.id))
}

fn insert(history: &mut History, new: NewEvent, fresh: &mut Vec<Fresh>) -> EventId {
    let tick = Tick::after(history.last_event, new.now);
    history.last_event = tick;
    let id = EventId::of_tick(tick, new.random);
    let event = Arc::new(Event {
        id,
        account: new.account,
        event_type: new.event_type,
        payload: new.payload,
        keep_payload: new.keep_payload,
    });
    let due_at = new.extras.due_at(new.now);
    for target in new.targets.iter().filter(|_| new.asked.is_none()) {
        let key = DeliveryKey { endpoint: target.endpoint, event: tick };
        if target.skipped {
            history.ended.insert(key, Ended::Skipped);
            continue;
        }
        let order_key = target.order_key;
        history.put_live(key, Live { due_at, attempts_made: 0, trigger: Trigger::Policy, order_key });
        fresh.push(Fresh { event: event.clone(), endpoint: target.endpoint, order_key, due_at });
    }
    history.by_account.insert((new.account, tick));
    if let Some(uid) = &new.uid {
        history.by_uid.insert((new.account, uid.clone(), tick));
    }
    if let Some(idempotency) = &new.idempotency {
        history.by_idempotency.insert((new.account, idempotency.key.clone(), tick));
    }
    let row = EventRow {
        event,
        uid: new.uid,
        channels: new.channels,
        extras: new.extras,
        targets: new.targets,
        idempotency: new.idempotency.map(|idempotency| (idempotency.key, idempotency.fingerprint)),
        unregistered: new.unregistered,
        payload: PayloadState::Whole,
    };
    let asked = new.asked.zip(row.targets.first().map(|target| target.endpoint));
    let event = row.event.clone();
    history.events.insert(tick, row);
    if let Some((asked, endpoint)) = asked {
        let key = DeliveryKey { endpoint, event: tick };
        let Asked { ended_at, ended, attempt, count } = *asked;
        if let Some(how) = ended {
            history.ended.insert(key, how);
        }
        settle::settle(
            history,
            Settlement { key, event, after: After::Unchanged, ended_at, attempt, count, then: None },
        );
    }
    history.settle_payload(tick);
    id
}
