//! Recording what came of attempts: log entry, counters and state go in together, once.

use std::collections::BTreeMap;
use std::time::Duration;

use ringup_core::delivery::{After, DeliveryKey, DeliveryState, Ended, Trigger};
use ringup_core::event::KeepPayload;
use ringup_core::time::Timestamp;

use super::scene::{ALL, Scene, newest, skipped, target};
use super::{Home, sample};
use crate::query::Payload;
use crate::seam::{NewEvent, Settlement};

/// Every `After`, with and without a log entry, for every fate of the payload.
pub async fn every_way_an_attempt_can_end_is_remembered(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let due_at = sample::noon().saturating_add(Duration::from_secs(7));
    let mut afters = vec![After::Delivered, After::Unchanged, After::Retry { due_at, attempts_made: 3 }];
    afters.extend(Ended::ALL.iter().map(|how| After::Ended(*how)));
    let keeps = [
        KeepPayload::Whole,
        KeepPayload::Redacted(sample::pointers()),
        KeepPayload::IfLogged(sample::pointers()),
        KeepPayload::Never,
    ];
    let mut expected = Vec::new();
    for after in afters {
        for keep_payload in &keeps {
            for logged in [true, false] {
                let keep_payload = keep_payload.clone();
                let new = scene.new_event(sample::noon(), &scene.endpoints[..1]);
                let event = scene.publish(NewEvent { keep_payload: keep_payload.clone(), ..new }).await;
                let make = if logged { sample::settlement } else { sample::unlogged };
                scene.hand_over(make(&event, scene.endpoints[0], after));
                expected.push((event, after, keep_payload, logged));
            }
        }
    }
    scene.settled().await;
    let scene = scene.reopen(home).await;
    for (event, after, keep, logged) in expected {
        let what = format!("{after:?} {keep:?} logged: {logged}");
        let state = match after {
            After::Delivered => None,
            After::Unchanged => Some(DeliveryState::Waiting),
            After::Retry { due_at, .. } => Some(DeliveryState::Scheduled(due_at)),
            After::Ended(how) => Some(DeliveryState::Ended(how)),
        };
        assert_eq!(scene.state(event.id, scene.endpoints[0]).await, state, "{what}");
        assert_eq!(scene.attempts_of_event(event.id).await.len(), usize::from(logged), "{what}");
        let whole = match (after, &keep) {
            (_, KeepPayload::Whole) => true,
            (After::Delivered, _) | (_, KeepPayload::Redacted(_) | KeepPayload::IfLogged(_)) => false,
            (_, KeepPayload::Never) => true,
        };
        let gone = after == After::Delivered
            && (keep == KeepPayload::Never || (matches!(keep, KeepPayload::IfLogged(_)) && !logged));
        let payload = match (whole, gone) {
            (true, _) => Payload::Kept(sample::PAYLOAD.into()),
            (false, true) => Payload::Gone,
            (false, false) => Payload::Redacted(sample::PAYLOAD_STRUCK.into()),
        };
        assert_eq!(scene.payload(event.id).await, payload, "{what}");
    }
}

pub async fn a_retry_keeps_its_time_and_count_exactly(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let event = scene.publish_at(sample::noon()).await;
    let due_at = Timestamp::from_micros(sample::noon().as_micros() + 7_000_123);
    scene.attempt(&event, After::Retry { due_at, attempts_made: 41 }).await;
    let scene = scene.reopen(home).await;
    let live = scene.live(scene.endpoints[0]).await;
    let [loaded] = live.as_slice() else { panic!("one delivery is live, got {live:?}") };
    assert_eq!(loaded.delivery.state, DeliveryState::Scheduled(due_at));
    assert_eq!((loaded.delivery.attempts_made, loaded.delivery.trigger), (41, Trigger::Policy));
    assert_eq!(scene.store.next_due().await.expect("the store reads"), Some(due_at));
}

pub async fn settlements_are_told_exactly_once(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut expected: BTreeMap<DeliveryKey, usize> = BTreeMap::new();
    for _ in 0..100 {
        let event = scene.publish(scene.new_event(sample::noon(), &scene.endpoints)).await;
        for endpoint in scene.endpoints {
            scene.hand_over(sample::settlement(&event, endpoint, sample::retry(&event)));
            scene.hand_over(sample::settlement(&event, endpoint, After::Delivered));
            expected.insert(DeliveryKey { endpoint, event: event.tick() }, 2);
        }
    }
    scene.settled().await;
    let settled = scene.ear.now(|heard| heard.settled.clone());
    let mut told: BTreeMap<DeliveryKey, usize> = BTreeMap::new();
    for key in settled {
        *told.entry(key).or_default() += 1;
    }
    assert_eq!(told, expected);
    assert_eq!(scene.attempts_of_endpoint(Default::default(), newest(ALL)).await.rows.len(), 200);
}

