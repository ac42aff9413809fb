//! The store in memory as simulations use it: faults, stalls and crashes happen exactly where they are ordered.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use ringup_core::delivery::{After, DeliveryKey};
use ringup_core::event::Event;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::{Tick, Timestamp};
use ringup_store::conformance::{sample, scene};
use ringup_store::memory::{Failure, Fault, MemoryStore, Operation, Plan};
use ringup_store::query::EventFilter;
use ringup_store::seam::{
    Acceptance, Change, Fresh, Idempotency, Listener, Loaded, NewEvent, Settlement, Store, StoreError,
};
use tokio::runtime::Handle;
use tokio::time::Instant;

const ACCOUNT: AccountKey = AccountKey(1);
const ENDPOINT: EndpointKey = EndpointKey(2);
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_fault_before_the_commit_stores_nothing() {
    let (store, heard) = store(None, [(Operation::Accept, failing(Failure::BeforeCommit))]);
    refused(store.accept(vec![keyed()]).await);
    assert_eq!(event_count(&store).await, 0);
    let answer = store.accept(vec![keyed()]).await.expect("the fault is over");
    assert!(matches!(answer.as_slice(), [Acceptance::New(_)]), "{answer:?}");
    assert_eq!(heard.lines(), ["accepted 1"]);
}

