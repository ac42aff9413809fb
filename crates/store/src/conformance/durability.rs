//! What is there after closing, after a restart and after a crash.

use std::sync::Arc;

use futures_util::future::join_all;
use ringup_core::delivery::{After, DeliveryState, Ended};
use ringup_core::event::Event;
use ringup_core::id::EventId;
use ringup_core::time::{Tick, Timestamp};

use super::scene::{ALL, Scene, newest, skipped, target};
use super::{Home, sample};
use crate::query::{AttemptFilter, EventFilter, Payload};
use crate::seam::{Acceptance, Change, EventName, Idempotency, NewEvent, Retention, StoreError};

pub async fn what_was_handed_over_is_there_after_closing(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut events = Vec::new();
    for _ in 0..100 {
        events.push(scene.publish_at(sample::noon()).await);
    }
    for event in &events {
        scene.hand_over(sample::settlement(event, scene.endpoints[0], After::Delivered));
    }
    // Not waiting for `settled`: closing does.
    let scene = scene.reopen(home).await;
    assert!(scene.live(scene.endpoints[0]).await.is_empty());
    assert_eq!(scene.attempts_of_endpoint(AttemptFilter::default(), newest(ALL)).await.rows.len(), 100);
}

pub async fn everything_is_there_after_a_restart(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let story = Story::tell(&scene).await;
    let before = Snapshot::take(&scene, &story).await;
    let scene = scene.reopen(home).await;
    assert_eq!(Snapshot::take(&scene, &story).await, before);
    let scene = scene.reopen(home).await;
    assert_eq!(Snapshot::take(&scene, &story).await, before, "and again");
}

pub async fn acknowledged_is_there_after_a_crash(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let story = Story::tell(&scene).await;
    let before = Snapshot::take(&scene, &story).await;
    let Some(scene) = scene.crash(home).await else { return };
    assert_eq!(Snapshot::take(&scene, &story).await, before);
    // The keys are there with their events, and ids go on growing.
    let repeat = Story::keyed(&scene);
    assert_eq!(scene.accept(vec![repeat]).await, [Acceptance::Repeated(story.keyed.id)]);
    let next = scene.publish_at(sample::noon()).await;
    assert!(before.ids.iter().all(|id| *id < next.id));
    let Some(scene) = scene.crash(home).await else { panic!("it could crash a moment ago") };
    assert_eq!(scene.event_ids().await[0], next.id, "what came after a crash survives the next one");
}

/// Whether a settlement was durable at the crash or not: its log entry is there exactly if its state is.
pub async fn a_settlement_and_its_log_survive_a_crash_together(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let published = (0..50).map(|_| scene.publish_at(sample::noon()));
    let events = join_all(published).await;
    for event in &events {
        scene.hand_over(sample::settlement(event, scene.endpoints[0], After::Delivered));
    }
    let Some(scene) = scene.crash(home).await else { return };
    for event in events {
        let delivered = scene.state(event.id, scene.endpoints[0]).await.is_none();
        let logged = scene.attempts_of_event(event.id).await.len();
        assert_eq!(logged, usize::from(delivered));
        // What was lost is simply to be done again.
        assert_eq!(scene.live(scene.endpoints[0]).await.iter().any(|live| live.event.id == event.id), !delivered);
    }
}