pub async fn settlements_of_one_delivery_apply_in_their_order(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let event = scene.publish_at(sample::noon()).await;
    let endpoint = scene.endpoints[0];
    let steps = [sample::retry(&event), After::Unchanged, sample::retry(&event), sample::EXHAUSTED];
    for (number, after) in (1..).zip(steps) {
        let mut settlement = sample::settlement(&event, endpoint, after);
        settlement.attempt = settlement.attempt.map(|attempt| crate::log_entry::Attempt { number, ..attempt });
        scene.hand_over(settlement);
    }
    scene.settled().await;
    assert_eq!(scene.state(event.id, endpoint).await, Some(DeliveryState::Ended(Ended::Exhausted)));
    let numbers: Vec<u32> = scene.attempts_of_event(event.id).await.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

/// An attempt that was in flight when its delivery was ended for another reason, or was delivered already.
pub async fn a_delivery_that_is_over_keeps_its_state(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let endpoint = scene.endpoints[0];
    let late = |event: &std::sync::Arc<_>| {
        [After::Delivered, sample::retry(event), sample::EXHAUSTED]
            .map(|after| sample::settlement(event, endpoint, after))
    };
    let cancelled = scene.publish_at(sample::noon()).await;
    let ended = scene.store.end_waiting(endpoint, Ended::Cancelled, sample::noon(), Vec::new(), ALL).await;
    assert_eq!(ended.expect("the store ends"), 1);
    late(&cancelled).into_iter().for_each(|settlement| scene.hand_over(settlement));
    let delivered = scene.publish_at(sample::noon()).await;
    scene.attempt(&delivered, After::Delivered).await;
    late(&delivered).into_iter().for_each(|settlement| scene.hand_over(settlement));
    scene.settled().await;

    assert_eq!(scene.state(cancelled.id, endpoint).await, Some(DeliveryState::Ended(Ended::Cancelled)));
    assert_eq!(scene.state(delivered.id, endpoint).await, None);
    assert_eq!(scene.payload(cancelled.id).await, Payload::Kept(sample::PAYLOAD.into()));
    assert_eq!(scene.attempts_of_event(cancelled.id).await.len(), 3, "what happened is in the log");
    assert_eq!(scene.attempts_of_event(delivered.id).await.len(), 4, "what happened is in the log");
    let minute = sample::noon().as_minutes();
    let counts = scene.store.counts(endpoint, minute, minute + 1).await.expect("the store reads");
    assert_eq!(counts.iter().map(|count| (count.delivered, count.refused)).collect::<Vec<_>>(), [(3, 4)]);
    assert!(scene.live(endpoint).await.is_empty());
}

/// Oracle O6: conservation.
pub async fn accepted_is_delivered_and_live_and_ended(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let mut events = Vec::new();
    for number in 0..60_u64 {
        let [a, b, c] = scene.endpoints;
        let targets = vec![target(a), target(b), if number % 5 == 0 { skipped(c) } else { target(c) }];
        // Over three days.
        let now = sample::day(number / 20).saturating_add(sample::minutes(number));
        let event = scene.publish(NewEvent { targets, ..sample::event(scene.account, now) }).await;
        let after = [After::Delivered, sample::EXHAUSTED, sample::retry(&event), After::Unchanged];
        for (place, endpoint) in [a, b].into_iter().enumerate() {
            let choice = after[(usize::try_from(number).expect("small") + place) % after.len()];
            scene.hand_over(sample::settlement(&event, endpoint, choice));
        }
        events.push(event);
    }
    scene.settled().await;
    check_conservation(&scene, 180).await;
    let scene = scene.reopen(home).await;
    check_conservation(&scene, 180).await;
    for event in events {
        for endpoint in scene.endpoints {
            let settlement: Settlement = sample::unlogged(&event, endpoint, After::Delivered);
            scene.hand_over(settlement);
        }
    }
    scene.settled().await;
    check_conservation(&scene, 180).await;
    assert_eq!(scene.store.census().await.expect("the store reads").deliveries_live, 0);
}

async fn check_conservation(scene: &Scene, accepted: u64) {
    let (mut delivered, mut live, mut ended) = (0, 0, 0);
    let events = scene.event_ids().await;
    for event in &events {
        for destination in scene.store.destinations(scene.account, *event).await.expect("the event is there") {
            match destination.state {
                None => delivered += 1,
                Some(DeliveryState::Waiting | DeliveryState::Scheduled(_)) => live += 1,
                Some(DeliveryState::Ended(_)) => ended += 1,
            }
        }
    }
    assert_eq!(delivered + live + ended, accepted);
    let census = scene.store.census().await.expect("the store reads");
    assert_eq!((census.deliveries_live, census.deliveries_ended), (live, ended));
    assert_eq!(usize::try_from(census.events), Ok(events.len()));
    let mut listed = 0;
    for endpoint in scene.endpoints {
        listed += scene.live(endpoint).await.len();
        listed += scene.store.ended(endpoint, newest(ALL)).await.expect("the store reads").rows.len();
    }
    assert_eq!(u64::try_from(listed), Ok(live + ended), "everything not delivered is listed");
}
