//! Accepting: one commit for a group, growing ids, fresh deliveries handed over once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use ringup_core::delivery::{After, DeliveryState, Ended};
use ringup_core::event::{Event, Extras, KeepPayload, Target};
use ringup_core::id::EventId;
use ringup_core::time::{Tick, Timestamp};

use super::scene::{ALL, Scene, newest, skipped, target};
use super::{Home, sample};
use crate::query::{AttemptFilter, EventFilter, Order, PageRequest, Payload, StoredEvent};
use crate::seam::{Acceptance, Asked, EventName, Idempotency, NewEvent, Settlement};

/// Somebody waited for the answer: the event comes with what was said, and nobody is sent anything.
pub async fn what_was_asked_already_is_recorded_and_not_delivered(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let endpoint = scene.endpoints[0];
    for (keep_payload, kept) in [(KeepPayload::Whole, true), (KeepPayload::Never, false)] {
        let new = NewEvent { keep_payload, ..scene.new_event(sample::noon(), &[endpoint]) };
        let model = sample::settlement(
            &Arc::new(Event {
                id: EventId::of_tick(Tick::at(new.now), new.random),
                account: new.account,
                event_type: new.event_type.clone(),
                payload: new.payload.clone(),
                keep_payload: new.keep_payload.clone(),
            }),
            endpoint,
            After::Delivered,
        );
        let ended = kept.then_some(Ended::NotRepeated);
        let asked = Asked { ended_at: model.ended_at, ended, attempt: model.attempt.clone(), count: model.count };
        let accepted = scene.accept(vec![NewEvent { asked: Some(Box::new(asked)), ..new }]).await;
        let [Acceptance::New(id)] = accepted[..] else { panic!("it is new: {accepted:?}") };
        assert_eq!(scene.payload(id).await != Payload::Gone, kept);
        let destinations = scene.store.destinations(scene.account, id).await.expect("it is there");
        assert_eq!(destinations.len(), 1);
        assert_eq!(destinations[0].state, ended.map(DeliveryState::Ended));
    }
    assert_eq!(scene.live(endpoint).await.len(), 0);
    let scene = scene.reopen(home).await;
    let page = PageRequest { rows_max: 10, after: None, order: Order::NewestFirst };
    let log = scene.store.attempts_of_endpoint(scene.account, endpoint, AttemptFilter::default(), page).await;
    assert_eq!(log.expect("a log").rows.len(), 2);
    let minute = sample::noon().as_minutes();
    let counts = scene.store.counts(endpoint, minute, minute + 2).await.expect("counters");
    assert_eq!(counts.iter().map(|count| count.delivered).sum::<u64>(), 2);
}

/// What a settlement tells is there when the settlement is, once however often it is told, and is delivered.
pub async fn what_a_settlement_tells_is_accepted_with_it(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let [asked, told] = [scene.endpoints[0], scene.endpoints[1]];
    let event = scene.publish(scene.new_event(sample::noon(), &[asked])).await;
    let uid = "~reward 1".to_owned();
    let then = NewEvent {
        uid: Some(uid.clone()),
        idempotency: Some(Idempotency { key: uid.clone(), fingerprint: 0, not_before: event.accepted_at() }),
        // The next day: another file.
        ..scene.new_event(sample::day(5), &[told])
    };
    for _ in 0..2 {
        let then = Some(Box::new(then.clone()));
        scene.record(Settlement { then, ..sample::settlement(&event, asked, After::Delivered) }).await;
    }
    let scene = scene.reopen(home).await;
    assert_eq!(scene.live(asked).await.len(), 0);
    assert_eq!(scene.live(told).await.len(), 1);
    let stored = scene.store.event(scene.account, EventName::Uid(uid)).await.expect("it reads").expect("it is there");
    assert_eq!(stored.payload, Payload::Kept(then.payload));
    let all = scene.store.events(scene.account, EventFilter::default(), newest(ALL)).await.expect("it reads");
    assert_eq!(all.rows.len(), 2);
}