pub async fn a_closed_store_refuses_every_verb(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let event = scene.publish_at(sample::noon()).await;
    let store = &scene.store;
    store.close().await.expect("it closes");
    store.close().await.expect("it is closed already");
    let (account, endpoint, now) = (scene.account, scene.endpoints[0], sample::noon());
    let environment = Change::PutEnvironment(sample::environment("late"));
    refused("load_configuration", store.load_configuration().await);
    refused("change", store.change(environment).await);
    refused("accept", store.accept(vec![scene.new_event(now, &[])]).await);
    refused("endpoints_with_work", store.endpoints_with_work().await);
    refused("waiting", store.waiting(endpoint, Tick(0), true, 1).await);
    refused("due", store.due(Timestamp::MAX, 1).await);
    refused("next_due", store.next_due().await);
    refused("end_waiting", store.end_waiting(endpoint, Ended::Cancelled, now, Vec::new(), 1).await);
    refused("resend", store.resend(account, event.id, endpoint, now).await);
    refused("event", store.event(account, EventName::Id(event.id)).await);
    refused("events", store.events(account, EventFilter::default(), newest(1)).await);
    refused("destinations", store.destinations(account, event.id).await);
    let filter = AttemptFilter::default();
    refused("attempts_of_event", store.attempts_of_event(account, event.id, filter.clone(), newest(1)).await);
    refused("attempts_of_endpoint", store.attempts_of_endpoint(account, endpoint, filter, newest(1)).await);
    refused("ended", store.ended(endpoint, newest(1)).await);
    refused("counts", store.counts(endpoint, 0, i64::MAX).await);
    refused("census", store.census().await);
    let plan = Retention { payloads: std::time::Duration::ZERO, attempts: std::time::Duration::ZERO };
    refused("retain", store.retain(plan, sample::day(9)).await);
    // And a settlement that comes too late does no harm.
    store.record(sample::settlement(&event, endpoint, After::Delivered));
    let scene = scene.reopen(home).await;
    assert_eq!(scene.state(event.id, scene.endpoints[0]).await, Some(DeliveryState::Waiting));
}

fn refused<T: std::fmt::Debug>(verb: &str, answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{verb} answered {answer:?}");
}

/// A bit of everything.
struct Story {
    keyed: Arc<Event>,
    events: Vec<Arc<Event>>,
}

impl Story {
    async fn tell(scene: &Scene) -> Story {
        let [a, b, c] = scene.endpoints;
        let keyed = scene.publish(Story::keyed(scene)).await;
        let mut events = vec![keyed.clone()];
        for number in 0..20 {
            let targets = vec![target(a), target(b), skipped(c)];
            let new = NewEvent { targets, ..sample::event(scene.account, sample::day(number / 7)) };
            let event = scene.publish(new).await;
            let after = [After::Delivered, sample::retry(&event), sample::EXHAUSTED, After::Unchanged];
            let after = after[usize::try_from(number % 4).expect("small")];
            scene.hand_over(sample::settlement(&event, a, after));
            scene.hand_over(sample::unlogged(&event, b, after));
            events.push(event);
        }
        scene.settled().await;
        scene.resend(events[1].id, a).await;
        let ended = scene.store.end_waiting(b, Ended::Cancelled, sample::noon(), Vec::new(), 3).await;
        assert_eq!(ended.expect("the store ends"), 3);
        Story { keyed, events }
    }

    fn keyed(scene: &Scene) -> NewEvent {
        NewEvent {
            uid: Some("INV-1".to_owned()),
            idempotency: Some(Idempotency { key: "k".to_owned(), fingerprint: 1, not_before: Timestamp::default() }),
            ..scene.new_event(sample::noon(), &scene.endpoints)
        }
    }
}

/// All that can be read of a story.
#[derive(PartialEq, Debug)]
struct Snapshot {
    ids: Vec<EventId>,
    payloads: Vec<Payload>,
    states: Vec<Vec<Option<DeliveryState>>>,
    live: Vec<Vec<String>>,
    attempts: Vec<String>,
    counts: String,
    census: (u64, u64, u64),
    configuration: usize,
}

impl Snapshot {
    async fn take(scene: &Scene, story: &Story) -> Snapshot {
        let (mut payloads, mut states, mut live, mut attempts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for event in &story.events {
            payloads.push(scene.payload(event.id).await);
            let mut of_event = Vec::new();
            for endpoint in scene.endpoints {
                of_event.push(scene.state(event.id, endpoint).await);
            }
            states.push(of_event);
            attempts.push(format!("{:?}", scene.attempts_of_event(event.id).await));
        }
        for endpoint in scene.endpoints {
            live.push(scene.live(endpoint).await.iter().map(|loaded| format!("{loaded:?}")).collect());
        }
        let counts = scene.store.counts(scene.endpoints[0], 0, i64::MAX).await.expect("the store reads");
        let census = scene.store.census().await.expect("the store reads");
        let configuration = scene.store.load_configuration().await.expect("the store reads");
        Snapshot {
            ids: scene.event_ids().await,
            payloads,
            states,
            live,
            attempts,
            counts: format!("{counts:?}"),
            census: (census.events, census.deliveries_live, census.deliveries_ended),
            configuration: configuration.endpoints.len(),
        }
    }
}
