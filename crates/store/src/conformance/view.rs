//! Comparing all that can be read of a home with the [`Model`].

use std::collections::BTreeSet;

use proptest::option;
use proptest::prelude::{Strategy, any};
use proptest::sample::Index;
use ringup_core::delivery::Trigger;
use ringup_core::id::EventId;
use ringup_core::key::EndpointKey;
use ringup_core::time::{Tick, Timestamp};

use super::model::Model;
use super::random::{CHANNELS, EVENT_TYPES};
use super::scene::{ALL, Scene, all_pages, oldest};
use crate::query::{AttemptFilter, EventFilter, Order, Payload, StoredAttempt, StoredEvent};
use crate::seam::EventName;

/// One way to look at the lists.
#[derive(Clone, Debug)]
pub struct Look {
    event_types: Option<BTreeSet<usize>>,
    channel: Option<usize>,
    tag: Option<usize>,
    /// Around the time of some event.
    before: Option<Index>,
    after: Option<Index>,
    succeeded: Option<bool>,
    status_class: Option<u16>,
    endpoint: usize,
    newest_first: bool,
    rows_max: usize,
}

pub fn looks() -> impl Strategy<Value = Look> {
    let event_types = option::weighted(0.3, proptest::collection::btree_set(0_usize..3, 0..3));
    (
        (event_types, option::weighted(0.3, 0_usize..3), option::weighted(0.3, 0_usize..3)),
        (option::weighted(0.3, any::<Index>()), option::weighted(0.3, any::<Index>())),
        (option::weighted(0.4, any::<bool>()), option::weighted(0.3, 0_u16..6)),
        (0_usize..3, any::<bool>(), 1_usize..12),
    )
        .prop_map(|((event_types, channel, tag), (before, after), (succeeded, status_class), rest)| {
            let (endpoint, newest_first, rows_max) = rest;
            Look { event_types, channel, tag, before, after, succeeded, status_class, endpoint, newest_first, rows_max }
        })
}

/// Pages through events and attempts with one look.
pub async fn check_lists(scene: &Scene, model: &Model, look: &Look) {
    let time = |index: Option<Index>| -> Option<Timestamp> {
        model.events.get(index?.index(model.events.len().max(1))).map(|event| event.at())
    };
    let names = |places: &BTreeSet<usize>| places.iter().map(|place| EVENT_TYPES[*place].to_owned()).collect();
    let events = EventFilter {
        event_types: look.event_types.as_ref().map(names),
        channel: look.channel.map(|place| CHANNELS[place].to_owned()),
        tag: look.tag.map(|place| CHANNELS[place].to_owned()),
        before: time(look.before),
        after: time(look.after),
        without_payload: true,
    };
    let attempts = AttemptFilter {
        succeeded: look.succeeded,
        status_class: look.status_class,
        endpoint: None,
        event_types: events.event_types.clone(),
        channel: events.channel.clone(),
        tag: events.tag.clone(),
        before: events.before,
        after: events.after,
        without_response: true,
    };
    let order = if look.newest_first { Order::NewestFirst } else { Order::OldestFirst };
    check_events(scene, model, &events, order, look.rows_max).await;
    check_attempts(scene, model, scene.endpoints[look.endpoint], &attempts, order, look.rows_max).await;
}

/// Everything there is.
pub async fn check_all(scene: &Scene, model: &Model) {
    for order in [Order::NewestFirst, Order::OldestFirst] {
        check_events(scene, model, &EventFilter::default(), order, 7).await;
        for endpoint in scene.endpoints {
            check_attempts(scene, model, endpoint, &AttemptFilter::default(), order, 7).await;
        }
    }
    for event in &model.events {
        check_event(scene, model, event.id).await;
    }
    for endpoint in scene.endpoints.into_iter().chain([scene.other_endpoint]) {
        check_endpoint(scene, model, endpoint).await;
    }
    check_totals(scene, model).await;
}

async fn check_events(scene: &Scene, model: &Model, filter: &EventFilter, order: Order, rows_max: usize) {
    for account in [scene.account, scene.other] {
        let read = async |page| scene.store.events(account, filter.clone(), page).await.expect("the store reads");
        let rows = all_pages(order, rows_max, |event: &StoredEvent| event.id.tick(), read).await;
        assert!(!filter.without_payload || rows.iter().all(|event| event.payload == Payload::LeftOut));
        let mut found: Vec<EventId> = rows.iter().map(|event| event.id).collect();
        if order == Order::NewestFirst {
            found.reverse();
        }
        assert_eq!(found, model.events_matching(account, filter), "{filter:?} {order:?} by {rows_max}");
    }
}

