//! Bringing many deliveries back at once.

use std::sync::Arc;

use ringup_core::delivery::{After, Delivery, DeliveryKey, DeliveryState, Ended, Trigger};
use ringup_core::event::{Event, KeepPayload};
use ringup_core::id::EventId;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::order::order_key;
use ringup_core::time::Tick;

use super::scene::{Scene, newest, skipped};
use super::{Home, sample};
use crate::query::Reach;
use crate::seam::{NewEvent, Recall, Recalled};

pub async fn ended_and_delivered_ones_come_back_in_one_commit(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let a = scene.endpoints[0];
    let exhausted = scene.publish_at(sample::noon()).await;
    scene.attempt(&exhausted, sample::EXHAUSTED).await;
    let delivered = scene.publish_at(sample::noon()).await;
    scene.attempt(&delivered, After::Delivered).await;
    let left_out = scene.publish(NewEvent { targets: vec![skipped(a)], ..scene.new_event(sample::day(1), &[]) }).await;
    let events = [&left_out, &exhausted, &delivered];
    let answers = recall(&scene, Reach::Sent, &events).await;
    assert_eq!(answers, [Recalled::Done; 3]);
    scene.ear.until("what was brought back", |heard| !heard.recalled.is_empty()).await;
    assert_eq!(scene.ear.now(|heard| heard.recalled.clone()), [(a, exhausted.tick())], "the oldest is named, once");
    assert_eq!(scene.ear.now(|heard| heard.resent.len()), 0, "lanes read them from the store");
    let live = scene.live(a).await;
    assert_eq!(live.len(), 3);
    for loaded in &live {
        let delivery = Delivery::again(DeliveryKey { endpoint: a, event: loaded.event.tick() }, None);
        assert_eq!(loaded.delivery, delivery);
    }
    assert!(scene.store.ended(a, newest(10)).await.expect("the store reads").rows.is_empty());
    let census = scene.store.census().await.expect("the store counts");
    assert_eq!((census.deliveries_live, census.deliveries_ended), (3, 0));
    // They end like any other.
    scene.attempt(&exhausted, After::Delivered).await;
    assert_eq!(scene.state(exhausted.id, a).await, None);
    scene.attempt(&delivered, sample::EXHAUSTED).await;
    assert_eq!(scene.state(delivered.id, a).await, Some(DeliveryState::Ended(Ended::Exhausted)));
}

pub async fn live_ones_are_left_as_they_are(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let waiting = scene.publish_at(sample::noon()).await;
    let scheduled = scene.publish_at(sample::noon()).await;
    let due_at = sample::day(1);
    scene.attempt(&scheduled, After::Retry { due_at, attempts_made: 4 }).await;
    let answers = recall(&scene, Reach::Sent, &[&waiting, &scheduled]).await;
    assert_eq!(answers, [Recalled::Live; 2]);
    assert_eq!(scene.state(scheduled.id, scene.endpoints[0]).await, Some(DeliveryState::Scheduled(due_at)));
    let live = scene.live(scene.endpoints[0]).await;
    assert!(live.iter().all(|loaded| loaded.delivery.trigger == Trigger::Policy));
    // Nothing came back, so nobody was told of it before somebody was told of this.
    scene.attempt(&waiting, After::Delivered).await;
    assert_eq!(scene.ear.now(|heard| heard.recalled.len()), 0);
}

