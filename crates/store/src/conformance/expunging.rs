//! Removing content for good.

use ringup_core::delivery::{After, DeliveryKey, DeliveryState, Ended};
use ringup_core::id::AttemptId;

use super::scene::Scene;
use super::{Home, sample};
use crate::query::Payload;
use crate::seam::{Resent, StoreError};

pub async fn a_payload_is_gone_and_cannot_be_sent_again(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let event = scene.publish_at(sample::noon()).await;
    let other = scene.publish_at(sample::noon()).await;
    scene.attempt(&event, sample::EXHAUSTED).await;
    for _ in 0..2 {
        scene.store.expunge_event(scene.account, event.id, sample::day(1)).await.expect("it is there");
        assert_eq!(scene.payload(event.id).await, Payload::Gone);
    }
    assert!(matches!(scene.resend(event.id, scene.endpoints[0]).await, Resent::PayloadGone));
    assert_eq!(scene.attempts_of_event(event.id).await.len(), 1, "the log stays");
    assert_eq!(scene.payload(other.id).await, Payload::Kept(other.payload.clone()));
    assert_eq!(scene.ear.now(|heard| heard.discarded.len()), 0, "nothing wanted to send it");
    let scene = scene.reopen(home).await;
    assert_eq!(scene.payload(event.id).await, Payload::Gone);
}

pub async fn live_deliveries_are_cancelled_and_told(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let [a, b, c] = scene.endpoints;
    let event = scene.publish(scene.new_event(sample::noon(), &[a, b, c])).await;
    scene.record(sample::settlement(&event, b, sample::retry(&event))).await;
    scene.record(sample::settlement(&event, c, After::Delivered)).await;
    scene.store.expunge_event(scene.account, event.id, sample::noon()).await.expect("it is there");
    let cancelled = Some(DeliveryState::Ended(Ended::Cancelled));
    assert_eq!(scene.state(event.id, a).await, cancelled);
    assert_eq!(scene.state(event.id, b).await, cancelled);
    assert_eq!(scene.state(event.id, c).await, None);
    scene.ear.until("what was cancelled", |heard| heard.discarded.len() >= 2).await;
    let told = [a, b].map(|endpoint| DeliveryKey { endpoint, event: event.tick() });
    assert_eq!(scene.ear.now(|heard| heard.discarded.clone()), told);
    assert!(scene.store.endpoints_with_work().await.expect("the store reads").is_empty());
    // An attempt that was under way is logged, and changes nothing.
    scene.attempt(&event, sample::retry(&event)).await;
    assert_eq!(scene.state(event.id, a).await, cancelled);
    assert_eq!(scene.attempts_of_event(event.id).await.len(), 3);
    let census = scene.store.census().await.expect("the store counts");
    assert_eq!((census.deliveries_live, census.deliveries_ended), (0, 2));
}

pub async fn an_attempt_keeps_everything_but_its_response(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let event = scene.publish_at(sample::noon()).await;
    scene.attempt(&event, sample::retry(&event)).await;
    scene.attempt(&event, After::Delivered).await;
    let [before, untouched] = scene.attempts_of_event(event.id).await.try_into().expect("two attempts");
    assert!(!before.response_body.is_empty() && !before.response_headers.is_empty());
    scene.store.expunge_attempt(scene.account, event.id, before.id).await.expect("it is there");
    let mut expected = before;
    expected.response_body.clear();
    expected.response_headers.clear();
    assert_eq!(scene.attempts_of_event(event.id).await, [expected, untouched]);
}

pub async fn others_content_is_not_found(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let event = scene.publish_at(sample::noon()).await;
    let second = scene.publish_at(sample::noon()).await;
    scene.attempt(&event, After::Delivered).await;
    let attempt = scene.attempts_of_event(event.id).await[0].clone();
    let made_up = AttemptId::of_tick(attempt.id.tick(), [0; 12]);
    let store = &scene.store;
    for (account, event, attempt) in [
        (scene.other, event.id, attempt.id),
        (scene.account, second.id, attempt.id),
        (scene.account, event.id, made_up),
    ] {
        let answer = store.expunge_attempt(account, event, attempt).await;
        assert!(matches!(answer, Err(StoreError::NotFound)), "{answer:?}");
    }
    let answer = store.expunge_event(scene.other, event.id, sample::noon()).await;
    assert!(matches!(answer, Err(StoreError::NotFound)), "{answer:?}");
    assert_eq!(scene.attempts_of_event(event.id).await, [attempt]);
    assert_eq!(scene.payload(event.id).await, Payload::Kept(event.payload.clone()));
}
