//! Resending by hand, from every state a delivery can have.

use std::sync::Arc;

use ringup_core::delivery::{After, Delivery, DeliveryState, Ended, Trigger};
use ringup_core::event::{Event, KeepPayload};
use ringup_core::id::EventId;

use super::scene::{Scene, skipped, target};
use super::{Home, sample};
use crate::seam::{NewEvent, Resent};

pub async fn a_live_delivery_becomes_due_and_keeps_its_policy(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let waiting = scene.publish_at(sample::noon()).await;
    resend(&scene, &waiting, Trigger::Policy, 0).await;
    let scheduled = scene.publish_at(sample::noon()).await;
    let due_at = sample::day(1);
    scene.attempt(&scheduled, After::Retry { due_at, attempts_made: 4 }).await;
    resend(&scene, &scheduled, Trigger::Policy, 4).await;
    assert_eq!(scene.store.next_due().await.expect("the store reads"), None, "it left the timer");
    // What the attempt brings applies as if nobody had asked.
    scene.attempt(&scheduled, After::Retry { due_at, attempts_made: 5 }).await;
    assert_eq!(scene.state(scheduled.id, scene.endpoints[0]).await, Some(DeliveryState::Scheduled(due_at)));
}

pub async fn an_ended_delivery_comes_back_for_one_attempt(home: &dyn Home) {
    let scene = Scene::open(home).await;
    for how in Ended::ALL {
        let event = scene.publish_at(sample::noon()).await;
        scene.attempt(&event, After::Retry { due_at: sample::day(1), attempts_made: 3 }).await;
        scene.attempt(&event, After::Ended(*how)).await;
        resend(&scene, &event, Trigger::Manual, 0).await;
        let ended = scene.store.ended(scene.endpoints[0], super::scene::newest(1)).await.expect("the store reads");
        assert!(ended.rows.iter().all(|(_, _, id)| *id != event.id), "it is not listed as ended while it lives");
        scene.attempt(&event, sample::EXHAUSTED).await;
        let state = scene.state(event.id, scene.endpoints[0]).await;
        assert_eq!(state, Some(DeliveryState::Ended(Ended::Exhausted)), "resent after {how}");
    }
}

pub async fn a_delivered_one_comes_back_for_one_attempt(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let event = scene.publish_at(sample::noon()).await;
    scene.attempt(&event, After::Delivered).await;
    resend(&scene, &event, Trigger::Manual, 0).await;
    scene.attempt(&event, After::Delivered).await;
    assert_eq!(scene.state(event.id, scene.endpoints[0]).await, None);
    assert!(scene.live(scene.endpoints[0]).await.is_empty());
    // And again, from a past day.
    scene.publish_at(sample::day(1)).await;
    resend(&scene, &event, Trigger::Manual, 0).await;
}

pub async fn a_skipped_one_comes_back(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let [a, b, _] = scene.endpoints;
    let targets = vec![skipped(a), target(b)];
    let keep_payload = KeepPayload::Never;
    let new = NewEvent { targets, keep_payload, ..sample::event(scene.account, sample::noon()) };
    let event = scene.publish(new).await;
    scene.record(sample::settlement(&event, b, After::Delivered)).await;
    resend(&scene, &event, Trigger::Manual, 0).await;
}

pub async fn what_cannot_be_sent_again_is_refused(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let [a, b, _] = scene.endpoints;
    let event = scene.publish_at(sample::noon()).await;
    let foreign_id = EventId::of_tick(event.tick(), [0; 12]);
    let never = EventId::of_tick(ringup_core::time::Tick::at(sample::day(77)), [0; 12]);
    for (account, id, endpoint) in [
        (scene.account, never, a),
        (scene.account, foreign_id, a),
        (scene.other, event.id, a),
        (scene.other, event.id, scene.other_endpoint),
    ] {
        let answer = scene.store.resend(account, id, endpoint, sample::noon()).await.expect("the store answers");
        assert!(matches!(answer, Resent::NotFound), "{answer:?}");
    }
    for endpoint in [b, scene.other_endpoint] {
        let answer = scene.resend(event.id, endpoint).await;
        assert!(matches!(answer, Resent::NeverMatched), "{answer:?}");
    }
    for keep_payload in
        [KeepPayload::Never, KeepPayload::Redacted(sample::pointers()), KeepPayload::IfLogged(sample::pointers())]
    {
        let new = NewEvent { keep_payload, ..scene.new_event(sample::noon(), &[a]) };
        let event = scene.publish(new).await;
        scene.attempt(&event, After::Delivered).await;
        let answer = scene.resend(event.id, a).await;
        assert!(matches!(answer, Resent::PayloadGone), "{answer:?}");
        assert_eq!(scene.state(event.id, a).await, None);
    }
    assert_eq!(scene.ear.now(|heard| heard.resent.len()), 0, "what was refused is not told");
}

pub async fn a_resent_delivery_survives_a_restart(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let event = scene.publish_at(sample::noon()).await;
    scene.attempt(&event, After::Delivered).await;
    resend(&scene, &event, Trigger::Manual, 0).await;
    let scene = scene.reopen(home).await;
    let live = scene.live(scene.endpoints[0]).await;
    let [loaded] = live.as_slice() else { panic!("one delivery is live, got {live:?}") };
    assert_eq!((loaded.event.id, loaded.delivery.trigger), (event.id, Trigger::Manual));
    assert_eq!(scene.store.endpoints_with_work().await.expect("the store reads"), [scene.endpoints[0]]);
}

/// Resends to the first endpoint and checks what the listener and the lane see.
async fn resend(scene: &Scene, event: &Arc<Event>, trigger: Trigger, attempts_made: u32) {
    let endpoint = scene.endpoints[0];
    let told = scene.ear.now(|heard| heard.resent.len());
    let answer = scene.resend(event.id, endpoint).await;
    assert!(matches!(answer, Resent::Done), "{answer:?}");
    scene.ear.until("the resent delivery", |heard| heard.resent.len() > told).await;
    let loaded = scene.ear.now(|heard| {
        assert_eq!(heard.resent.len(), told + 1, "told once");
        heard.resent[told].clone()
    });
    assert_eq!(*loaded.event, **event);
    let expected = Delivery {
        key: ringup_core::delivery::DeliveryKey { endpoint, event: event.tick() },
        state: DeliveryState::Waiting,
        attempts_made,
        trigger,
        order_key: None,
    };
    assert_eq!(loaded.delivery, expected);
    let live = scene.live(endpoint).await;
    let found = live.iter().find(|loaded| loaded.event.id == event.id).expect("it is live again");
    assert_eq!(found.delivery, expected);
}
