//! What few events have: tags, a later time, a payload that goes before the others.

use std::time::Duration;

use ringup_core::delivery::{After, DeliveryState};
use ringup_core::event::Extras;
use ringup_core::time::Tick;

use super::scene::{ALL, Scene, all_pages, newest, skipped, target};
use super::{Home, sample};
use crate::query::{AttemptFilter, EndpointEventFilter, EventFilter, Order, Payload, Reach, StoredEvent};
use crate::seam::{NewEvent, Resent, Retention};

const HOUR: Duration = Duration::from_hours(1);

/// Nothing goes by its day.
const KEEP_ALL: Retention =
    Retention { payloads: Duration::from_hours(1_000 * 24), attempts: Duration::from_hours(1_000 * 24) };

pub async fn events_are_found_by_tag(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let (mut red, mut both) = (Vec::new(), Vec::new());
    for number in 0..40 {
        let tags: &[&str] = match number % 4 {
            0 => &["red"],
            1 => &["red", "till/7"],
            2 => &["till/7"],
            _ => &[],
        };
        // Ten a day, so that lists are in files and in memory alike.
        let now = sample::day(number / 10).saturating_add(sample::minutes(number));
        let event = scene.publish(tagged(scene.new_event(now, &scene.endpoints[..1]), tags)).await;
        scene.attempt(&event, After::Delivered).await;
        if tags.contains(&"red") {
            red.push(event.id);
        }
        if tags.len() == 2 {
            both.push(event.id);
        }
    }
    let foreign = NewEvent { targets: Vec::new(), ..sample::event(scene.other, sample::day(9)) };
    scene.publish(tagged(foreign, &["red"])).await;
    let scene = scene.reopen(home).await;
    let filter = EventFilter { tag: Some("red".to_owned()), ..EventFilter::default() };
    for (order, rows_max) in [(Order::NewestFirst, 3), (Order::OldestFirst, 7), (Order::NewestFirst, 200)] {
        let read = async |page| scene.store.events(scene.account, filter.clone(), page).await.expect("the store reads");
        let rows = all_pages(order, rows_max, |event: &StoredEvent| event.id.tick(), read).await;
        let mut found: Vec<_> = rows.iter().map(|event| event.id).collect();
        if order == Order::NewestFirst {
            found.reverse();
        }
        assert_eq!(found, red, "{order:?} by {rows_max}");
    }
    let nobody = EventFilter { tag: Some("re".to_owned()), ..EventFilter::default() };
    assert_eq!(scene.events(nobody, newest(ALL)).await.rows, []);
    let scanned = EndpointEventFilter { events: filter, reach: Reach::Sent, standings: None, status_class: None };
    let scanned = scene.store.events_of_endpoint(scene.account, scene.endpoints[0], scanned, newest(ALL)).await;
    let mut scanned: Vec<_> = scanned.expect("the store reads").rows.iter().map(|row| row.event.id).collect();
    scanned.reverse();
    assert_eq!(scanned, red);
    let attempts = AttemptFilter { tag: Some("till/7".to_owned()), ..AttemptFilter::default() };
    assert_eq!(scene.attempts_of_endpoint(attempts.clone(), newest(ALL)).await.rows.len(), 20);
    let of_event = scene.store.attempts_of_event(scene.account, both[0], attempts.clone(), newest(ALL)).await;
    assert_eq!(of_event.expect("the store reads").rows.len(), 1);
    let other = AttemptFilter { tag: Some("blue".to_owned()), ..attempts };
    let of_event = scene.store.attempts_of_event(scene.account, both[0], other, newest(ALL)).await;
    assert_eq!(of_event.expect("the store reads").rows, []);
}

pub async fn tags_are_found_after_a_crash(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let event = scene.publish(tagged(scene.new_event(sample::noon(), &[]), &["red"])).await;
    let Some(store) = home.crash(scene.store.clone()).await else { return };
    let scene = scene.with(store);
    let filter = EventFilter { tag: Some("red".to_owned()), ..EventFilter::default() };
    let found = scene.events(filter, newest(ALL)).await.rows;
    assert_eq!(found.iter().map(|event| event.id).collect::<Vec<_>>(), [event.id]);
}

