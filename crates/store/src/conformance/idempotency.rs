//! Idempotency keys and uids: the same publish twice is one event.

use std::time::Duration;

use ringup_core::id::EventId;
use ringup_core::time::Timestamp;

use super::scene::{Scene, target};
use super::{Home, IDEMPOTENCY_WINDOW, sample};
use crate::query::Payload;
use crate::seam::{Acceptance, EventName, Idempotency, NewEvent};

const TICK: Duration = Duration::from_micros(1);

pub async fn a_repeat_answers_with_the_first_event(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let first = scene.publish(keyed(&scene, sample::noon(), "k", 7)).await;
    for later in [Duration::ZERO, TICK, sample::minutes(600)] {
        let repeat = NewEvent { payload: "{}".into(), ..keyed(&scene, sample::noon().saturating_add(later), "k", 7) };
        assert_eq!(scene.accept(vec![repeat]).await, [Acceptance::Repeated(first.id)]);
    }
    // A clock that was set back does not make it new.
    let earlier = keyed(&scene, sample::noon().saturating_sub(sample::minutes(5)), "k", 7);
    assert_eq!(scene.accept(vec![earlier]).await, [Acceptance::Repeated(first.id)]);
    assert_eq!(scene.event_ids().await, [first.id]);
    assert_eq!(scene.payload(first.id).await, Payload::Kept(first.payload.clone()));
    assert_eq!(scene.live(scene.endpoints[0]).await.len(), 1);
}

pub async fn the_same_key_with_another_request_is_a_mistake(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let first = scene.publish(keyed(&scene, sample::noon(), "k", u64::MAX)).await;
    for fingerprint in [0, 1, u64::MAX - 1] {
        let other = keyed(&scene, sample::noon(), "k", fingerprint);
        assert_eq!(scene.accept(vec![other]).await, [Acceptance::KeyReused(first.id)]);
    }
    let same = keyed(&scene, sample::noon(), "k", u64::MAX);
    assert_eq!(scene.accept(vec![same]).await, [Acceptance::Repeated(first.id)]);
    assert_eq!(scene.event_ids().await, [first.id]);
}

pub async fn keys_and_uids_belong_to_their_account(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let own = NewEvent { uid: uid("INV-1"), ..keyed(&scene, sample::noon(), "k", 1) };
    let foreign = NewEvent { account: scene.other, targets: vec![target(scene.other_endpoint)], ..own.clone() };
    let own = scene.publish(own).await;
    let foreign = scene.publish(foreign).await;
    for (account, id) in [(scene.account, own.id), (scene.other, foreign.id)] {
        let named = scene.store.event(account, EventName::Uid("INV-1".to_owned())).await.expect("the store reads");
        assert_eq!(named.map(|event| event.id), Some(id));
    }
}

pub async fn a_key_is_forgotten_after_its_window(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let first = scene.publish(keyed(&scene, sample::noon(), "k", 1)).await;
    let with = |not_before: Timestamp| {
        let mut new = keyed(&scene, sample::noon().saturating_add(sample::minutes(13 * 60)), "k", 1);
        new.idempotency = new.idempotency.map(|idempotency| Idempotency { not_before, ..idempotency });
        new
    };
    let at = first.accepted_at();
    assert_eq!(scene.accept(vec![with(at)]).await, [Acceptance::Repeated(first.id)], "first seen at the limit");
    let second = scene.publish(with(at.saturating_add(TICK))).await;
    // From now on it is the second one's key, also for someone who looks back further.
    assert_eq!(scene.accept(vec![with(Timestamp::default())]).await, [Acceptance::Repeated(second.id)]);
    assert_eq!(scene.event_ids().await, [second.id, first.id]);
}

pub async fn a_uid_is_free_again_after_the_window(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let at = |now| NewEvent { uid: uid("INV-1"), ..scene.new_event(now, &scene.endpoints) };
    let over = sample::noon().saturating_add(IDEMPOTENCY_WINDOW);
    let first = scene.publish(at(sample::noon())).await;
    for now in [sample::noon(), over.saturating_sub(TICK), over] {
        assert_eq!(scene.accept(vec![at(now)]).await, [Acceptance::UidTaken(first.id)]);
    }
    let second = scene.publish(at(over.saturating_add(TICK))).await;
    assert_eq!(scene.accept(vec![at(over.saturating_add(TICK))]).await, [Acceptance::UidTaken(second.id)]);
    let named = scene.store.event(scene.account, EventName::Uid("INV-1".to_owned())).await.expect("the store reads");
    assert_eq!(named.map(|event| event.id), Some(second.id), "the newest event has the name");
    assert_eq!(scene.event(first.id).await.uid, uid("INV-1"));
}