#[tokio::test]
async fn a_fault_after_the_commit_hides_only_the_answer() {
    let (store, heard) = store(None, [(Operation::Accept, failing(Failure::AfterCommit))]);
    refused(store.accept(vec![keyed()]).await);
    assert_eq!(event_count(&store).await, 1);
    assert_eq!(heard.lines(), ["accepted 1"]);
    let answer = store.accept(vec![keyed()]).await.expect("the fault is over");
    assert!(matches!(answer.as_slice(), [Acceptance::Repeated(_)]), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_crash_before_the_commit_loses_the_event_and_after_it_only_the_answer() {
    for (stall_before, stall_after, left) in [(SECOND, Duration::ZERO, 0), (Duration::ZERO, SECOND, 1)] {
        let stalled = Fault { stall_before, stall_after, failure: None };
        let (store, _) = store(None, [(Operation::Accept, stalled)]);
        let (answer, after) = tokio::join!(store.accept(vec![keyed()]), async {
            tokio::time::sleep(SECOND / 2).await;
            store.crash()
        });
        refused(answer);
        refused(store.census().await);
        assert_eq!(event_count(&after).await, left);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_accept_lets_others_pass() {
    let stalled = Fault { stall_before: SECOND, ..Fault::default() };
    let (store, _) = store(None, [(Operation::Accept, stalled)]);
    let (slow, quick) = tokio::join!(publish(&store), async {
        tokio::time::sleep(SECOND / 2).await;
        publish(&store).await
    });
    assert!(quick.tick() < slow.tick(), "ids go by commits");
}

#[tokio::test]
async fn without_linger_only_a_flush_commits_settlements() {
    let (store, heard) = store(None, []);
    let (kept, lost) = (publish(&store).await, publish(&store).await);
    store.record(delivered(&kept));
    assert_eq!((store.unflushed(), live(&store).await), (1, 2));
    assert_eq!(store.flush().await, 1);
    assert_eq!((store.unflushed(), live(&store).await), (0, 1));
    store.record(delivered(&lost));
    let after = store.crash();
    let found = after.waiting(ENDPOINT, Tick(0), true, 10).await.expect("it reads");
    assert_eq!(found.iter().map(|loaded| loaded.event.id).collect::<Vec<_>>(), [lost.id]);
    assert_eq!(heard.lines(), ["accepted 1", "accepted 1", "settled 1"]);
}

#[tokio::test(start_paused = true)]
async fn settlements_linger_for_company_and_are_committed_together() {
    let (store, heard) = store(Some(SECOND), []);
    let (first, second) = (publish(&store).await, publish(&store).await);
    let start = Instant::now();
    store.record(delivered(&first));
    tokio::time::sleep(SECOND / 2).await;
    store.record(delivered(&second));
    heard.until("settled 2").await;
    assert_eq!(start.elapsed(), SECOND);
    idle().await;
}

#[tokio::test(start_paused = true)]
async fn settlements_that_could_not_be_committed_are_tried_again() {
    let refused = || (Operation::Settle, failing(Failure::BeforeCommit));
    let (store, heard) = store(Some(SECOND), [refused(), refused()]);
    let event = publish(&store).await;
    let start = Instant::now();
    store.record(delivered(&event));
    heard.until("settled 1").await;
    assert_eq!(start.elapsed(), 3 * SECOND);
    assert_eq!(heard.lines(), ["accepted 1", "settled 1"]);
    assert_eq!(store.unflushed(), 0);
    idle().await;
}

#[tokio::test]
async fn a_commit_that_could_not_be_told_is_told_with_the_next() {
    let (store, heard) = store(None, [(Operation::Settle, failing(Failure::AfterCommit))]);
    let (first, second) = (publish(&store).await, publish(&store).await);
    store.record(delivered(&first));
    assert_eq!(store.flush().await, 1);
    assert_eq!(heard.lines(), ["accepted 1", "accepted 1"]);
    assert_eq!(live(&store).await, 1, "it is durable all the same");
    store.record(delivered(&second));
    assert_eq!(store.flush().await, 1);
    assert_eq!(heard.lines(), ["accepted 1", "accepted 1", "settled 2"]);
    assert_eq!(live(&store.crash()).await, 0);
}

#[tokio::test(start_paused = true)]
async fn the_timer_ends_with_the_store() {
    let (store, _) = store(Some(SECOND), []);
    let event = publish(&store).await;
    store.record(delivered(&event));
    drop(store);
    idle().await;
    let (store, _) = self::store(Some(SECOND), []);
    let event = publish(&store).await;
    store.record(delivered(&event));
    store.close().await.expect("it closes");
    idle().await;
}

/// The lock is free while the listener is told, and what it causes is told after it, in order.
#[tokio::test]
async fn a_listener_may_call_the_store_back() {
    struct Echo {
        store: Mutex<Weak<MemoryStore>>,
        heard: Arc<Heard>,
    }

    impl Listener for Echo {
        fn accepted(&self, fresh: Vec<Fresh>) {
            let store = self.store.lock().unwrap_or_else(PoisonError::into_inner).upgrade().expect("it lives");
            for fresh in &fresh {
                store.record(delivered(&fresh.event));
            }
            assert_eq!(store.unflushed(), fresh.len());
            self.heard.accepted(fresh);
        }

        fn settled(&self, keys: Vec<DeliveryKey>) {
            self.heard.settled(keys);
        }

        fn resent(&self, loaded: Loaded) {
            self.heard.resent(loaded);
        }

        fn recalled(&self, endpoint: EndpointKey, oldest: Tick) {
            self.heard.recalled(endpoint, oldest);
        }

        fn discarded(&self, keys: Vec<DeliveryKey>) {
            self.heard.discarded(keys);
        }
    }

    let store = Arc::new(MemoryStore::new(Plan { linger: None, ..Plan::default() }));
    let heard = Heard::new();
    store.listen(Arc::new(Echo { store: Mutex::new(Arc::downgrade(&store)), heard: heard.clone() }));
    publish(&store).await;
    assert_eq!(store.flush().await, 1);
    assert_eq!(heard.lines(), ["accepted 1", "settled 1"]);
}

#[tokio::test]
async fn a_change_from_outside_is_noticed() {
    let (store, _) = store(None, []);
    let before = store.outside_changes().await.expect("it reads");
    store.change(Change::PutEnvironment(sample::environment("own"))).await.expect("a good change");
    assert_eq!(store.outside_changes().await.expect("it reads"), before);
    store.change_outside(Change::PutEnvironment(sample::environment("other"))).expect("a good change");
    assert!(store.outside_changes().await.expect("it reads") > before);
    let names = store.load_configuration().await.expect("it reads").environments;
    assert_eq!(names.iter().map(|environment| &*environment.name).collect::<Vec<_>>(), ["own", "other"]);
}

#[tokio::test(start_paused = true)]
async fn the_same_faults_give_the_same_run() {
    let first = run(7).await;
    assert_eq!(first, run(7).await);
    assert_ne!(first, run(8).await, "the faults make a difference");
}

/// Some traffic under faults drawn from a seed, as one text.
async fn run(seed: u64) -> String {
    let state = Mutex::new(seed);
    let faults = move |_: Operation| {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = *state >> 56;
        let failure = match draw % 7 {
            0 => Some(Failure::BeforeCommit),
            1 => Some(Failure::AfterCommit),
            _ => None,
        };
        Fault { stall_before: Duration::from_millis(draw), stall_after: Duration::from_millis(draw / 3), failure }
    };
    let plan = Plan { linger: Some(Duration::from_millis(5)), faults: Arc::new(faults), ..Plan::default() };
    let (store, heard) = (MemoryStore::new(plan), Heard::new());
    store.listen(heard.clone());
    let mut trace = String::new();
    let start = Instant::now();
    for number in 0..50 {
        let new = NewEvent { random: [number; 12], ..keyless() };
        let answers = tokio::join!(store.accept(vec![new.clone()]), store.accept(vec![new]));
        trace.push_str(&format!("{:?} {answers:?}\n", start.elapsed()));
        for loaded in store.waiting(ENDPOINT, Tick(0), true, 3).await.unwrap_or_default() {
            store.record(Settlement { attempt: None, ..delivered(&loaded.event) });
        }
    }
    let after = store.crash();
    trace.push_str(&format!("{:?} {:?}", heard.lines(), after.census().await));
    trace
}

fn store<const N: usize>(linger: Option<Duration>, faults: [(Operation, Fault); N]) -> (MemoryStore, Arc<Heard>) {
    let faults: Mutex<VecDeque<(Operation, Fault)>> = Mutex::new(faults.into());
    // Each fault waits for the next operation of its kind.
    let next = move |operation| {
        let mut faults = faults.lock().unwrap_or_else(PoisonError::into_inner);
        let meant = faults.front().is_some_and(|(wanted, _)| *wanted == operation);
        if meant { faults.pop_front().map(|(_, fault)| fault).unwrap_or_default() } else { Fault::default() }
    };
    let store = MemoryStore::new(Plan { linger, faults: Arc::new(next), ..Plan::default() });
    let heard = Heard::new();
    store.listen(heard.clone());
    (store, heard)
}

fn failing(failure: Failure) -> Fault {
    Fault { failure: Some(failure), ..Fault::default() }
}

fn keyless() -> NewEvent {
    NewEvent { targets: vec![scene::target(ENDPOINT)], ..sample::event(ACCOUNT, sample::noon()) }
}

fn keyed() -> NewEvent {
    let idempotency = Idempotency { key: "k".to_owned(), fingerprint: 1, not_before: Timestamp::default() };
    NewEvent { idempotency: Some(idempotency), ..keyless() }
}

async fn publish(store: &MemoryStore) -> Arc<Event> {
    let new = keyless();
    let answer = store.accept(vec![new.clone()]).await.expect("it takes events");
    let [Acceptance::New(id)] = answer.as_slice() else { panic!("one new event, got {answer:?}") };
    let NewEvent { account, event_type, payload, keep_payload, .. } = new;
    Arc::new(Event { id: *id, account, event_type, payload, keep_payload })
}

fn delivered(event: &Arc<Event>) -> Settlement {
    sample::settlement(event, ENDPOINT, After::Delivered)
}

async fn event_count(store: &MemoryStore) -> usize {
    let page = store.events(ACCOUNT, EventFilter::default(), scene::newest(scene::ALL)).await;
    page.expect("it reads").rows.len()
}

async fn live(store: &MemoryStore) -> usize {
    store.waiting(ENDPOINT, Tick(0), true, 100).await.expect("it reads").len()
}

fn refused<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
}

/// Waits until no task of the runtime is left.
async fn idle() {
    let ended = async {
        while Handle::current().metrics().num_alive_tasks() > 0 {
            tokio::time::sleep(SECOND).await;
        }
    };
    tokio::time::timeout(60 * SECOND, ended).await.expect("the store leaves no task behind");
}

/// What the listener was told, a line each.
struct Heard {
    lines: Mutex<Vec<String>>,
    grown: tokio::sync::Notify,
}

impl Heard {
    fn new() -> Arc<Heard> {
        Arc::new(Heard { lines: Mutex::default(), grown: tokio::sync::Notify::new() })
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn until(&self, line: &str) {
        let heard = async {
            while !self.lines().iter().any(|heard| heard == line) {
                self.grown.notified().await;
            }
        };
        tokio::time::timeout(60 * SECOND, heard).await.expect("it is told");
    }

    fn add(&self, line: String) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        self.grown.notify_one();
    }
}

impl Listener for Heard {
    fn accepted(&self, fresh: Vec<Fresh>) {
        self.add(format!("accepted {}", fresh.len()));
    }

    fn settled(&self, keys: Vec<DeliveryKey>) {
        self.add(format!("settled {}", keys.len()));
    }

    fn resent(&self, loaded: Loaded) {
        self.add(format!("resent {}", loaded.event.id));
    }

    fn recalled(&self, endpoint: EndpointKey, oldest: Tick) {
        self.add(format!("recalled {} from {}", endpoint.0, oldest.0));
    }

    fn discarded(&self, keys: Vec<DeliveryKey>) {
        self.add(format!("discarded {}", keys.len()));
    }
}
