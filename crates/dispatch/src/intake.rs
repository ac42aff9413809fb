//! The bounded hand-off from the store's commits to the conductor.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ringup_core::delivery::DeliveryKey;
use ringup_core::gauge::LaneGauge;
use ringup_core::key::EndpointKey;
use ringup_core::time::{Tick, Timestamp};
use ringup_store::seam::{Fresh, Listener, Loaded, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::Leftover;
use crate::attempt::Done;

/// Fresh deliveries on their way to the conductor. More than this, and lanes read them from the store.
const FRESH_MAX: usize = 16_384;

/// What reaches the conductor. Bounded by what is in flight, except `Accepted`, which [`Intake`] bounds.
pub enum Message {
    Accepted(Vec<Fresh>),
    /// Deliveries were durable but not handed over; see [`Intake::take_missed`].
    Missed,
    Settled(Vec<DeliveryKey>),
    Resent(Loaded),
    /// Deliveries of the endpoint were brought back, the oldest of this event; the store has them.
    Recalled(EndpointKey, Tick),
    /// Deliveries were cancelled, since their payload is gone.
    Discarded(Vec<DeliveryKey>),
    /// Other accounts are this node's than before; whoever is there is told once nothing is under way of what went.
    Moved(Option<oneshot::Sender<()>>),
    /// What others accepted for this node is about to be read.
    Looking,
    /// Another node accepted these for this one.
    Found(Vec<Loaded>),
    /// What came of these is not kept: they are another node's.
    Refused(Vec<DeliveryKey>),
    /// The store has something that is put off until this time.
    PutOff(Timestamp),
    Done(Box<Done>),
    Refilled {
        endpoint: EndpointKey,
        asked: usize,
        loaded: Result<Vec<Loaded>, StoreError>,
    },
    Swept {
        asked: usize,
        /// Of the store, when the read began.
        losses: u64,
        loaded: Result<Vec<Loaded>, StoreError>,
    },
    WorkFound(Result<Vec<EndpointKey>, StoreError>),
    /// Since when an endpoint that fails now has failed, as the counters say.
    LookedBack {
        endpoint: EndpointKey,
        since: Result<Option<Timestamp>, StoreError>,
    },
    /// Waiting deliveries of a stopped endpoint were ended, all of them or as many as could be.
    Emptied {
        endpoint: EndpointKey,
        all: bool,
    },
    /// What the lanes hold is asked from outside.
    Look(oneshot::Sender<Vec<LaneGauge>>),
    Stop {
        grace: Duration,
        answer: oneshot::Sender<Leftover>,
    },
}

/// Told by the store; never blocks.
pub struct Intake {
    messages: mpsc::UnboundedSender<Message>,
    fresh: AtomicUsize,
    missed: Mutex<BTreeSet<EndpointKey>>,
}

impl Intake {
    pub fn new(messages: mpsc::UnboundedSender<Message>) -> Intake {
        Intake { messages, fresh: AtomicUsize::new(0), missed: Mutex::default() }
    }

    /// The conductor has taken this many.
    pub fn taken(&self, count: usize) {
        self.fresh.fetch_sub(count, Ordering::Relaxed);
    }

    /// Endpoints that have deliveries which were not handed over.
    pub fn take_missed(&self) -> BTreeSet<EndpointKey> {
        std::mem::take(&mut *self.missed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Listener for Intake {
    fn accepted(&self, fresh: Vec<Fresh>) {
        let waiting = self.fresh.fetch_add(fresh.len(), Ordering::Relaxed);
        if waiting + fresh.len() <= FRESH_MAX {
            let _ = self.messages.send(Message::Accepted(fresh));
            return;
        }
        self.taken(fresh.len());
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        let first = missed.is_empty();
        missed.extend(fresh.iter().map(|fresh| fresh.endpoint));
        if first {
            let _ = self.messages.send(Message::Missed);
        }
    }

    fn settled(&self, keys: Vec<DeliveryKey>) {
        let _ = self.messages.send(Message::Settled(keys));
    }

    fn resent(&self, loaded: Loaded) {
        let _ = self.messages.send(Message::Resent(loaded));
    }

    fn recalled(&self, endpoint: EndpointKey, oldest: Tick) {
        let _ = self.messages.send(Message::Recalled(endpoint, oldest));
    }

    fn discarded(&self, keys: Vec<DeliveryKey>) {
        let _ = self.messages.send(Message::Discarded(keys));
    }

    fn moved(&self, parted: Option<oneshot::Sender<()>>) {
        let _ = self.messages.send(Message::Moved(parted));
    }

    fn looking(&self) {
        let _ = self.messages.send(Message::Looking);
    }

    fn found(&self, found: Vec<Loaded>) {
        let waiting = self.fresh.fetch_add(found.len(), Ordering::Relaxed);
        if waiting + found.len() <= FRESH_MAX {
            let _ = self.messages.send(Message::Found(found));
            return;
        }
        self.taken(found.len());
        let mut oldest = BTreeMap::new();
        for loaded in found {
            let DeliveryKey { endpoint, event } = loaded.delivery.key;
            oldest.entry(endpoint).and_modify(|tick: &mut Tick| *tick = event.min(*tick)).or_insert(event);
        }
        oldest.into_iter().for_each(|(endpoint, oldest)| self.recalled(endpoint, oldest));
    }

    fn refused(&self, keys: Vec<DeliveryKey>) {
        let _ = self.messages.send(Message::Refused(keys));
    }

    fn put_off(&self, until: Timestamp) {
        let _ = self.messages.send(Message::PutOff(until));
    }
}