pub async fn the_same_key_or_uid_twice_in_one_group(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let plain = || scene.new_event(sample::noon(), &scene.endpoints[..1]);
    let group = vec![
        keyed(&scene, sample::noon(), "k", 1),
        keyed(&scene, sample::noon(), "k", 1),
        keyed(&scene, sample::noon(), "k", 2),
        NewEvent { uid: uid("INV-1"), ..plain() },
        NewEvent { uid: uid("INV-1"), ..plain() },
        plain(),
    ];
    let answers = scene.accept(group).await;
    let [a, b, c, d, e, f] = answers.as_slice() else { panic!("six answers, got {answers:?}") };
    let (first, named, last) = (new_id(a), new_id(d), new_id(f));
    assert_eq!(*b, Acceptance::Repeated(first));
    assert_eq!(*c, Acceptance::KeyReused(first));
    assert_eq!(*e, Acceptance::UidTaken(named));
    assert_eq!(scene.event_ids().await, [last, named, first]);
}

pub async fn of_two_at_the_same_time_one_is_new(home: &dyn Home) {
    let scene = Scene::open(home).await;
    for round in 0..20 {
        let key = format!("k{round}");
        let publish = || scene.accept(vec![keyed(&scene, sample::noon(), &key, 1)]);
        let (a, b, c) = tokio::join!(publish(), publish(), publish());
        let answers = [a[0].clone(), b[0].clone(), c[0].clone()];
        let created: Vec<EventId> = answers.iter().filter_map(as_new).collect();
        let [created] = created.as_slice() else { panic!("one is new, got {answers:?}") };
        let repeats = answers.iter().filter(|answer| **answer == Acceptance::Repeated(*created)).count();
        assert_eq!(repeats, 2, "{answers:?}");
    }
    assert_eq!(scene.event_ids().await.len(), 20);
    assert_eq!(scene.live(scene.endpoints[0]).await.len(), 20);
}

pub async fn the_key_is_looked_up_before_the_uid(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let new = |key, fingerprint| NewEvent { uid: uid("INV-1"), ..keyed(&scene, sample::noon(), key, fingerprint) };
    let first = scene.publish(new("k", 1)).await;
    assert_eq!(scene.accept(vec![new("k", 1)]).await, [Acceptance::Repeated(first.id)]);
    assert_eq!(scene.accept(vec![new("k", 2)]).await, [Acceptance::KeyReused(first.id)]);
    assert_eq!(scene.accept(vec![new("other", 1)]).await, [Acceptance::UidTaken(first.id)]);
    // The refused publish stored nothing, its key included.
    let free = scene.publish(keyed(&scene, sample::noon(), "other", 3)).await;
    assert_eq!(scene.event_ids().await, [free.id, first.id]);
}

pub async fn a_key_is_not_a_uid(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let first = scene.publish(keyed(&scene, sample::noon(), "same", 1)).await;
    let named = NewEvent { uid: uid("same"), ..scene.new_event(sample::noon(), &scene.endpoints[..1]) };
    let second = scene.publish(named).await;
    let repeat = keyed(&scene, sample::noon(), "same", 1);
    assert_eq!(scene.accept(vec![repeat]).await, [Acceptance::Repeated(first.id)]);
    let found = scene.store.event(scene.account, EventName::Uid("same".to_owned())).await.expect("the store reads");
    assert_eq!(found.map(|event| event.id), Some(second.id));
}

pub async fn keys_and_uids_survive_midnight_and_a_restart(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let new = NewEvent { uid: uid("INV-1"), ..keyed(&scene, sample::noon(), "k", 1) };
    let first = scene.publish(new.clone()).await;
    let scene = scene.reopen(home).await;
    let after_midnight = sample::noon().saturating_add(Duration::from_hours(23));
    let repeat = NewEvent { now: after_midnight, ..new.clone() };
    assert_eq!(scene.accept(vec![repeat.clone()]).await, [Acceptance::Repeated(first.id)]);
    let unkeyed = NewEvent { idempotency: None, ..repeat };
    assert_eq!(scene.accept(vec![unkeyed]).await, [Acceptance::UidTaken(first.id)]);
    let found = scene.store.event(scene.account, EventName::Uid("INV-1".to_owned())).await.expect("the store reads");
    assert_eq!(found.map(|event| event.id), Some(first.id));
}

/// An event to the first endpoint whose idempotency key is looked for in all the past.
fn keyed(scene: &Scene, now: Timestamp, key: &str, fingerprint: u64) -> NewEvent {
    let idempotency = Idempotency { key: key.to_owned(), fingerprint, not_before: Timestamp::default() };
    NewEvent { idempotency: Some(idempotency), ..scene.new_event(now, &scene.endpoints[..1]) }
}

fn uid(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn as_new(acceptance: &Acceptance) -> Option<EventId> {
    match acceptance {
        Acceptance::New(id) => Some(*id),
        Acceptance::Repeated(_) | Acceptance::KeyReused(_) | Acceptance::UidTaken(_) => None,
    }
}

fn new_id(acceptance: &Acceptance) -> EventId {
    as_new(acceptance).expect("this one is new")
}
