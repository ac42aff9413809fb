//! Listing events and ended deliveries: filters, both orders, pages.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::delivery::{After, DeliveryState, Ended};
use ringup_core::event::Event;
use ringup_core::id::EventId;
use ringup_core::time::Timestamp;

use super::scene::{ALL, Scene, all_pages, newest, skipped, target};
use super::{Home, sample};
use crate::query::{EventFilter, Order, PageRequest, Payload, StoredEvent};
use crate::seam::NewEvent;

const TICK: Duration = Duration::from_micros(1);

pub async fn events_by_type_channel_and_time(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let kinds = [
        ("invoiceCreated", &["kemang"][..]),
        ("invoiceCreated", &[]),
        ("stockChanged", &["kemang", "senopati"]),
        ("memberCreated", &["senopati"]),
    ];
    let mut ids = Vec::new();
    for (number, (event_type, channels)) in (0..).zip(kinds) {
        let new = NewEvent {
            event_type: Arc::from(event_type),
            channels: channels.iter().map(|name| (*name).to_owned()).collect(),
            ..scene.new_event(sample::noon().saturating_add(sample::minutes(number)), &[])
        };
        ids.push(scene.publish(new).await.id);
    }
    let types = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let at = |minute| Some(sample::noon().saturating_add(sample::minutes(minute)));
    let none = EventFilter::default;
    let cases: [(EventFilter, &[usize]); 13] = [
        (none(), &[0, 1, 2, 3]),
        (EventFilter { event_types: types(&["invoiceCreated"]), ..none() }, &[0, 1]),
        (EventFilter { event_types: types(&["stockChanged", "memberCreated"]), ..none() }, &[2, 3]),
        (EventFilter { event_types: types(&["nobody"]), ..none() }, &[]),
        (EventFilter { event_types: types(&[]), ..none() }, &[]),
        (EventFilter { channel: Some("kemang".to_owned()), ..none() }, &[0, 2]),
        (EventFilter { channel: Some("kem".to_owned()), ..none() }, &[]),
        (EventFilter { channel: Some(String::new()), ..none() }, &[]),
        (EventFilter { before: at(2), ..none() }, &[0, 1]),
        (EventFilter { after: at(2), ..none() }, &[3]),
        (EventFilter { after: at(0), before: at(3), ..none() }, &[1, 2]),
        (EventFilter { after: at(1), before: at(1), ..none() }, &[]),
        (EventFilter { event_types: types(&["invoiceCreated"]), channel: Some("kemang".to_owned()), ..none() }, &[0]),
    ];
    for (filter, expected) in cases {
        let expected: Vec<EventId> = expected.iter().map(|place| ids[*place]).collect();
        assert_eq!(listed(&scene, &filter, Order::OldestFirst, 2).await, expected, "{filter:?}");
    }
}

/// Events of the same instant get different ticks; filters go by the time that is shown.
pub async fn times_compare_with_what_is_shown(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut events: Vec<Arc<Event>> = Vec::new();
    for now in [sample::noon().saturating_sub(TICK), sample::noon(), sample::noon().saturating_add(TICK)] {
        for _ in 0..3 {
            events.push(scene.publish(scene.new_event(now, &[])).await);
        }
    }
    let ids = |wanted: &dyn Fn(Timestamp) -> bool| -> Vec<EventId> {
        events.iter().filter(|event| wanted(event.accepted_at())).map(|event| event.id).collect()
    };
    for event in &events {
        let time = event.accepted_at();
        let before = EventFilter { before: Some(time), ..EventFilter::default() };
        assert_eq!(listed(&scene, &before, Order::OldestFirst, ALL).await, ids(&|at| at < time));
        let after = EventFilter { after: Some(time), ..EventFilter::default() };
        assert_eq!(listed(&scene, &after, Order::OldestFirst, ALL).await, ids(&|at| at > time));
    }
    // Beyond every day there is.
    for far in [Timestamp::MAX, Timestamp::default(), Timestamp::from_micros(i64::MIN)] {
        let before = EventFilter { before: Some(far), ..EventFilter::default() };
        assert_eq!(listed(&scene, &before, Order::OldestFirst, ALL).await, ids(&|at| at < far));
        let after = EventFilter { after: Some(far), ..EventFilter::default() };
        assert_eq!(listed(&scene, &after, Order::OldestFirst, ALL).await, ids(&|at| at > far));
    }
}

pub async fn payloads_are_left_out_when_not_asked_for(home: &dyn Home) {
    let scene = Scene::open(home).await;
    scene.publish_at(sample::noon()).await;
    let without = EventFilter { without_payload: true, ..EventFilter::default() };
    assert_eq!(scene.events(without, newest(ALL)).await.rows[0].payload, Payload::LeftOut);
    let with = scene.events(EventFilter::default(), newest(ALL)).await;
    assert_eq!(with.rows[0].payload, Payload::Kept(sample::PAYLOAD.into()));
}

