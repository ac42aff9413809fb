//! Counters: per endpoint and minute, whatever the log keeps.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::delivery::After;
use ringup_core::event::Event;
use ringup_core::key::EndpointKey;

use super::scene::Scene;
use super::{Home, sample};
use crate::log_entry::{Count, OutcomeWord};
use crate::query::MinuteCount;
use crate::seam::Settlement;

pub async fn every_outcome_has_its_counter(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let event = scene.publish_at(sample::noon()).await;
    let minute = sample::noon().as_minutes();
    // One of the first, two of the second, and so on; every second one gave up.
    let outcomes = OutcomeWord::ALL.into_iter().filter(|outcome| *outcome != OutcomeWord::Interrupted);
    for (times, outcome) in (1_u64..).zip(outcomes) {
        for number in 0..times {
            let count = Count { minute, outcome, duration: Duration::from_millis(times), gave_up: number % 2 == 1 };
            scene.hand_over(counted(&event, scene.endpoints[0], count));
        }
    }
    scene.settled().await;
    let expected = MinuteCount {
        minute,
        delivered: 1,
        refused: 2,
        timed_out: 3,
        unreachable: 4,
        blocked: 5,
        gave_up: 1 + 1 + 2 + 2,
        duration_ms: 1 + 4 + 9 + 16 + 25,
    };
    assert_eq!(counts(&scene, scene.endpoints[0], minute, minute + 1).await, [expected]);
    assert_eq!(counts(&scene, scene.endpoints[1], minute, minute + 1).await, []);
}

pub async fn counters_need_no_log(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let minute = sample::noon().as_minutes();
    for _ in 0..5 {
        let event = scene.publish_at(sample::noon()).await;
        scene.record(sample::unlogged(&event, scene.endpoints[0], sample::retry(&event))).await;
        scene.record(sample::unlogged(&event, scene.endpoints[0], After::Delivered)).await;
        assert_eq!(scene.attempts_of_event(event.id).await, []);
    }
    let scene = scene.reopen(home).await;
    let found = counts(&scene, scene.endpoints[0], minute, minute + 1).await;
    assert_eq!(found, [MinuteCount { minute, delivered: 5, refused: 5, duration_ms: 400, ..MinuteCount::default() }]);
}

pub async fn counters_add_up_across_the_days_of_their_events(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let endpoint = scene.endpoints[0];
    let late = sample::day(2).as_minutes();
    for number in 0..3 {
        let event = scene.publish_at(sample::day(number)).await;
        // All in the same minute, and one each in others.
        for minute in [late, late + 5, late - i64::try_from(number).expect("small") - 1] {
            let duration = Duration::from_millis(10);
            let count = Count { minute, outcome: OutcomeWord::Refused, duration, gave_up: false };
            scene.hand_over(counted(&event, endpoint, count));
        }
    }
    scene.settled().await;
    let scene = scene.reopen(home).await;
    let one = |minute, refused| MinuteCount { minute, refused, duration_ms: 10 * refused, ..MinuteCount::default() };
    let all = [one(late - 3, 1), one(late - 2, 1), one(late - 1, 1), one(late, 3), one(late + 5, 3)];
    assert_eq!(counts(&scene, endpoint, 0, i64::MAX).await, all);
    assert_eq!(counts(&scene, endpoint, late - 2, late).await, all[1..3], "the first minute is in, the last is not");
    assert_eq!(counts(&scene, endpoint, late, late).await, []);
}

pub async fn an_attempt_that_does_not_count_is_not_counted(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let event = scene.publish_at(sample::noon()).await;
    let interrupted = sample::settlement(&event, scene.endpoints[0], After::Unchanged);
    assert_eq!(interrupted.count, None);
    scene.record(interrupted).await;
    assert_eq!(counts(&scene, scene.endpoints[0], 0, i64::MAX).await, []);
    assert_eq!(scene.attempts_of_event(event.id).await.len(), 1);
}

fn counted(event: &Arc<Event>, endpoint: EndpointKey, count: Count) -> Settlement {
    Settlement { count: Some(count), ..sample::unlogged(event, endpoint, After::Unchanged) }
}

async fn counts(scene: &Scene, endpoint: EndpointKey, from: i64, until: i64) -> Vec<MinuteCount> {
    scene.store.counts(endpoint, from, until).await.expect("the store reads")
}