pub async fn an_event_comes_back_as_it_was(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let new = NewEvent {
        event_type: Arc::from("stock.changed_v2"),
        uid: Some("INV/2026-11-23 №1 🧾".to_owned()),
        channels: vec!["kemang".to_owned(), "快".to_owned()],
        extras: Extras {
            tags: vec!["a/b#c".to_owned(), "快".to_owned()],
            deliver_at: Some(sample::day(3)),
            payload_until: Some(sample::day(4)),
            misfits: vec!["/total: 1 is not a \"string\"".to_owned()],
        },
        payload: Bytes::from_static("{\"ü\" :\t1e400}".as_bytes()),
        unregistered: true,
        ..scene.new_event(sample::noon(), &scene.endpoints)
    };
    let event = scene.publish(new.clone()).await;
    let expected = StoredEvent {
        id: event.id,
        event_type: new.event_type,
        uid: new.uid.clone(),
        channels: new.channels,
        extras: new.extras,
        payload: Payload::Kept(new.payload),
        unregistered: true,
    };
    let scene = scene.reopen(home).await;
    assert_eq!(scene.event(event.id).await, expected);
    let by_uid = EventName::Uid(new.uid.expect("it was given above"));
    assert_eq!(scene.store.event(scene.account, by_uid).await.expect("the store reads"), Some(expected.clone()));
    assert_eq!(scene.events(EventFilter::default(), newest(ALL)).await.rows, [expected]);
}

pub async fn a_group_is_answered_in_its_order(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let of_other =
        NewEvent { targets: vec![target(scene.other_endpoint)], ..sample::event(scene.other, sample::noon()) };
    let mut group: Vec<NewEvent> = (0..20).map(|_| scene.new_event(sample::noon(), &scene.endpoints)).collect();
    group.insert(7, of_other);
    let ids = new_ids(&scene.accept(group.clone()).await);
    assert_eq!(ids.len(), group.len());
    for (id, new) in ids.iter().zip(&group) {
        assert_eq!(id.random(), new.random, "answers come in the order of the group");
    }
    assert!(ids.is_sorted(), "ids grow in the order of the group");
    let mut own = ids.clone();
    own.remove(7);
    own.reverse();
    assert_eq!(scene.event_ids().await, own);
    assert_eq!(scene.live(scene.other_endpoint).await.len(), 1);
}

pub async fn an_empty_group_is_nothing(home: &dyn Home) {
    let scene = Scene::open(home).await;
    assert_eq!(scene.accept(Vec::new()).await, []);
    assert_eq!(scene.event_ids().await, []);
}

pub async fn ids_carry_the_clock_and_the_random_part(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let now = Timestamp::from_micros(sample::noon().as_micros() + 123_457);
    let new = scene.new_event(now, &[]);
    let event = scene.publish(new.clone()).await;
    assert_eq!(event.id, EventId::of_tick(Tick::at(now), new.random));
    assert_eq!(event.accepted_at(), now);
}

pub async fn ids_grow_when_the_clock_stands_still_or_goes_back(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let noon = sample::noon();
    let clock = [noon, noon, noon.saturating_sub(Duration::from_hours(30)), Timestamp::default(), noon];
    let mut ids = Vec::new();
    for now in clock {
        ids.push(scene.publish_at(now).await.id);
    }
    let expected: Vec<Tick> = (0..5).map(|step| Tick(Tick::at(noon).0 + step)).collect();
    assert_eq!(ids.iter().map(EventId::tick).collect::<Vec<_>>(), expected);
    // And once it goes on, so do they.
    let later = scene.publish_at(noon.saturating_add(Duration::from_micros(1))).await;
    assert_eq!(later.accepted_at(), noon.saturating_add(Duration::from_micros(1)));
    let listed: Vec<EventId> = ids.into_iter().chain([later.id]).rev().collect();
    assert_eq!(scene.event_ids().await, listed);
}

pub async fn ids_grow_across_a_restart_with_the_clock_behind(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let last = scene.publish_at(sample::day(1)).await;
    let scene = scene.reopen(home).await;
    let next = scene.publish_at(sample::noon()).await;
    assert_eq!(next.tick(), Tick(last.tick().0 + 1));
}