pub async fn what_cannot_be_brought_back_is_answered_for_itself(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let [a, b, _] = scene.endpoints;
    let fine = scene.publish_at(sample::noon()).await;
    scene.attempt(&fine, sample::EXHAUSTED).await;
    let elsewhere = scene.publish(scene.new_event(sample::noon(), &[b])).await;
    let gone = NewEvent { keep_payload: KeepPayload::Never, ..scene.new_event(sample::noon(), &[a]) };
    let gone = scene.publish(gone).await;
    scene.attempt(&gone, After::Delivered).await;
    let never = EventId::of_tick(Tick::at(sample::day(77)), [0; 12]);
    let made_up = EventId::of_tick(fine.tick(), [0; 12]);
    let events = vec![never, made_up, elsewhere.id, gone.id, fine.id];
    let answers = ask(&scene, scene.account, a, Reach::Sent, events.clone()).await;
    let none = Recalled::NotFound;
    assert_eq!(answers, [none, none, Recalled::OutOfReach, Recalled::PayloadGone, Recalled::Done]);
    let foreign = ask(&scene, scene.other, scene.other_endpoint, Reach::Sent, events).await;
    assert_eq!(foreign, [Recalled::NotFound; 5]);
    assert_eq!(ask(&scene, scene.account, a, Reach::Sent, Vec::new()).await, []);
}

pub async fn an_event_can_go_to_an_endpoint_it_did_not_go_to(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let [a, b, c] = scene.endpoints;
    let event = scene.publish(scene.new_event(sample::noon(), &[a])).await;
    scene.attempt(&event, After::Delivered).await;
    let answers = ask(&scene, scene.account, a, Reach::Missing, vec![event.id]).await;
    assert_eq!(answers, [Recalled::OutOfReach], "it went there");
    let wanted = Recall { order_pointer: Some("/ID".to_owned()), ..asked(&scene, b, Reach::Missing, vec![event.id]) };
    assert_eq!(scene.store.recall(wanted).await.expect("the store recalls"), [Recalled::Done]);
    let live = scene.live(b).await;
    let [loaded] = live.as_slice() else { panic!("one delivery is live, got {live:?}") };
    // Its first delivery there, so it has the policy's attempts.
    assert_eq!((loaded.delivery.trigger, loaded.delivery.attempts_made), (Trigger::Policy, 0));
    assert_eq!(loaded.delivery.order_key, Some(order_key(&event.payload, "/ID")));
    assert_eq!(*loaded.event, *event);
    assert_eq!(ask(&scene, scene.account, b, Reach::Missing, vec![event.id]).await, [Recalled::OutOfReach], "once");
    let destinations = scene.store.destinations(scene.account, event.id).await.expect("the event is there");
    let endpoints: Vec<EndpointKey> = destinations.iter().map(|destination| destination.endpoint).collect();
    assert_eq!(endpoints, [a, b]);
    scene.record(sample::settlement(&event, b, After::Delivered)).await;
    assert_eq!(scene.state(event.id, b).await, None);
    assert!(scene.live(c).await.is_empty());
}

pub async fn what_was_brought_back_survives_a_crash(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut events = Vec::new();
    for _ in 0..20 {
        let event = scene.publish_at(sample::noon()).await;
        scene.attempt(&event, sample::EXHAUSTED).await;
        events.push(event);
    }
    let wanted: Vec<&Arc<Event>> = events.iter().collect();
    assert_eq!(recall(&scene, Reach::Sent, &wanted).await, [Recalled::Done; 20]);
    let Some(scene) = scene.crash(home).await else { return };
    assert_eq!(scene.live(scene.endpoints[0]).await.len(), 20);
    assert_eq!(recall(&scene, Reach::Sent, &wanted).await, [Recalled::Live; 20], "the page can be done again");
}

async fn recall(scene: &Scene, reach: Reach, events: &[&Arc<Event>]) -> Vec<Recalled> {
    let events = events.iter().map(|event| event.id).collect();
    ask(scene, scene.account, scene.endpoints[0], reach, events).await
}

async fn ask(
    scene: &Scene,
    account: AccountKey,
    endpoint: EndpointKey,
    reach: Reach,
    events: Vec<EventId>,
) -> Vec<Recalled> {
    let wanted = Recall { account, ..asked(scene, endpoint, reach, events) };
    scene.store.recall(wanted).await.expect("the store recalls")
}

fn asked(scene: &Scene, endpoint: EndpointKey, reach: Reach, events: Vec<EventId>) -> Recall {
    Recall { account: scene.account, endpoint, events, reach, order_pointer: None, now: sample::day(2) }
}
