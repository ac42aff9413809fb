//! Letting go of the past by days, never of what is still to be delivered.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::delivery::{After, DeliveryState};
use ringup_core::event::Event;
use ringup_core::time::Timestamp;

use super::scene::{ALL, Scene, newest};
use super::{Home, sample};
use crate::query::{AttemptFilter, Payload};
use crate::seam::{Resent, Retained, Retention, StoreError};

const WEEK: Duration = Duration::from_hours(7 * 24);

pub async fn days_go_when_all_in_them_is_over(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let events = [settled(&scene, 0).await, settled(&scene, 1).await, settled(&scene, 3).await];
    let failed = scene.publish(scene.new_event(sample::day(4), &scene.endpoints[..1])).await;
    scene.attempt(&failed, sample::EXHAUSTED).await;
    let plan = Retention { payloads: WEEK, attempts: WEEK };
    // Day 0 is over a week after its midnight, and not a moment earlier.
    let midnight = end_of(0).saturating_add(WEEK);
    assert_eq!(retain(&scene, plan, midnight.saturating_sub(Duration::from_micros(1))).await.days_removed, 0);
    assert_eq!(scene.event_ids().await.len(), 4);
    assert_eq!(retain(&scene, plan, midnight).await.days_removed, 1);
    assert_eq!(retain(&scene, plan, midnight).await, Retained::default(), "nothing is left to do");
    assert_eq!(scene.event_ids().await, [failed.id, events[2].id, events[1].id]);
    let gone = scene.store.destinations(scene.account, events[0].id).await;
    assert!(matches!(gone, Err(StoreError::NotFound)), "{gone:?}");
    let gone = scene.resend(events[0].id, scene.endpoints[0]).await;
    assert!(matches!(gone, Resent::NotFound), "{gone:?}");
    assert_eq!(attempts(&scene).await, 3);
    let minute = sample::noon().as_minutes();
    assert_eq!(scene.store.counts(scene.endpoints[0], minute, minute + 1).await.expect("the store reads"), []);

    let scene = scene.reopen(home).await;
    assert_eq!(scene.event_ids().await, [failed.id, events[2].id, events[1].id]);
    // Ended deliveries go with their day.
    assert_eq!(retain(&scene, plan, sample::day(100)).await.days_removed, 3);
    assert_eq!(scene.event_ids().await, []);
    assert_eq!(attempts(&scene).await, 0);
    let ended = scene.store.ended(scene.endpoints[0], newest(ALL)).await.expect("the store reads");
    assert_eq!(ended.rows, []);
    let census = scene.store.census().await.expect("the store reads");
    assert_eq!((census.events, census.deliveries_live, census.deliveries_ended), (0, 0, 0));
}

pub async fn payloads_and_attempts_go_separately(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let old = settled(&scene, 0).await;
    let failed = scene.publish_at(sample::noon()).await;
    scene.attempt(&failed, sample::EXHAUSTED).await;
    let recent = settled(&scene, 5).await;
    let now = end_of(0).saturating_add(WEEK);
    let only_payloads = Retention { payloads: WEEK, attempts: WEEK * 5 };
    let done = retain(&scene, only_payloads, now).await;
    assert_eq!((done.days_removed, done.days_compacted), (0, 1));
    assert_eq!(retain(&scene, only_payloads, now).await.days_compacted, 0, "nothing is left to do");
    let scene = scene.reopen(home).await;
    assert_eq!(scene.payload(old.id).await, Payload::Gone);
    assert_eq!(scene.payload(recent.id).await, Payload::Kept(sample::PAYLOAD.into()));
    assert_eq!(scene.attempts_of_event(old.id).await.len(), 1);
    let ended = scene.store.ended(scene.endpoints[0], newest(ALL)).await.expect("the store reads");
    assert_eq!(ended.rows.iter().map(|(_, _, id)| *id).collect::<Vec<_>>(), [failed.id], "still listed");
    let answer = scene.resend(failed.id, scene.endpoints[0]).await;
    assert!(matches!(answer, Resent::PayloadGone), "{answer:?}");

    let only_attempts = Retention { payloads: WEEK * 5, attempts: WEEK };
    let done = retain(&scene, only_attempts, end_of(5).saturating_add(WEEK)).await;
    assert_eq!((done.days_removed, done.days_compacted), (0, 2));
    let scene = scene.reopen(home).await;
    assert_eq!(attempts(&scene).await, 0);
    assert_eq!(scene.event_ids().await, [recent.id, failed.id, old.id]);
    assert_eq!(scene.payload(recent.id).await, Payload::Kept(sample::PAYLOAD.into()));
    let minute = sample::noon().as_minutes();
    let counts = scene.store.counts(scene.endpoints[0], minute, minute + 1).await.expect("the store reads");
    assert_eq!(counts.len(), 1, "counters stay as long as their day");
    assert_eq!(scene.state(old.id, scene.endpoints[0]).await, None);
}

