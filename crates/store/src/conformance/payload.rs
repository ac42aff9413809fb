//! Payloads: the bytes as received, and what is left of them when nobody needs them any more.

use std::sync::Arc;

use bytes::Bytes;
use ringup_core::delivery::After;
use ringup_core::event::KeepPayload;

use super::scene::{ALL, Scene, newest, oldest};
use super::{Home, sample};
use crate::query::{EventFilter, Payload};
use crate::seam::{NewEvent, Resent};

pub async fn bytes_are_sacred(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut payloads: Vec<Bytes> = [
        "{}",
        "  { \"b\":1,\"a\" : 2.50, \"a\": 1e400 }\r\n\t",
        "{\"\\u0000\":\"\\ud83d\\ude00 \u{1f9fe} \u{fffd} \u{0}\"}",
        "{\"n\":12345678901234567890.123456789012345678901234567890}",
    ]
    .map(Bytes::from)
    .into();
    // As big as a body may be, and not text at all: the store does not look inside.
    payloads.push(Bytes::from(vec![b'x'; ringup_core::limits::BODY_BYTES_DEFAULT]));
    payloads.push((0..=255).collect());
    payloads.push(Bytes::new());
    let mut events = Vec::new();
    for payload in &payloads {
        let new = NewEvent { payload: payload.clone(), ..scene.new_event(sample::noon(), &scene.endpoints[..1]) };
        events.push(scene.publish(new).await);
    }
    let scene = scene.reopen(home).await;
    let live = scene.live(scene.endpoints[0]).await;
    assert_eq!(live.iter().map(|loaded| loaded.event.payload.clone()).collect::<Vec<_>>(), payloads);
    for (event, payload) in events.iter().zip(payloads) {
        assert_eq!(scene.payload(event.id).await, Payload::Kept(payload));
    }
}

pub async fn the_fate_of_a_delivered_payload(home: &dyn Home) {
    let scene = Scene::open(home).await;
    for (keep_payload, logged, expected) in fates() {
        let what = format!("{keep_payload:?} logged: {logged}");
        let new = NewEvent { keep_payload, ..scene.new_event(sample::noon(), &scene.endpoints[..2]) };
        let event = scene.publish(new).await;
        let make = if logged { sample::settlement } else { sample::unlogged };
        let before = scene.payload(event.id).await;
        scene.record(make(&event, scene.endpoints[1], After::Delivered)).await;
        assert_eq!(scene.payload(event.id).await, before, "another delivery needs it: {what}");
        assert_eq!(scene.live(scene.endpoints[0]).await.last().map(|live| live.event.clone()), Some(event.clone()));
        scene.record(make(&event, scene.endpoints[0], After::Delivered)).await;
        assert_eq!(scene.payload(event.id).await, expected, "{what}");
    }
}

pub async fn the_fate_of_an_event_that_nobody_gets(home: &dyn Home) {
    let scene = Scene::open(home).await;
    for (keep_payload, logged, expected) in fates() {
        if !logged {
            let what = format!("{keep_payload:?}");
            let event = scene.publish(NewEvent { keep_payload, ..scene.new_event(sample::noon(), &[]) }).await;
            assert_eq!(scene.payload(event.id).await, expected, "{what}");
            assert_eq!(scene.store.destinations(scene.account, event.id).await.expect("it is there"), []);
        }
    }
}

pub async fn a_failed_delivery_keeps_the_payload_for_resending(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let [a, b, _] = scene.endpoints;
    for (keep_payload, logged, expected) in fates() {
        let what = format!("{keep_payload:?} logged: {logged}");
        let make = if logged { sample::settlement } else { sample::unlogged };
        let event = scene.publish(NewEvent { keep_payload, ..scene.new_event(sample::noon(), &[a, b]) }).await;
        scene.record(make(&event, a, sample::EXHAUSTED)).await;
        scene.record(make(&event, b, After::Delivered)).await;
        let answer = scene.resend(event.id, a).await;
        assert!(matches!(answer, Resent::Done), "{what}: {answer:?}");
        let live = scene.live(a).await;
        assert_eq!(live.last().map(|live| live.event.clone()), Some(event.clone()), "{what}");
        scene.record(make(&event, a, After::Delivered)).await;
        assert_eq!(scene.payload(event.id).await, expected, "once it is delivered after all: {what}");
    }
}

