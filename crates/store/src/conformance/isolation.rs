//! One account never sees another's history, whatever it knows of its ids.

use ringup_core::delivery::After;
use ringup_core::id::EventId;
use ringup_core::key::AccountKey;

use super::scene::{ALL, Scene, newest, target};
use super::{Home, sample};
use crate::query::{AttemptFilter, EventFilter};
use crate::seam::{EventName, NewEvent, StoreError};

pub async fn another_accounts_history_does_not_exist(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let own = scene.publish(NewEvent { uid: Some("INV-1".to_owned()), ..new(&scene) }).await;
    scene.attempt(&own, After::Delivered).await;
    let foreign =
        NewEvent { targets: vec![target(scene.other_endpoint)], ..sample::event(scene.other, sample::noon()) };
    let foreign = scene.publish(foreign).await;
    scene.record(sample::settlement(&foreign, scene.other_endpoint, After::Delivered)).await;

    let by_uid = scene.store.event(scene.other, EventName::Uid("INV-1".to_owned())).await.expect("the store reads");
    assert_eq!(by_uid, None);
    nothing_there(&scene, scene.other, own.id).await;
    nothing_there(&scene, scene.account, foreign.id).await;
    let attempts =
        scene.store.attempts_of_endpoint(scene.other, scene.endpoints[0], AttemptFilter::default(), newest(ALL)).await;
    assert_eq!(attempts.expect("the store reads").rows, []);
    let listed = scene.store.events(scene.other, EventFilter::default(), newest(ALL)).await.expect("the store reads");
    assert_eq!(listed.rows.iter().map(|event| event.id).collect::<Vec<_>>(), [foreign.id]);
    assert_eq!(scene.event_ids().await, [own.id]);
    // An account that never published, and one that does not exist.
    for account in [AccountKey(9_999), AccountKey(0)] {
        let listed = scene.store.events(account, EventFilter::default(), newest(ALL)).await.expect("the store reads");
        assert!(listed.rows.is_empty() && listed.done);
    }
}

pub async fn an_id_with_another_random_part_does_not_exist(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let event = scene.publish(new(&scene)).await;
    scene.attempt(&event, After::Delivered).await;
    let mut random = event.id.random();
    random[11] ^= 1;
    nothing_there(&scene, scene.account, EventId::of_tick(event.tick(), random)).await;
    let far = sample::day(3_650);
    nothing_there(&scene, scene.account, EventId::of_tick(ringup_core::time::Tick::at(far), [0; 12])).await;
    nothing_there(&scene, scene.account, EventId([0xff; 20])).await;
    nothing_there(&scene, scene.account, EventId([0; 20])).await;
}

fn new(scene: &Scene) -> NewEvent {
    scene.new_event(sample::noon(), &scene.endpoints[..1])
}

async fn nothing_there(scene: &Scene, account: AccountKey, id: EventId) {
    let event = scene.store.event(account, EventName::Id(id)).await.expect("the store reads");
    assert_eq!(event, None);
    let destinations = scene.store.destinations(account, id).await;
    assert!(matches!(destinations, Err(StoreError::NotFound)), "{destinations:?}");
    let attempts = scene.store.attempts_of_event(account, id, AttemptFilter::default(), newest(ALL)).await;
    assert!(matches!(attempts, Err(StoreError::NotFound)), "{attempts:?}");
}