pub async fn fresh_deliveries_are_heard_exactly_once(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut expected = BTreeSet::new();
    for round in 0..10 {
        let group: Vec<NewEvent> = (0..7)
            .map(|number| NewEvent {
                targets: vec![
                    Target { order_key: Some(u64::MAX - number), ..target(scene.endpoints[0]) },
                    skipped(scene.endpoints[1]),
                    target(scene.endpoints[2]),
                ],
                ..sample::event(scene.account, sample::noon().saturating_add(sample::minutes(round)))
            })
            .collect();
        for id in new_ids(&scene.accept(group).await) {
            expected.insert((scene.endpoints[0], id));
            expected.insert((scene.endpoints[2], id));
        }
    }
    scene.ear.until("every fresh delivery", |heard| heard.fresh.len() >= expected.len()).await;
    scene.ear.now(|heard| {
        let told: Vec<_> = heard.fresh.iter().map(|fresh| (fresh.endpoint, fresh.event.id)).collect();
        assert_eq!(told.len(), expected.len(), "nothing is told twice");
        assert_eq!(told.iter().copied().collect::<BTreeSet<_>>(), expected);
        let of_first: Vec<_> = heard.fresh.iter().filter(|fresh| fresh.endpoint == scene.endpoints[0]).collect();
        assert!(of_first.is_sorted_by_key(|fresh| fresh.event.id), "an endpoint's come in the order of acceptance");
        for (place, fresh) in (0_u64..).zip(&of_first) {
            assert_eq!(fresh.order_key, Some(u64::MAX - place % 7));
            assert_eq!(fresh.event.payload, sample::PAYLOAD);
            assert_eq!((fresh.event.account, &*fresh.event.event_type), (scene.account, "invoiceCreated"));
        }
    });
}

pub async fn what_is_refused_is_not_heard(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let new = NewEvent {
        uid: Some("one".to_owned()),
        idempotency: Some(Idempotency { key: "k".to_owned(), fingerprint: 1, not_before: Timestamp::default() }),
        ..scene.new_event(sample::noon(), &scene.endpoints[..1])
    };
    let first = scene.publish(new.clone()).await;
    scene.accept(vec![new.clone(), NewEvent { idempotency: None, ..new }]).await;
    // Whatever the refused ones might have caused would have come before this one.
    let last = scene.publish_at(sample::noon()).await;
    scene.ear.until("the last one", |heard| heard.fresh.iter().any(|fresh| fresh.event.id == last.id)).await;
    let told = scene.ear.now(|heard| heard.fresh.iter().map(|fresh| fresh.event.id).collect::<Vec<_>>());
    assert_eq!(told, [first.id, last.id]);
}

pub async fn skipped_targets_end_at_once_and_are_listed(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let new = NewEvent { targets: vec![skipped(scene.endpoints[0])], ..sample::event(scene.account, sample::noon()) };
    let event = scene.publish(new).await;
    let scene = scene.reopen(home).await;
    assert_eq!(scene.state(event.id, scene.endpoints[0]).await, Some(DeliveryState::Ended(Ended::Skipped)));
    let ended = scene.store.ended(scene.endpoints[0], newest(ALL)).await.expect("the store reads");
    let listed: Vec<_> = ended.rows.iter().map(|(key, how, id)| (key.event, *how, *id)).collect();
    assert_eq!(listed, [(event.tick(), Ended::Skipped, event.id)]);
    assert!(scene.live(scene.endpoints[0]).await.is_empty());
    assert_eq!(scene.store.endpoints_with_work().await.expect("the store reads"), []);
    assert_eq!(scene.payload(event.id).await, Payload::Kept(event.payload.clone()));
}

pub async fn many_at_the_same_time_are_all_kept(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let calls = (0..40).map(|number| {
        let now = sample::noon().saturating_add(Duration::from_micros(number % 3));
        scene.accept((0..5).map(|_| scene.new_event(now, &scene.endpoints)).collect())
    });
    let answers = join_all(calls).await;
    let ids: BTreeSet<EventId> = answers.iter().flat_map(|answer| new_ids(answer)).collect();
    assert_eq!(ids.len(), 200, "every id is another");
    let scene = scene.reopen(home).await;
    assert_eq!(scene.event_ids().await, ids.iter().rev().copied().collect::<Vec<_>>());
    for endpoint in scene.endpoints {
        let live: Vec<EventId> = scene.live(endpoint).await.iter().map(|loaded| loaded.event.id).collect();
        assert_eq!(live, ids.iter().copied().collect::<Vec<_>>());
    }
}

fn new_ids(acceptances: &[Acceptance]) -> Vec<EventId> {
    let id = |acceptance: &Acceptance| match acceptance {
        Acceptance::New(id) => *id,
        other => panic!("expected a new event, got {other:?}"),
    };
    acceptances.iter().map(id).collect()
}
