//! Listing attempts, of an event and of an endpoint.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringup_core::delivery::{After, Trigger};
use ringup_core::event::Event;
use ringup_core::outcome::BodyEnd;
use ringup_core::time::Timestamp;
use ringup_core::timing::Timing;

use super::scene::{ALL, Scene, all_pages, newest, oldest};
use super::{Home, sample};
use crate::log_entry::{Attempt, AttemptResult, OutcomeWord};
use crate::query::{AttemptFilter, Order, StoredAttempt};
use crate::seam::{NewEvent, Settlement};

pub async fn every_field_of_an_attempt_comes_back(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let event = scene.publish_at(sample::noon()).await;
    let mut given = Vec::new();
    for (number, outcome) in (1_u32..).zip(OutcomeWord::ALL) {
        for body_end in BodyEnd::ALL {
            given.push(Attempt {
                number: number * 1_000,
                trigger: if number % 2 == 0 { Trigger::Manual } else { Trigger::Policy },
                started_at: Timestamp::from_micros(sample::noon().as_micros() + i64::from(number)),
                duration: Duration::from_micros(29_999_999),
                timing: Timing {
                    resolve: Some(Duration::from_micros(u64::from(number))),
                    connect: (number % 2 == 0).then_some(Duration::ZERO),
                    tls: (number % 3 == 0).then_some(Duration::from_secs(9)),
                    first_byte: None,
                },
                url: Arc::from(format!("https://empfänger.example/{number}?q=%20")),
                result: AttemptResult {
                    outcome,
                    status: (number % 3 != 0).then_some(599),
                    detail: (number % 2 == 0).then_some("tls"),
                },
                response_headers: Bytes::from_static(b"set-cookie: ***\nx: \xff\xfe\n"),
                response_body: Bytes::from(vec![0xfe; 64 * 1024]),
                body_end: *body_end,
                ..sample::attempt(sample::DELIVERED, sample::noon())
            });
        }
    }
    given.push(Attempt {
        response_headers: Bytes::new(),
        response_body: Bytes::new(),
        url: Arc::from(""),
        duration: Duration::ZERO,
        ..sample::attempt(sample::REFUSED, sample::noon())
    });
    for attempt in &given {
        scene.hand_over(logged(&event, &scene, attempt.clone()));
    }
    scene.settled().await;
    let scene = scene.reopen(home).await;
    let found = scene.attempts_of_event(event.id).await;
    assert_eq!(found.len(), given.len());
    for (found, given) in found.iter().zip(given) {
        let expected = StoredAttempt {
            id: found.id,
            event: event.id,
            endpoint: scene.endpoints[0],
            number: given.number,
            trigger: given.trigger,
            started_at: given.started_at,
            duration: given.duration,
            timing: given.timing,
            url: given.url,
            outcome: given.result.outcome,
            status: given.result.status,
            detail: given.result.detail.map(str::to_owned),
            response_headers: given.response_headers,
            response_body: given.response_body,
            body_end: given.body_end,
        };
        assert_eq!(*found, expected);
        assert_eq!(found.id.random(), given.random);
    }
    assert!(found.is_sorted_by(|a, b| a.id.tick() < b.id.tick()), "ids grow");
}

