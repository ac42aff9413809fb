//! A store with a listener, two accounts and their endpoints: what every case starts from.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringup_core::delivery::{After, DeliveryKey, DeliveryState};
use ringup_core::event::{Event, Target};
use ringup_core::id::EventId;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::{Tick, Timestamp};
use tokio::sync::{oneshot, watch};

use super::{Home, sample};
use crate::query::{AttemptFilter, EventFilter, Order, Page, PageRequest, Payload, StoredAttempt, StoredEvent};
use crate::seam::{Acceptance, Change, EventName, Fresh, Listener, Loaded, NewEvent, Resent, Settlement, Store};

/// Far longer than any commit takes.
const HEARD_WITHIN: Duration = Duration::from_secs(30);

/// Rows of a page that holds everything a case makes.
pub const ALL: usize = 250;

pub struct Scene {
    pub store: Arc<dyn Store>,
    pub ear: Arc<Ear>,
    pub account: AccountKey,
    pub endpoints: [EndpointKey; 3],
    /// Somebody else, who must never see any of it.
    pub other: AccountKey,
    pub other_endpoint: EndpointKey,
    recorded: AtomicUsize,
}

impl Scene {
    pub async fn open(home: &dyn Home) -> Scene {
        let store = home.open().await;
        let environment = put(&store, Change::PutEnvironment(sample::environment("live"))).await;
        let account = AccountKey(put(&store, Change::PutAccount(sample::account(environment, 1))).await);
        let other = AccountKey(put(&store, Change::PutAccount(sample::account(environment, 2))).await);
        let mut endpoints = [EndpointKey(0); 3];
        for (number, endpoint) in (1..).zip(&mut endpoints) {
            *endpoint = EndpointKey(put(&store, Change::PutEndpoint(sample::endpoint(account, number))).await);
        }
        let other_endpoint = EndpointKey(put(&store, Change::PutEndpoint(sample::endpoint(other, 9))).await);
        let ear = Ear::on(&store);
        Scene { store, ear, account, endpoints, other, other_endpoint, recorded: AtomicUsize::new(0) }
    }

    /// Closed well and opened again, with a listener that has heard nothing yet.
    pub async fn reopen(self, home: &dyn Home) -> Scene {
        let store = home.reopen(self.store.clone()).await;
        self.with(store)
    }

    /// Found after a crash; `None` where the home cannot show that.
    pub async fn crash(self, home: &dyn Home) -> Option<Scene> {
        let store = home.crash(self.store.clone()).await?;
        Some(self.with(store))
    }

    /// The same scene on a store that was opened again.
    pub fn with(self, store: Arc<dyn Store>) -> Scene {
        let ear = Ear::on(&store);
        Scene { store, ear, recorded: AtomicUsize::new(0), ..self }
    }

    pub async fn accept(&self, events: Vec<NewEvent>) -> Vec<Acceptance> {
        self.store.accept(events).await.expect("the store takes events")
    }

    /// Accepts one event that must be new, and gives it as lanes get it.
    pub async fn publish(&self, new: NewEvent) -> Arc<Event> {
        let acceptances = self.accept(vec![new.clone()]).await;
        match acceptances.as_slice() {
            [Acceptance::New(id)] => Arc::new(Event {
                id: *id,
                account: new.account,
                event_type: new.event_type,
                payload: new.payload,
                keep_payload: new.keep_payload,
            }),
            other => panic!("expected one new event, got {other:?}"),
        }
    }

    /// An event of the account to its first endpoint.
    pub async fn publish_at(&self, now: Timestamp) -> Arc<Event> {
        self.publish(self.new_event(now, &self.endpoints[..1])).await
    }

    pub fn new_event(&self, now: Timestamp, endpoints: &[EndpointKey]) -> NewEvent {
        NewEvent { targets: endpoints.iter().map(|key| target(*key)).collect(), ..sample::event(self.account, now) }
    }

    /// Hands over a settlement without waiting for it.
    pub fn hand_over(&self, settlement: Settlement) {
        self.recorded.fetch_add(1, Ordering::SeqCst);
        self.store.record(settlement);
    }

    /// Waits until everything handed over is durable.
    pub async fn settled(&self) {
        let recorded = self.recorded.load(Ordering::SeqCst);
        self.ear.until("all settlements are told", |heard| heard.settled.len() >= recorded).await;
    }

    pub async fn record(&self, settlement: Settlement) {
        self.hand_over(settlement);
        self.settled().await;
    }

    /// An attempt at the account's first endpoint that ended so, logged and counted.
    pub async fn attempt(&self, event: &Arc<Event>, after: After) {
        self.record(sample::settlement(event, self.endpoints[0], after)).await;
    }

    /// The state of a delivery as `destinations` tells it: `None` is delivered.
    pub async fn state(&self, event: EventId, endpoint: EndpointKey) -> Option<DeliveryState> {
        let destinations = self.store.destinations(self.account, event).await.expect("the event is there");
        let found = destinations.iter().find(|destination| destination.endpoint == endpoint);
        found.expect("the event went to the endpoint").state
    }

    pub async fn event(&self, id: EventId) -> StoredEvent {
        let event = self.store.event(self.account, EventName::Id(id)).await.expect("the store reads");
        event.expect("the event is there")
    }

    pub async fn payload(&self, id: EventId) -> Payload {
        self.event(id).await.payload
    }

    /// All waiting deliveries of an endpoint, scheduled ones too.
    pub async fn live(&self, endpoint: EndpointKey) -> Vec<Loaded> {
        self.store.waiting(endpoint, Tick(0), true, 10_000).await.expect("the store reads")
    }

    pub async fn events(&self, filter: EventFilter, page: PageRequest) -> Page<StoredEvent> {
        self.store.events(self.account, filter, page).await.expect("the store reads")
    }