async fn check_attempts(
    scene: &Scene,
    model: &Model,
    endpoint: EndpointKey,
    filter: &AttemptFilter,
    order: Order,
    rows_max: usize,
) {
    let read = async |page| {
        let page = scene.store.attempts_of_endpoint(scene.account, endpoint, filter.clone(), page).await;
        page.expect("the store reads")
    };
    let mut found = all_pages(order, rows_max, |attempt: &StoredAttempt| attempt.id.tick(), read).await;
    if order == Order::NewestFirst {
        found.reverse();
    }
    let found: Vec<_> = found.iter().map(|attempt| (attempt.event, attempt.id.random(), attempt.outcome)).collect();
    let expected: Vec<_> = model
        .attempts_matching(scene.account, filter)
        .filter(|kept| kept.endpoint == endpoint)
        .map(|kept| (kept.event, kept.attempt.random, kept.attempt.result.outcome))
        .collect();
    assert_eq!(found, expected, "{filter:?} {order:?} by {rows_max}");
}

async fn check_event(scene: &Scene, model: &Model, id: EventId) {
    let event = model.events.iter().find(|event| event.id == id).expect("the model has it");
    let account = event.new.account;
    let stored = scene.store.event(account, EventName::Id(id)).await.expect("the store reads");
    let stored = stored.expect("the event is there");
    assert_eq!((&stored.uid, &stored.channels), (&event.new.uid, &event.new.channels));
    assert_eq!(stored.extras, event.new.extras);
    assert_eq!(stored.payload, Model::shown(event), "{:?}", event.new.keep_payload);
    if let Some(uid) = &event.new.uid {
        let newest =
            model.events.iter().rev().find(|kept| kept.new.account == account && kept.new.uid == event.new.uid);
        let named = scene.store.event(account, EventName::Uid(uid.clone())).await.expect("the store reads");
        assert_eq!(named.map(|event| event.id), newest.map(|event| event.id));
    }
    let mut found = scene.store.destinations(account, id).await.expect("the event is there");
    found.sort_by_key(|destination| destination.endpoint);
    let found: Vec<_> = found.iter().map(|destination| (destination.endpoint, destination.state)).collect();
    let expected: Vec<_> = event.deliveries.iter().map(|delivery| (delivery.endpoint, delivery.state)).collect();
    assert_eq!(found, expected);
    let attempts = scene.store.attempts_of_event(account, id, AttemptFilter::default(), oldest(ALL)).await;
    let attempts: Vec<_> =
        attempts.expect("the event is there").rows.iter().map(|attempt| attempt.id.random()).collect();
    let expected = model.attempts.iter().filter(|kept| kept.event == id).take(ALL);
    assert_eq!(attempts, expected.map(|kept| kept.attempt.random).collect::<Vec<_>>());
}

async fn check_endpoint(scene: &Scene, model: &Model, endpoint: EndpointKey) {
    let live: Vec<(EventId, _, u32, Trigger)> = scene
        .live(endpoint)
        .await
        .iter()
        .map(|loaded| {
            assert_eq!(loaded.event.payload, super::sample::PAYLOAD, "what is live is whole");
            let delivery = loaded.delivery;
            (loaded.event.id, delivery.state, delivery.attempts_made, delivery.trigger)
        })
        .collect();
    assert_eq!(live, model.live(endpoint));
    let waiting = scene.store.waiting(endpoint, Tick(0), false, 10_000).await.expect("the store reads");
    let expected = live.iter().filter(|(_, state, ..)| *state == ringup_core::delivery::DeliveryState::Waiting);
    assert_eq!(
        waiting.iter().map(|loaded| loaded.event.id).collect::<Vec<_>>(),
        expected.map(|(id, ..)| *id).collect::<Vec<_>>()
    );
    let ended = scene.store.ended(endpoint, oldest(10_000)).await.expect("the store reads");
    assert_eq!(ended.rows.iter().map(|(_, how, id)| (*id, *how)).collect::<Vec<_>>(), model.ended(endpoint));
    let counts = scene.store.counts(endpoint, 0, i64::MAX).await.expect("the store reads");
    assert_eq!(counts, model.counts(endpoint));
}

async fn check_totals(scene: &Scene, model: &Model) {
    let times = model.due_times();
    assert_eq!(scene.store.next_due().await.expect("the store reads"), times.first().copied());
    let due = scene.store.due(Timestamp::MAX, 10_000).await.expect("the store reads");
    let found: Vec<_> = due.iter().map(|loaded| loaded.delivery.state).collect();
    let expected: Vec<_> =
        times.iter().map(|due_at| ringup_core::delivery::DeliveryState::Scheduled(*due_at)).collect();
    assert_eq!(found, expected);

    let everyone = || scene.endpoints.into_iter().chain([scene.other_endpoint]);
    let with_work: BTreeSet<_> =
        scene.store.endpoints_with_work().await.expect("the store reads").into_iter().collect();
    assert_eq!(with_work, everyone().filter(|endpoint| !model.live(*endpoint).is_empty()).collect());

    let census = scene.store.census().await.expect("the store reads");
    let live: usize = everyone().map(|endpoint| model.live(endpoint).len()).sum();
    let ended: usize = everyone().map(|endpoint| model.ended(endpoint).len()).sum();
    let expected = [model.events.len(), live, ended].map(|count| u64::try_from(count).expect("small"));
    assert_eq!([census.events, census.deliveries_live, census.deliveries_ended], expected);
}
