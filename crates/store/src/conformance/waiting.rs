//! What lanes and timers read: cursors, due times, events as they are to be sent.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringup_core::delivery::{After, DeliveryState, Trigger};
use ringup_core::event::{Event, KeepPayload, Target};
use ringup_core::id::EventId;
use ringup_core::key::EndpointKey;
use ringup_core::time::{Tick, Timestamp};

use super::scene::{Scene, target};
use super::{Home, sample};
use crate::seam::{Loaded, NewEvent};

pub async fn deliveries_come_by_cursor_oldest_first(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut events = Vec::new();
    for number in 0..25 {
        // Ten a day: the cursor crosses days.
        let now = sample::day(number / 10).saturating_add(sample::minutes(number));
        events.push(scene.publish(scene.new_event(now, &scene.endpoints[..2])).await.id);
    }
    let scene = scene.reopen(home).await;
    for rows_max in [1, 7, 25, 100] {
        let mut found: Vec<EventId> = Vec::new();
        loop {
            let after = found.last().map_or(Tick(0), EventId::tick);
            let slice = read(&scene, scene.endpoints[1], after, false, rows_max).await;
            assert!(slice.len() <= rows_max);
            if slice.is_empty() {
                break;
            }
            assert!(slice.iter().all(|loaded| loaded.event.tick() > after), "a slice goes on after its cursor");
            found.extend(ids(&slice));
        }
        assert_eq!(found, events, "by {rows_max}");
    }
    assert!(read(&scene, scene.endpoints[2], Tick(0), true, 10).await.is_empty(), "nothing went there");
}

pub async fn scheduled_ones_come_only_when_asked_for(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut events = Vec::new();
    for number in 0..6 {
        let event = scene.publish_at(sample::noon()).await;
        if number % 2 == 1 {
            scene.attempt(&event, sample::retry(&event)).await;
        }
        events.push(event);
    }
    let endpoint = scene.endpoints[0];
    let all: Vec<EventId> = events.iter().map(|event| event.id).collect();
    assert_eq!(ids(&read(&scene, endpoint, Tick(0), true, 10).await), all);
    assert_eq!(ids(&read(&scene, endpoint, Tick(0), false, 10).await), [all[0], all[2], all[4]]);
    assert_eq!(ids(&read(&scene, endpoint, Tick(0), false, 2).await), [all[0], all[2]], "the bound counts rows given");
    assert_eq!(ids(&read(&scene, endpoint, all[2].tick(), false, 10).await), [all[4]]);
    // One that is due is still scheduled: it is the timer's to bring.
    let scheduled = read(&scene, endpoint, all[0].tick(), true, 1).await;
    assert!(matches!(scheduled[0].delivery.state, DeliveryState::Scheduled(_)));
}

pub async fn due_ones_come_earliest_first_at_their_time(home: &dyn Home) {
    let scene = Scene::open(home).await;
    assert_eq!(scene.store.next_due().await.expect("the store reads"), None);
    let due_in = [50_u64, 10, 40, 20, 30];
    let mut events: Vec<(Timestamp, Arc<Event>)> = Vec::new();
    for (number, secs) in (0..).zip(due_in) {
        let event = scene.publish_at(sample::day(number)).await;
        // Due times far after acceptance, so that the order of acceptance is not theirs.
        let due_at = sample::day(9).saturating_add(Duration::from_secs(secs));
        scene.attempt(&event, After::Retry { due_at, attempts_made: 1 }).await;
        events.push((due_at, event));
    }
    events.sort_by_key(|(due_at, _)| *due_at);
    let order: Vec<EventId> = events.iter().map(|(_, event)| event.id).collect();
    let scene = scene.reopen(home).await;
    let due = async |before, rows_max| ids(&scene.store.due(before, rows_max).await.expect("the store reads"));
    let at = events[2].0;
    assert_eq!(due(Timestamp::MAX, 10).await, order);
    assert_eq!(due(Timestamp::MAX, 2).await, order[..2]);
    assert_eq!(due(at, 10).await, order[..3], "what is due at that time is due");
    assert_eq!(due(at.saturating_sub(Duration::from_micros(1)), 10).await, order[..2]);
    assert_eq!(due(sample::day(9), 10).await, []);

    assert_eq!(scene.store.next_due().await.expect("the store reads"), Some(events[0].0));
    // Put off once more, and delivered, and the next one is another.
    let late = sample::day(10);
    scene.attempt(&events[0].1, After::Retry { due_at: late, attempts_made: 2 }).await;
    scene.attempt(&events[1].1, After::Delivered).await;
    assert_eq!(scene.store.next_due().await.expect("the store reads"), Some(events[2].0));
    assert_eq!(due(Timestamp::MAX, 10).await, [order[2], order[3], order[4], order[0]]);
}