pub async fn what_is_put_off_is_due_at_its_time(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let at = sample::day(3);
    let [a, b, _] = scene.endpoints;
    let put_off = |deliver_at| Extras { deliver_at: Some(deliver_at), ..Extras::default() };
    let new =
        NewEvent { extras: put_off(at), targets: vec![target(a), skipped(b)], ..scene.new_event(sample::noon(), &[]) };
    let later = scene.publish(new).await;
    // A time that has passed is now.
    let past = NewEvent { extras: put_off(sample::noon()), ..scene.new_event(sample::noon(), &[a]) };
    let past = scene.publish(past).await;
    scene.ear.until("both are told", |heard| heard.fresh.len() == 2).await;
    let told = scene.ear.now(|heard| heard.fresh.iter().map(|fresh| fresh.due_at).collect::<Vec<_>>());
    assert_eq!(told, [Some(at), None]);
    let scene = scene.reopen(home).await;
    assert_eq!(scene.state(later.id, a).await, Some(DeliveryState::Scheduled(at)));
    assert_eq!(scene.state(past.id, a).await, Some(DeliveryState::Waiting));
    assert_eq!(scene.store.next_due().await.expect("the store reads"), Some(at));
    let due = scene.store.due(at, 10).await.expect("the store reads");
    let [loaded] = due.as_slice() else { panic!("one is due, not {}", due.len()) };
    assert_eq!((loaded.event.clone(), loaded.delivery.is_put_off()), (later.clone(), true));
    let waiting = scene.store.waiting(a, Tick(0), false, 10).await.expect("the store reads");
    assert_eq!(waiting.iter().map(|loaded| loaded.event.id).collect::<Vec<_>>(), [past.id]);
    // Its day stays, however old, until it is delivered.
    scene.attempt(&past, After::Delivered).await;
    let nothing = Retention { payloads: Duration::ZERO, attempts: Duration::ZERO };
    assert_eq!(scene.store.retain(nothing, sample::day(50)).await.expect("it retains").days_removed, 0);
    // Taking it back is removing its payload.
    scene.store.expunge_event(scene.account, later.id, sample::day(1)).await.expect("it is there");
    assert_eq!(scene.store.next_due().await.expect("the store reads"), None);
    assert_eq!(scene.store.retain(nothing, sample::day(50)).await.expect("it retains").days_removed, 1);
}

pub async fn a_payload_goes_at_its_own_time(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let hours =
        |hours| Extras { payload_until: Some(sample::noon().saturating_add(HOUR * hours)), ..Extras::default() };
    let new = |extras| NewEvent { extras, ..scene.new_event(sample::noon(), &scene.endpoints[..1]) };
    let delivered = scene.publish(new(hours(2))).await;
    let longer = scene.publish(new(hours(3))).await;
    let failed = scene.publish(new(hours(2))).await;
    let live = scene.publish(new(hours(2))).await;
    let plain = scene.publish(new(Extras::default())).await;
    for event in [&delivered, &longer, &plain] {
        scene.attempt(event, After::Delivered).await;
    }
    scene.attempt(&failed, sample::EXHAUSTED).await;
    let retain = async |scene: &Scene, hours, micros| {
        let now = sample::noon().saturating_add(HOUR * hours).saturating_sub(Duration::from_micros(micros));
        scene.store.retain(KEEP_ALL, now).await.expect("it retains").payloads_removed
    };
    assert_eq!(retain(&scene, 2, 1).await, 0, "not a moment earlier");
    assert_eq!(retain(&scene, 2, 0).await, 2);
    assert_eq!(retain(&scene, 2, 0).await, 0, "nothing is left to do");
    let scene = scene.reopen(home).await;
    for event in [&delivered, &failed] {
        let stored = scene.event(event.id).await;
        assert_eq!((stored.payload, stored.event_type), (Payload::Gone, event.event_type.clone()), "the record stays");
        assert_eq!(scene.attempts_of_event(event.id).await.len(), 1);
    }
    let resent = scene.resend(failed.id, scene.endpoints[0]).await;
    assert!(matches!(resent, Resent::PayloadGone), "{resent:?}");
    for event in [&longer, &live, &plain] {
        assert_eq!(scene.payload(event.id).await, Payload::Kept(sample::PAYLOAD.into()));
    }
    // Once nothing wants to send it any more.
    scene.attempt(&live, After::Delivered).await;
    assert_eq!(retain(&scene, 3, 0).await, 2);
    assert_eq!(scene.payload(live.id).await, Payload::Gone);
    assert_eq!(scene.payload(plain.id).await, Payload::Kept(sample::PAYLOAD.into()));
}

pub async fn many_payloads_go_at_once(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let extras = Extras { payload_until: Some(sample::noon().saturating_add(HOUR)), ..Extras::default() };
    // More than go in one commit, and live ones among them, which must not be looked at for ever.
    let to = |number| if number % 3 == 0 { &scene.endpoints[..1] } else { &[] };
    let new = |number| NewEvent { extras: extras.clone(), ..scene.new_event(sample::noon(), to(number)) };
    scene.accept((0..400).map(new).collect()).await;
    let now = sample::noon().saturating_add(HOUR);
    assert_eq!(scene.store.retain(KEEP_ALL, now).await.expect("it retains").payloads_removed, 266);
    assert_eq!(scene.store.retain(KEEP_ALL, now).await.expect("it retains").payloads_removed, 0);
}

fn tagged(new: NewEvent, tags: &[&str]) -> NewEvent {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    NewEvent { extras: Extras { tags, ..Extras::default() }, ..new }
}
