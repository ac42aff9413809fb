//! Everything about events: rows, live and ended deliveries, attempts and counters.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use ringup_core::delivery::{Delivery, DeliveryKey, DeliveryState, Ended, Trigger};
use ringup_core::event::{Event, Extras, KeepPayload, Target};
use ringup_core::id::EventId;
use ringup_core::json;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::{Day, Tick, Timestamp};

use crate::query::{MinuteCount, Payload, StoredAttempt};
use crate::seam::Loaded;

#[derive(Clone, Default)]
pub(super) struct History {
    pub(super) events: BTreeMap<Tick, EventRow>,
    pub(super) by_account: BTreeSet<(AccountKey, Tick)>,
    pub(super) by_idempotency: Names,
    pub(super) by_uid: Names,
    live: BTreeMap<DeliveryKey, Live>,
    /// The scheduled ones among `live`.
    scheduled: BTreeSet<(Timestamp, DeliveryKey)>,
    pub(super) ended: BTreeMap<DeliveryKey, Ended>,
    /// By the tick of the attempt's id.
    pub(super) attempts: BTreeMap<Tick, StoredAttempt>,
    /// Event, then attempt.
    pub(super) attempts_by_event: BTreeSet<(Tick, Tick)>,
    pub(super) attempts_by_endpoint: BTreeSet<(EndpointKey, Tick)>,
    /// Filed under the day of the event, with which they go.
    pub(super) counters: BTreeMap<(EndpointKey, i64, Day), MinuteCount>,
    /// Ticks last given; they grow even when retention took the rows.
    pub(super) last_event: Tick,
    pub(super) last_attempt: Tick,
}

/// Names that events of an account have, each with all its events: retention may take the newest one first.
pub(super) type Names = BTreeSet<(AccountKey, String, Tick)>;

#[derive(Clone)]
pub(super) struct EventRow {
    /// Its payload is the one in `payload`; empty once that is gone.
    pub(super) event: Arc<Event>,
    pub(super) uid: Option<String>,
    pub(super) channels: Vec<String>,
    pub(super) extras: Extras,
    pub(super) targets: Vec<Target>,
    pub(super) idempotency: Option<(String, u64)>,
    pub(super) unregistered: bool,
    pub(super) payload: PayloadState,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PayloadState {
    Whole,
    Redacted,
    Gone,
}

/// A delivery that wants attempts.
#[derive(Clone, Copy)]
pub(super) struct Live {
    pub(super) due_at: Option<Timestamp>,
    pub(super) attempts_made: u32,
    pub(super) trigger: Trigger,
    pub(super) order_key: Option<u64>,
}

impl History {
    /// The event with this id, if the account has it.
    pub(super) fn owned(&self, account: AccountKey, id: EventId) -> Option<&EventRow> {
        self.events.get(&id.tick()).filter(|row| row.event.id == id && row.event.account == account)
    }

    /// The newest event that has this name.
    pub(super) fn named(&self, names: &Names, account: AccountKey, name: &str) -> Option<&EventRow> {
        let with = |tick| (account, name.to_owned(), tick);
        let (_, _, tick) = names.range(with(Tick(0))..=with(Tick(u64::MAX))).next_back()?;
        self.events.get(tick)
    }

    pub(super) fn live(&self, key: DeliveryKey) -> Option<&Live> {
        self.live.get(&key)
    }

    pub(super) fn all_live(&self) -> &BTreeMap<DeliveryKey, Live> {
        &self.live
    }

    pub(super) fn scheduled(&self) -> &BTreeSet<(Timestamp, DeliveryKey)> {
        &self.scheduled
    }

    pub(super) fn put_live(&mut self, key: DeliveryKey, live: Live) {
        self.remove_live(key);
        if let Some(due_at) = live.due_at {
            self.scheduled.insert((due_at, key));
        }
        self.live.insert(key, live);
    }

    pub(super) fn remove_live(&mut self, key: DeliveryKey) -> Option<Live> {
        let live = self.live.remove(&key)?;
        if let Some(due_at) = live.due_at {
            self.scheduled.remove(&(due_at, key));
        }
        Some(live)
    }

    /// A live delivery with its event.
    pub(super) fn loaded(&self, key: DeliveryKey) -> Option<Loaded> {
        let live = self.live.get(&key)?;
        let event = self.events.get(&key.event)?.event.clone();
        let state = live.due_at.map_or(DeliveryState::Waiting, DeliveryState::Scheduled);
        let Live { attempts_made, trigger, order_key, .. } = *live;
        Some(Loaded { delivery: Delivery { key, state, attempts_made, trigger, order_key }, event })
    }

    /// Lets go of the payload as the event asks, unless a delivery still needs it or may be resent.
    pub(super) fn settle_payload(&mut self, tick: Tick) {
        let Some(row) = self.events.get(&tick) else { return };
        let unfinished = row.targets.iter().any(|target| {
            let key = DeliveryKey { endpoint: target.endpoint, event: tick };
            self.live.contains_key(&key) || self.ended.contains_key(&key)
        });
        if unfinished {
            return;
        }
        let logged = self.attempts_by_event.range(of_event(tick)).next().is_some();
        let Some(row) = self.events.get_mut(&tick) else { return };
        match row.event.keep_payload.clone() {
            KeepPayload::Whole => {}
            KeepPayload::Redacted(pointers) => row.strike(&pointers),
            KeepPayload::IfLogged(pointers) if logged => row.strike(&pointers),
            KeepPayload::IfLogged(_) | KeepPayload::Never => row.drop_payload(),
        }
    }
}

impl EventRow {
    /// The payload as it may be shown: values that are to be struck out never are.
    pub(super) fn shown_payload(&self) -> Payload {
        let kept = &self.event.payload;
        match self.payload {
            PayloadState::Gone => Payload::Gone,
            PayloadState::Redacted => Payload::Redacted(kept.clone()),
            PayloadState::Whole => match json::strike(kept, pointers(&self.event.keep_payload)) {
                Some(struck) => Payload::Redacted(struck.into()),
                None => Payload::Kept(kept.clone()),
            },
        }
    }

    /// Whether there was something to drop.
    pub(super) fn has_payload(&self) -> bool {
        self.payload != PayloadState::Gone
    }

    pub(super) fn drop_payload(&mut self) {
        self.replace_payload(Bytes::new(), PayloadState::Gone);
    }

    fn strike(&mut self, pointers: &[String]) {
        if self.payload == PayloadState::Whole
            && let Some(struck) = json::strike(&self.event.payload, pointers)
        {
            self.replace_payload(struck.into(), PayloadState::Redacted);
        }
    }

    fn replace_payload(&mut self, payload: Bytes, state: PayloadState) {
        self.event = Arc::new(Event { payload, ..Event::clone(&self.event) });
        self.payload = state;
    }
}

/// All attempts of one event, in `attempts_by_event`.
pub(super) fn of_event(event: Tick) -> RangeInclusive<(Tick, Tick)> {
    (event, Tick(0))..=(event, Tick(u64::MAX))
}

fn pointers(keep: &KeepPayload) -> &[String] {
    match keep {
        KeepPayload::Redacted(pointers) | KeepPayload::IfLogged(pointers) => pointers,
        KeepPayload::Whole | KeepPayload::Never => &[],
    }
}