pub async fn a_day_with_live_deliveries_stays(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let waiting = scene.publish_at(sample::noon()).await;
    let scheduled = scene.publish_at(sample::day(1)).await;
    let due_at = sample::day(30);
    scene.attempt(&scheduled, After::Retry { due_at, attempts_made: 2 }).await;
    settled(&scene, 2).await;
    let plan = Retention { payloads: WEEK, attempts: WEEK };
    assert_eq!(retain(&scene, plan, sample::day(20)).await.days_removed, 1);
    let scene = scene.reopen(home).await;
    let live = scene.live(scene.endpoints[0]).await;
    assert_eq!(
        live.iter().map(|loaded| loaded.event.clone()).collect::<Vec<_>>(),
        [waiting.clone(), scheduled.clone()]
    );
    assert_eq!(live[1].delivery.state, DeliveryState::Scheduled(due_at));
    // Delivered at last, and the next round takes them.
    for event in [&waiting, &scheduled] {
        scene.attempt(event, After::Delivered).await;
    }
    assert_eq!(retain(&scene, plan, sample::day(20)).await.days_removed, 2);
    assert_eq!(scene.event_ids().await, []);
}

pub async fn zero_keeps_the_day_itself(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let yesterday = settled(&scene, 0).await;
    let today = settled(&scene, 1).await;
    let plan = Retention { payloads: Duration::ZERO, attempts: Duration::ZERO };
    retain(&scene, plan, sample::noon()).await;
    assert_eq!(scene.event_ids().await, [today.id, yesterday.id]);
    assert_eq!(retain(&scene, plan, sample::day(1)).await.days_removed, 1);
    assert_eq!(scene.event_ids().await, [today.id]);
    assert_eq!(scene.payload(today.id).await, Payload::Kept(sample::PAYLOAD.into()));
}

pub async fn ids_grow_after_everything_was_removed(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let last = settled(&scene, 1).await;
    let plan = Retention { payloads: Duration::ZERO, attempts: Duration::ZERO };
    assert_eq!(retain(&scene, plan, sample::day(9)).await.days_removed, 1);
    let next = scene.publish_at(sample::noon()).await;
    assert!(last.id.tick() < next.id.tick());
    assert_eq!(scene.event_ids().await, [next.id]);
    assert_eq!(scene.live(scene.endpoints[0]).await.len(), 1);
}

/// An event of that day, delivered, with its log entry.
async fn settled(scene: &Scene, day: u64) -> Arc<Event> {
    let event = scene.publish_at(sample::day(day)).await;
    scene.attempt(&event, After::Delivered).await;
    event
}

fn end_of(day: u64) -> Timestamp {
    ringup_core::time::Day(sample::day(day).day().0 + 1).start()
}

async fn retain(scene: &Scene, plan: Retention, now: Timestamp) -> Retained {
    scene.store.retain(plan, now).await.expect("the store lets go")
}

async fn attempts(scene: &Scene) -> usize {
    scene.attempts_of_endpoint(AttemptFilter::default(), newest(ALL)).await.rows.len()
}