pub async fn endpoints_with_work_are_named_once(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let with_work = async |scene: &Scene| {
        let found = scene.store.endpoints_with_work().await.expect("the store reads");
        let set: BTreeSet<EndpointKey> = found.iter().copied().collect();
        assert_eq!(set.len(), found.len(), "each once");
        set
    };
    assert_eq!(with_work(&scene).await, BTreeSet::new());
    let [a, b, c] = scene.endpoints;
    let mut first = Vec::new();
    for number in 0..3 {
        first.push(scene.publish(scene.new_event(sample::day(number), &[a, b])).await);
    }
    let foreign =
        NewEvent { targets: vec![target(scene.other_endpoint)], ..sample::event(scene.other, sample::day(3)) };
    scene.publish(foreign).await;
    let last = scene.publish(scene.new_event(sample::day(3), &[c])).await;
    assert_eq!(with_work(&scene).await, BTreeSet::from([a, b, c, scene.other_endpoint]));
    for event in &first {
        scene.record(sample::settlement(event, a, After::Delivered)).await;
        scene.record(sample::settlement(event, b, sample::retry(event))).await;
    }
    scene.record(sample::settlement(&last, c, sample::EXHAUSTED)).await;
    let expected = BTreeSet::from([b, scene.other_endpoint]);
    assert_eq!(with_work(&scene).await, expected, "a scheduled one is work, a delivered or ended one is none");
    let scene = scene.reopen(home).await;
    assert_eq!(with_work(&scene).await, expected);
}

pub async fn events_are_read_back_whole(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let new = NewEvent {
        event_type: Arc::from("stock.changed"),
        payload: Bytes::from_static(b" {\"a\" :1.0 } "),
        keep_payload: KeepPayload::IfLogged(sample::pointers()),
        targets: vec![Target { order_key: Some(u64::MAX), ..target(scene.endpoints[0]) }],
        ..sample::event(scene.account, sample::noon())
    };
    let event = scene.publish(new).await;
    let scene = scene.reopen(home).await;
    let live = scene.live(scene.endpoints[0]).await;
    let [loaded] = live.as_slice() else { panic!("one delivery is live, got {live:?}") };
    assert_eq!(*loaded.event, *event);
    let delivery = loaded.delivery;
    assert_eq!((delivery.key.endpoint, delivery.key.event), (scene.endpoints[0], event.tick()));
    assert_eq!((delivery.state, delivery.attempts_made), (DeliveryState::Waiting, 0));
    assert_eq!((delivery.trigger, delivery.order_key), (Trigger::Policy, Some(u64::MAX)));
}

async fn read(scene: &Scene, endpoint: EndpointKey, after: Tick, scheduled_too: bool, rows_max: usize) -> Vec<Loaded> {
    scene.store.waiting(endpoint, after, scheduled_too, rows_max).await.expect("the store reads")
}

fn ids(loaded: &[Loaded]) -> Vec<EventId> {
    loaded.iter().map(|loaded| loaded.event.id).collect()
}