pub async fn redacted_values_are_never_shown_and_still_sent(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let keep_payload = KeepPayload::Redacted(sample::pointers());
    let event =
        scene.publish(NewEvent { keep_payload, ..scene.new_event(sample::noon(), &scene.endpoints[..1]) }).await;
    let shown = Payload::Redacted(Bytes::from_static(sample::PAYLOAD_STRUCK.as_bytes()));
    for after in [After::Unchanged, sample::retry(&event), sample::EXHAUSTED] {
        assert_eq!(scene.payload(event.id).await, shown);
        let listed = scene.events(EventFilter::default(), newest(ALL)).await;
        assert_eq!(listed.rows[0].payload, shown);
        assert_eq!(scene.live(scene.endpoints[0]).await[0].event.payload, sample::PAYLOAD);
        scene.attempt(&event, after).await;
    }
    assert_eq!(scene.payload(event.id).await, shown);
}

pub async fn pointers_that_match_nothing_strike_nothing(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let keep_payload = KeepPayload::Redacted(Arc::from(["/nowhere".to_owned(), "/member/0".to_owned()]));
    let event =
        scene.publish(NewEvent { keep_payload, ..scene.new_event(sample::noon(), &scene.endpoints[..1]) }).await;
    let whole = Payload::Kept(Bytes::from_static(sample::PAYLOAD.as_bytes()));
    assert_eq!(scene.payload(event.id).await, whole);
    scene.attempt(&event, After::Delivered).await;
    assert_eq!(scene.payload(event.id).await, whole);
    assert!(matches!(scene.resend(event.id, scene.endpoints[0]).await, Resent::Done), "it can be sent as it was");
}

pub async fn an_error_log_keeps_payloads_of_logged_events_only(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let keep_payload = KeepPayload::IfLogged(Arc::from([]));
    let new = NewEvent { keep_payload, ..scene.new_event(sample::noon(), &scene.endpoints[..1]) };
    let smooth = scene.publish(new.clone()).await;
    let bumpy = scene.publish(new).await;
    scene.attempt(&bumpy, sample::retry(&bumpy)).await;
    for event in [&smooth, &bumpy] {
        scene.record(sample::unlogged(event, scene.endpoints[0], After::Delivered)).await;
    }
    assert_eq!(scene.payload(smooth.id).await, Payload::Gone);
    assert_eq!(scene.payload(bumpy.id).await, Payload::Kept(sample::PAYLOAD.into()));
}

pub async fn fates_last_across_a_restart(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut expected = Vec::new();
    for (keep_payload, logged, fate) in fates() {
        let event =
            scene.publish(NewEvent { keep_payload, ..scene.new_event(sample::noon(), &scene.endpoints[..1]) }).await;
        let make = if logged { sample::settlement } else { sample::unlogged };
        scene.record(make(&event, scene.endpoints[0], After::Delivered)).await;
        expected.push(fate);
    }
    let scene = scene.reopen(home).await;
    let found = scene.events(EventFilter::default(), oldest(ALL)).await;
    assert_eq!(found.rows.into_iter().map(|event| event.payload).collect::<Vec<_>>(), expected);
}

/// What is wished, whether attempts are logged, and what is left once all is delivered.
fn fates() -> Vec<(KeepPayload, bool, Payload)> {
    let whole = || Payload::Kept(Bytes::from_static(sample::PAYLOAD.as_bytes()));
    let struck = || Payload::Redacted(Bytes::from_static(sample::PAYLOAD_STRUCK.as_bytes()));
    let none: Arc<[String]> = Arc::from([]);
    let some = sample::pointers();
    vec![
        (KeepPayload::Whole, true, whole()),
        (KeepPayload::Whole, false, whole()),
        (KeepPayload::Redacted(some.clone()), true, struck()),
        (KeepPayload::Redacted(some.clone()), false, struck()),
        (KeepPayload::IfLogged(none.clone()), true, whole()),
        (KeepPayload::IfLogged(none), false, Payload::Gone),
        (KeepPayload::IfLogged(some.clone()), true, struck()),
        (KeepPayload::IfLogged(some), false, Payload::Gone),
        (KeepPayload::Never, true, Payload::Gone),
        (KeepPayload::Never, false, Payload::Gone),
    ]
}