pub async fn pages_go_on_where_the_last_one_ended(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(scene.publish(scene.new_event(sample::noon(), &[])).await.id);
    }
    let page = async |after: Option<usize>, order, rows_max| {
        let after = after.map(|place| ids[place].tick());
        let page = scene.events(EventFilter::default(), PageRequest { rows_max, after, order }).await;
        let places: Vec<usize> =
            page.rows.iter().filter_map(|event| ids.iter().position(|id| *id == event.id)).collect();
        (places, page.done)
    };
    assert_eq!(page(None, Order::NewestFirst, 3).await, (vec![9, 8, 7], false));
    assert_eq!(page(Some(7), Order::NewestFirst, 3).await, (vec![6, 5, 4], false));
    assert_eq!(page(Some(4), Order::OldestFirst, 3).await, (vec![5, 6, 7], false), "and back again");
    assert_eq!(page(Some(3), Order::NewestFirst, 3).await, (vec![2, 1, 0], true), "full and the last one");
    assert_eq!(page(Some(6), Order::OldestFirst, 3).await, (vec![7, 8, 9], true), "full and the last one");
    assert_eq!(page(Some(0), Order::NewestFirst, 3).await, (vec![], true));
    assert_eq!(page(Some(9), Order::OldestFirst, 3).await, (vec![], true));
    assert_eq!(page(None, Order::OldestFirst, 250).await, ((0..10).collect(), true));
}

pub async fn events_of_several_days_are_one_list(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut ids = Vec::new();
    for number in 0..30 {
        // Days without events among them, and a clock that steps back over midnight once.
        let now = sample::day(number / 4 * 2).saturating_add(sample::minutes(number));
        let now = if number == 13 { sample::noon() } else { now };
        ids.push(scene.publish(scene.new_event(now, &scene.endpoints[..1])).await.id);
    }
    let scene = scene.reopen(home).await;
    let newest_first: Vec<EventId> = ids.iter().rev().copied().collect();
    for rows_max in [1, 4, 7, 30] {
        assert_eq!(listed(&scene, &EventFilter::default(), Order::OldestFirst, rows_max).await, ids);
        assert_eq!(listed(&scene, &EventFilter::default(), Order::NewestFirst, rows_max).await, newest_first);
    }
}

pub async fn ended_deliveries_are_paged(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut expected = Vec::new();
    for (number, how) in (0..).zip(Ended::ALL.iter().cycle().take(12)) {
        let event = scene.publish(scene.new_event(sample::day(number / 5), &scene.endpoints[..2])).await;
        scene.hand_over(sample::settlement(&event, scene.endpoints[0], After::Ended(*how)));
        scene.hand_over(sample::settlement(&event, scene.endpoints[1], After::Delivered));
        expected.push((event.id, *how));
    }
    scene.settled().await;
    let scene = scene.reopen(home).await;
    for order in [Order::OldestFirst, Order::NewestFirst] {
        for rows_max in [1, 5, 12, 100] {
            let read = async |page| scene.store.ended(scene.endpoints[0], page).await.expect("the store reads");
            let rows = all_pages(order, rows_max, |(key, ..)| key.event, read).await;
            assert!(rows.iter().all(|(key, _, id)| (key.endpoint, key.event) == (scene.endpoints[0], id.tick())));
            let mut found: Vec<(EventId, Ended)> = rows.iter().map(|(_, how, id)| (*id, *how)).collect();
            if order == Order::NewestFirst {
                found.reverse();
            }
            assert_eq!(found, expected, "by {rows_max}, {order:?}");
        }
    }
    let delivered = scene.store.ended(scene.endpoints[1], newest(ALL)).await.expect("the store reads");
    assert!(delivered.rows.is_empty() && delivered.done);
}

pub async fn destinations_tell_every_state(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let [a, b, c] = scene.endpoints;
    let targets = vec![target(b), skipped(c), target(a)];
    let event = scene.publish(NewEvent { targets, ..sample::event(scene.account, sample::noon()) }).await;
    let due_at = sample::day(1);
    scene.record(sample::settlement(&event, b, After::Retry { due_at, attempts_made: 1 })).await;
    let states = async |scene: &Scene| {
        let mut found = scene.store.destinations(scene.account, event.id).await.expect("the event is there");
        found.sort_by_key(|destination| destination.endpoint);
        found.iter().map(|destination| (destination.endpoint, destination.state)).collect::<Vec<_>>()
    };
    let skipped = Some(DeliveryState::Ended(Ended::Skipped));
    let scheduled = Some(DeliveryState::Scheduled(due_at));
    assert_eq!(states(&scene).await, [(a, Some(DeliveryState::Waiting)), (b, scheduled), (c, skipped)]);
    scene.record(sample::settlement(&event, a, After::Delivered)).await;
    let scene = scene.reopen(home).await;
    assert_eq!(states(&scene).await, [(a, None), (b, scheduled), (c, skipped)]);
}

async fn listed(scene: &Scene, filter: &EventFilter, order: Order, rows_max: usize) -> Vec<EventId> {
    let read = async |page| scene.events(filter.clone(), page).await;
    all_pages(order, rows_max, |event: &StoredEvent| event.id.tick(), read).await.iter().map(|event| event.id).collect()
}