pub async fn attempts_by_each_filter(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let invoice = NewEvent { channels: vec!["kemang".to_owned()], ..scene.new_event(sample::noon(), &scene.endpoints) };
    let invoice = scene.publish(invoice).await;
    let stock = NewEvent { event_type: Arc::from("stockChanged"), ..scene.new_event(sample::noon(), &scene.endpoints) };
    let stock = scene.publish(stock).await;
    let results = [
        (&invoice, OutcomeWord::Delivered, Some(204)),
        (&invoice, OutcomeWord::Refused, Some(404)),
        (&stock, OutcomeWord::TimedOut, Some(408)),
        (&stock, OutcomeWord::Refused, Some(500)),
        (&invoice, OutcomeWord::Unreachable, None),
        (&stock, OutcomeWord::Refused, Some(301)),
    ];
    for (number, (event, outcome, status)) in (0_u32..).zip(results) {
        let result = AttemptResult { outcome, status, detail: None };
        let started_at = sample::noon().saturating_add(sample::minutes(number.into()));
        let attempt = Attempt { number, ..sample::attempt(result, started_at) };
        scene.hand_over(logged(event, &scene, attempt));
    }
    // To another endpoint: never among the first one's.
    let elsewhere = Attempt { number: 99, ..sample::attempt(sample::DELIVERED, sample::noon()) };
    let elsewhere =
        Settlement { attempt: Some(elsewhere), ..sample::unlogged(&invoice, scene.endpoints[1], After::Unchanged) };
    scene.record(elsewhere).await;

    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let at = |minute| Some(sample::noon().saturating_add(sample::minutes(minute)));
    let none = AttemptFilter::default;
    let cases: [(AttemptFilter, &[u32]); 17] = [
        (none(), &[0, 1, 2, 3, 4, 5]),
        (AttemptFilter { succeeded: Some(true), ..none() }, &[0]),
        (AttemptFilter { succeeded: Some(false), ..none() }, &[1, 2, 3, 4, 5]),
        (AttemptFilter { status_class: Some(2), ..none() }, &[0]),
        (AttemptFilter { status_class: Some(3), ..none() }, &[5]),
        (AttemptFilter { status_class: Some(4), ..none() }, &[1, 2]),
        (AttemptFilter { status_class: Some(5), ..none() }, &[3]),
        (AttemptFilter { status_class: Some(1), ..none() }, &[]),
        (AttemptFilter { status_class: Some(0), ..none() }, &[4]),
        (AttemptFilter { endpoint: Some(scene.endpoints[0]), ..none() }, &[0, 1, 2, 3, 4, 5]),
        (AttemptFilter { endpoint: Some(scene.endpoints[2]), ..none() }, &[]),
        (AttemptFilter { event_types: names(&["stockChanged"]), ..none() }, &[2, 3, 5]),
        (AttemptFilter { event_types: names(&[]), ..none() }, &[]),
        (AttemptFilter { channel: Some("kemang".to_owned()), ..none() }, &[0, 1, 4]),
        (AttemptFilter { before: at(2), ..none() }, &[0, 1]),
        (AttemptFilter { after: at(2), before: at(5), ..none() }, &[3, 4]),
        (AttemptFilter { succeeded: Some(false), status_class: Some(4), after: at(1), ..none() }, &[2]),
    ];
    for (filter, expected) in cases {
        for rows_max in [2, ALL] {
            let found = of_endpoint(&scene, &filter, Order::OldestFirst, rows_max).await;
            assert_eq!(numbers(&found), expected, "{filter:?}");
        }
        let mut of_invoice: Vec<u32> = expected.iter().copied().filter(|number| [0, 1, 4].contains(number)).collect();
        let found = scene.store.attempts_of_event(scene.account, invoice.id, filter.clone(), oldest(ALL)).await;
        let mut found = found.expect("the event is there").rows;
        found.retain(|attempt| attempt.endpoint == scene.endpoints[0]);
        of_invoice.sort_unstable();
        assert_eq!(numbers(&found), of_invoice, "{filter:?}");
    }
    let of_second = AttemptFilter { endpoint: Some(scene.endpoints[1]), ..none() };
    let found = scene.store.attempts_of_event(scene.account, invoice.id, of_second, newest(ALL)).await;
    assert_eq!(numbers(&found.expect("the event is there").rows), [99]);
}

/// An attempt belongs to its event's day; the list goes by when it was recorded.
pub async fn attempts_in_the_order_recorded_across_days(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut events = Vec::new();
    for number in 0..4 {
        events.push(scene.publish_at(sample::day(number)).await);
    }
    let mut given = Vec::new();
    for number in 0..40_u32 {
        // Old and new events in turn.
        let event = &events[usize::try_from(number * 7 % 4).expect("small")];
        let result = if number % 3 == 0 { sample::DELIVERED } else { sample::REFUSED };
        let attempt = Attempt { number, ..sample::attempt(result, sample::day(4)) };
        scene.hand_over(logged(event, &scene, attempt));
        given.push(number);
    }
    scene.settled().await;
    let failed: Vec<u32> = given.iter().copied().filter(|number| number % 3 != 0).collect();
    let scene = scene.reopen(home).await;
    for (succeeded, expected) in [(None, &given), (Some(false), &failed)] {
        let filter = AttemptFilter { succeeded, ..AttemptFilter::default() };
        for rows_max in [1, 9, ALL] {
            let found = of_endpoint(&scene, &filter, Order::OldestFirst, rows_max).await;
            assert_eq!(numbers(&found), *expected, "by {rows_max}");
            let mut found = of_endpoint(&scene, &filter, Order::NewestFirst, rows_max).await;
            found.reverse();
            assert_eq!(numbers(&found), *expected, "by {rows_max}, newest first");
        }
    }
}

pub async fn responses_are_left_out_when_not_asked_for(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let event = scene.publish_at(sample::noon()).await;
    scene.attempt(&event, After::Delivered).await;
    for without_response in [true, false] {
        let filter = AttemptFilter { without_response, ..AttemptFilter::default() };
        let of_event = scene.store.attempts_of_event(scene.account, event.id, filter.clone(), newest(1)).await;
        let of_event = of_event.expect("the event is there").rows;
        let of_endpoint = scene.attempts_of_endpoint(filter, newest(1)).await.rows;
        assert_eq!(of_event, of_endpoint);
        assert_eq!(of_event[0].response_body.is_empty(), without_response);
        assert_eq!(of_event[0].response_headers.is_empty(), without_response);
        assert_eq!(of_event[0].timing.is_empty(), without_response);
    }
}

/// To the first endpoint, with this log entry and nothing else.
fn logged(event: &Arc<Event>, scene: &Scene, attempt: Attempt) -> Settlement {
    Settlement { attempt: Some(attempt), ..sample::unlogged(event, scene.endpoints[0], After::Unchanged) }
}

fn numbers(attempts: &[StoredAttempt]) -> Vec<u32> {
    attempts.iter().map(|attempt| attempt.number).collect()
}

async fn of_endpoint(scene: &Scene, filter: &AttemptFilter, order: Order, rows_max: usize) -> Vec<StoredAttempt> {
    let read = async |page| scene.attempts_of_endpoint(filter.clone(), page).await;
    all_pages(order, rows_max, |attempt: &StoredAttempt| attempt.id.tick(), read).await
}
