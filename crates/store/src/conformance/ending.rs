//! Ending what waits, as when an endpoint is paused or removed.

use ringup_core::delivery::{DeliveryState, Ended};
use ringup_core::id::EventId;

use super::scene::{ALL, Scene, newest};
use super::{Home, sample};

pub async fn oldest_first_in_slices_and_all_but_the_excepted(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let endpoint = scene.endpoints[0];
    let mut ids: Vec<EventId> = Vec::new();
    for number in 0..10 {
        ids.push(scene.publish_at(sample::day(number / 4)).await.id);
    }
    let except = vec![ids[1].tick(), ids[8].tick()];
    let end = async |rows_max| {
        let ended = scene.store.end_waiting(endpoint, Ended::Skipped, sample::noon(), except.clone(), rows_max).await;
        ended.expect("the store ends")
    };
    assert_eq!(end(3).await, 3);
    assert_eq!(live(&scene).await, [ids[1], ids[4], ids[5], ids[6], ids[7], ids[8], ids[9]]);
    assert_eq!(end(4).await, 4);
    assert_eq!(live(&scene).await, [ids[1], ids[8], ids[9]]);
    assert_eq!(end(4).await, 1);
    assert_eq!(end(4).await, 0);
    let scene = scene.reopen(home).await;
    assert_eq!(live(&scene).await, [ids[1], ids[8]]);
    let ended = scene.store.ended(endpoint, newest(ALL)).await.expect("the store reads");
    let listed: Vec<EventId> = ended.rows.iter().map(|(_, _, id)| *id).collect();
    assert_eq!(listed, [ids[9], ids[7], ids[6], ids[5], ids[4], ids[3], ids[2], ids[0]]);
    assert!(ended.rows.iter().all(|(_, how, _)| *how == Ended::Skipped));
}

pub async fn scheduled_and_resent_ones_end_too(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let endpoint = scene.endpoints[0];
    let scheduled = scene.publish_at(sample::noon()).await;
    scene.attempt(&scheduled, sample::retry(&scheduled)).await;
    let resent = scene.publish_at(sample::noon()).await;
    scene.attempt(&resent, sample::EXHAUSTED).await;
    scene.resend(resent.id, endpoint).await;
    let ended = scene.store.end_waiting(endpoint, Ended::Cancelled, sample::noon(), Vec::new(), ALL).await;
    assert_eq!(ended.expect("the store ends"), 2);
    for event in [scheduled, resent] {
        assert_eq!(scene.state(event.id, endpoint).await, Some(DeliveryState::Ended(Ended::Cancelled)));
    }
    assert_eq!(scene.store.next_due().await.expect("the store reads"), None, "nothing is left in the timer");
}

pub async fn other_endpoints_go_on(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let [a, b, _] = scene.endpoints;
    let event = scene.publish(scene.new_event(sample::noon(), &[a, b])).await;
    let ended = scene.store.end_waiting(a, Ended::Cancelled, sample::noon(), Vec::new(), ALL).await;
    assert_eq!(ended.expect("the store ends"), 1);
    assert_eq!(scene.state(event.id, b).await, Some(DeliveryState::Waiting));
    assert_eq!(scene.store.endpoints_with_work().await.expect("the store reads"), [b]);
}

async fn live(scene: &Scene) -> Vec<EventId> {
    scene.live(scene.endpoints[0]).await.iter().map(|loaded| loaded.event.id).collect()
}
