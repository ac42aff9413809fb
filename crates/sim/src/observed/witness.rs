//! What the observer writes down of each change, outcome and settlement.

use std::sync::Arc;

use ringup_core::delivery::DeliveryKey;
use ringup_core::id::EventId;
use ringup_core::key::EndpointKey;
use ringup_core::outcome::Outcome;
use ringup_core::time::{Tick, Timestamp};
use ringup_store::seam::{Change, Fresh, Listener, Loaded, Resent, Settlement, StoreError};

use crate::facts::{End, Facts, Recorded, Resend};
use crate::world::{World, receiver_of};

impl Facts {
    pub(super) fn changed(&mut self, change: Change, key: i64, now: Timestamp) {
        match change {
            Change::PutEndpoint(endpoint) => {
                let receiver = receiver_of(&endpoint.url);
                let known = &mut self.endpoints[receiver];
                known.key = Some(EndpointKey(key));
                known.changes.push(now);
                let by = endpoint.stopped.map(|stopped| stopped.by);
                if known.stops.last().is_none_or(|(_, before)| *before != by) {
                    known.stops.push((now, by));
                }
                self.by_key.insert(EndpointKey(key), receiver);
                self.trace.line(now, format_args!("changed r{receiver} stopped={by:?}"));
            }
            Change::DeleteEndpoint(endpoint) => {
                let receiver = self.by_key[&endpoint];
                self.endpoints[receiver].deleted_at = Some(now);
                self.trace.line(now, format_args!("deleted r{receiver}"));
            }
            Change::PutAccount(_)
            | Change::DeleteAccount(_)
            | Change::PutEnvironment(_)
            | Change::FoundEnvironment(..)
            | Change::PutKey(_)
            | Change::RevokeKeys(..)
            | Change::KeysUsed(_)
            | Change::ForgetSessions(_)
            | Change::PutEventType(_)
            | Change::DeleteEventType(_)
            | Change::Announced(..)
            | Change::DropNotice(_)
            | Change::Recorded(..)
            | Change::Record(_) => {}
        }
    }

    /// Whether the endpoint's configuration is in doubt. Answers whether it was before.
    pub(super) fn perhaps_changed(&mut self, change: &Change, unsure: bool) -> bool {
        let receiver = match change {
            Change::PutEndpoint(endpoint) => Some(receiver_of(&endpoint.url)),
            Change::DeleteEndpoint(endpoint) => self.by_key.get(endpoint).copied(),
            _ => None,
        };
        receiver.is_some_and(|receiver| std::mem::replace(&mut self.endpoints[receiver].unsure, unsure))
    }

    pub(super) fn asked_for(&mut self, event: EventId, endpoint: EndpointKey, asked_at: Timestamp) -> usize {
        let receiver = self.by_key[&endpoint];
        self.tally.resends += 1;
        self.trace.line(asked_at, format_args!("resend r{receiver} {}", event.tick().0));
        let resends = self.resends.entry((event, receiver)).or_default();
        resends.push(Resend { asked_at, done_at: None, refused: false });
        resends.len() - 1
    }

    pub(super) fn resent(
        &mut self,
        event: EventId,
        endpoint: EndpointKey,
        place: usize,
        answer: &Result<Resent, StoreError>,
        now: Timestamp,
    ) {
        let receiver = self.by_key[&endpoint];
        let word = match answer {
            Ok(Resent::Done) => "done",
            Ok(_) => "refused",
            Err(_) => "failed",
        };
        self.trace.line(now, format_args!("resent r{receiver} {} {word}", event.tick().0));
        let Some(resend) = self.resends.get_mut(&(event, receiver)).and_then(|resends| resends.get_mut(place)) else {
            return;
        };
        match answer {
            Ok(Resent::Done) => resend.done_at = Some(now),
            Ok(Resent::NotFound | Resent::NeverMatched | Resent::PayloadGone) => resend.refused = true,
            Err(_) => {}
        }
    }

    /// An outcome is handed to the store: it belongs to the oldest ended call of the delivery that has none yet.
    pub(super) fn recorded(&mut self, settlement: &Settlement, now: Timestamp) {
        let Some(receiver) = self.by_key.get(&settlement.key.endpoint).copied() else {
            return self.problem(format!("an outcome was recorded for {:?}, which nobody knows", settlement.key));
        };
        let delivery = (settlement.event.id, receiver);
        self.trace.line(now, format_args!("record r{receiver} {} {:?}", settlement.key.event.0, settlement.after));
        let places = self.calls_of.get(&delivery).cloned().unwrap_or_default();
        let open = places.into_iter().find(|at| {
            let call = &self.calls[*at];
            call.life == self.life && call.recorded.is_none() && matches!(call.end, End::Answered { .. } | End::CutOff)
        });
        let Some(at) = open else {
            return self.problem(format!("O5: an outcome was recorded for r{receiver} {} without a call", delivery.0));
        };
        let number = settlement.attempt.as_ref().map(|attempt| attempt.number);
        let recorded = Recorded { after: settlement.after, ended_at: settlement.ended_at, number };
        self.calls[at].recorded = Some(recorded);
    }

    fn settled(&mut self, key: DeliveryKey, now: Timestamp) {
        let Some(receiver) = self.by_key.get(&key.endpoint).copied() else { return };
        let first = (EventId::of_tick(key.event, [0; 12]), 0);
        let last = (EventId::of_tick(key.event, [0xff; 12]), usize::MAX);
        let mut of_tick = self.calls_of.range(first..=last).filter(|((_, to), _)| *to == receiver);
        let places = of_tick.next().map(|(_, places)| places.as_slice()).unwrap_or_default();
        let oldest = places.iter().copied().find(|at| {
            let call = &self.calls[*at];
            call.life == self.life && call.recorded.is_some() && !call.settled
        });
        self.trace.line(now, format_args!("settled r{receiver} {}", key.event.0));
        match oldest {
            Some(at) => {
                self.calls[at].settled = true;
                self.calls[at].settled_at = Some(now);
                self.unsettled = self.unsettled.saturating_sub(1);
            }
            None => self.problem(format!("O5: settled r{receiver} {} without an outcome", key.event.0)),
        }
    }
}

pub(super) struct Observer {
    pub(super) world: Arc<World>,
    pub(super) listener: Arc<dyn Listener>,
}

impl Listener for Observer {
    fn accepted(&self, fresh: Vec<Fresh>) {
        let now = self.world.time.now();
        {
            let mut facts = self.world.facts();
            for Fresh { event, .. } in &fresh {
                if facts.accepted_at.insert(event.id, now).is_none() {
                    facts.held.push(Arc::downgrade(event));
                }
            }
            facts.trace.line(now, format_args!("accepted {} deliveries", fresh.len()));
        }
        self.listener.accepted(fresh);
    }

    fn settled(&self, keys: Vec<DeliveryKey>) {
        let now = self.world.time.now();
        {
            let mut facts = self.world.facts();
            for key in &keys {
                facts.settled(*key, now);
            }
        }
        self.listener.settled(keys);
    }

    fn resent(&self, loaded: Loaded) {
        self.listener.resent(loaded);
    }

    fn recalled(&self, endpoint: EndpointKey, oldest: Tick) {
        self.listener.recalled(endpoint, oldest);
    }

    fn discarded(&self, keys: Vec<DeliveryKey>) {
        self.listener.discarded(keys);
    }
}

/// Whether an outcome says that the receiver has the event.
pub fn is_success(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Delivered(_))
}