    pub async fn event_ids(&self) -> Vec<EventId> {
        self.events(EventFilter::default(), newest(ALL)).await.rows.iter().map(|event| event.id).collect()
    }

    pub async fn attempts_of_event(&self, event: EventId) -> Vec<StoredAttempt> {
        let page = self.store.attempts_of_event(self.account, event, AttemptFilter::default(), oldest(ALL)).await;
        page.expect("the event is there").rows
    }

    pub async fn attempts_of_endpoint(&self, filter: AttemptFilter, page: PageRequest) -> Page<StoredAttempt> {
        let page = self.store.attempts_of_endpoint(self.account, self.endpoints[0], filter, page).await;
        page.expect("the store reads")
    }

    pub async fn resend(&self, event: EventId, endpoint: EndpointKey) -> Resent {
        self.store.resend(self.account, event, endpoint, sample::noon()).await.expect("the store resends")
    }
}

/// What the listener was told.
#[derive(Default)]
pub struct Heard {
    pub fresh: Vec<Fresh>,
    pub settled: Vec<DeliveryKey>,
    pub resent: Vec<Loaded>,
    pub recalled: Vec<(EndpointKey, Tick)>,
    pub discarded: Vec<DeliveryKey>,
    /// Times that other accounts became this node's.
    pub moves: usize,
    pub refused: Vec<DeliveryKey>,
    /// What others accepted for this node.
    pub found: Vec<Loaded>,
    pub put_off: Vec<Timestamp>,
    /// Times that others logged something.
    pub growths: usize,
}

pub struct Ear {
    heard: Mutex<Heard>,
    grown: watch::Sender<()>,
}

impl Ear {
    pub fn on(store: &Arc<dyn Store>) -> Arc<Ear> {
        let ear = Arc::new(Ear { heard: Mutex::default(), grown: watch::Sender::new(()) });
        store.listen(ear.clone());
        ear
    }

    /// Waits until what was heard satisfies `wanted`.
    pub async fn until(&self, what: &str, wanted: impl Fn(&Heard) -> bool) {
        let mut grown = self.grown.subscribe();
        let heard = async {
            while !self.now(&wanted) {
                grown.changed().await.expect("the sender lives in the ear");
            }
        };
        if tokio::time::timeout(HEARD_WITHIN, heard).await.is_err() {
            let (fresh, settled, resent) =
                self.now(|heard| (heard.fresh.len(), heard.settled.len(), heard.resent.len()));
            panic!("waited for: {what}; heard {fresh} fresh, {settled} settled, {resent} resent");
        }
    }

    pub fn now<T>(&self, look: impl FnOnce(&Heard) -> T) -> T {
        look(&self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn hear(&self, add: impl FnOnce(&mut Heard)) {
        add(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        self.grown.send_replace(());
    }
}

impl Listener for Ear {
    fn accepted(&self, fresh: Vec<Fresh>) {
        self.hear(|heard| heard.fresh.extend(fresh));
    }

    fn settled(&self, keys: Vec<DeliveryKey>) {
        self.hear(|heard| heard.settled.extend(keys));
    }

    fn resent(&self, loaded: Loaded) {
        self.hear(|heard| heard.resent.push(loaded));
    }

    fn recalled(&self, endpoint: EndpointKey, oldest: Tick) {
        self.hear(|heard| heard.recalled.push((endpoint, oldest)));
    }

    fn discarded(&self, keys: Vec<DeliveryKey>) {
        self.hear(|heard| heard.discarded.extend(keys));
    }

    fn moved(&self, _parted: Option<oneshot::Sender<()>>) {
        self.hear(|heard| heard.moves += 1);
    }

    fn refused(&self, keys: Vec<DeliveryKey>) {
        self.hear(|heard| heard.refused.extend(keys));
    }

    fn found(&self, found: Vec<Loaded>) {
        self.hear(|heard| heard.found.extend(found));
    }

    fn grown(&self) {
        self.hear(|heard| heard.growths += 1);
    }

    fn put_off(&self, until: Timestamp) {
        self.hear(|heard| heard.put_off.push(until));
    }
}

pub fn target(endpoint: EndpointKey) -> Target {
    Target { endpoint, order_key: None, skipped: false }
}

pub fn skipped(endpoint: EndpointKey) -> Target {
    Target { skipped: true, ..target(endpoint) }
}

pub fn newest(rows_max: usize) -> PageRequest {
    PageRequest { rows_max, after: None, order: Order::NewestFirst }
}

pub fn oldest(rows_max: usize) -> PageRequest {
    PageRequest { rows_max, after: None, order: Order::OldestFirst }
}

/// All rows, page by page: each page as full as it can be, bound and direction kept, and no row left behind or twice.
pub async fn all_pages<T>(
    order: Order,
    rows_max: usize,
    tick: impl Fn(&T) -> Tick,
    read: impl AsyncFn(PageRequest) -> Page<T>,
) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let after = all.last().map(&tick);
        let page = read(PageRequest { rows_max, after, order }).await;
        assert!(page.rows.len() <= rows_max, "a page keeps its bound");
        assert!(page.done || page.rows.len() == rows_max, "a page that is not the last is full");
        let start = all.len().saturating_sub(1);
        all.extend(page.rows);
        let on = |a: &T, b: &T| if order == Order::NewestFirst { tick(a) > tick(b) } else { tick(a) < tick(b) };
        assert!(all[start..].is_sorted_by(on), "pages go on in their direction");
        if page.done {
            return all;
        }
    }
}

pub async fn put(store: &Arc<dyn Store>, change: Change) -> i64 {
    store.change(change).await.expect("the change is a good one")
}
