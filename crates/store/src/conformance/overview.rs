//! Everything at once, as operators ask.

use std::time::Duration;

use ringup_core::delivery::After;
use ringup_core::shard::Shard;
use ringup_core::time::Timestamp;

use super::scene::Scene;
use super::{Home, sample};
use crate::log_entry::{Count, OutcomeWord};
use crate::overview::LaneBacklog;
use crate::query::MinuteCount;
use crate::seam::Settlement;

pub async fn each_shard_is_told_where_there_are_several(home: &dyn Home) {
    let store = home.open().await;
    let nodes = store.nodes().await.expect("the store reads");
    assert_eq!(nodes.is_some(), store.is_shared());
    let Some(nodes) = nodes else { return };
    assert!(nodes.shards.iter().map(|owned| owned.shard).eq(Shard::all()), "{nodes:?}");
    let me = nodes.nodes.iter().find(|node| node.name == nodes.me).expect("it knows itself");
    assert!(me.is_alive && me.unheard < nodes.lease, "{me:?}");
    store.close().await.expect("it closes");
}

pub async fn counters_of_all_endpoints_are_summed(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let (today, tomorrow) = (scene.publish_at(sample::noon()).await, scene.publish_at(sample::day(1)).await);
    let minute = sample::day(2).as_minutes();
    let [a, b, c] = scene.endpoints;
    for (event, endpoint, minute, outcome) in [
        (&today, a, minute, OutcomeWord::Delivered),
        (&tomorrow, a, minute, OutcomeWord::Refused),
        (&today, b, minute, OutcomeWord::TimedOut),
        (&today, a, minute + 1, OutcomeWord::Delivered),
        (&today, c, minute + 2, OutcomeWord::Delivered),
        (&today, b, minute - 1, OutcomeWord::Blocked),
    ] {
        let count = Some(Count { minute, outcome, duration: Duration::from_millis(5), gave_up: false });
        scene.hand_over(Settlement { count, ..sample::unlogged(event, endpoint, After::Unchanged) });
    }
    scene.settled().await;
    let scene = scene.reopen(home).await;
    let tally = scene.store.tally(minute, minute + 2).await.expect("the store reads");
    let none = MinuteCount::default;
    let sums = [
        MinuteCount { minute, delivered: 1, refused: 1, timed_out: 1, duration_ms: 15, ..none() },
        MinuteCount { minute: minute + 1, delivered: 1, duration_ms: 5, ..none() },
    ];
    assert_eq!(tally.minutes, sums);
    let of_a = MinuteCount { minute: minute + 1, delivered: 2, refused: 1, duration_ms: 15, ..none() };
    let of_b = MinuteCount { minute, timed_out: 1, duration_ms: 5, ..none() };
    assert_eq!(tally.endpoints, [(a, of_a), (b, of_b)]);
    assert_eq!(scene.store.tally(minute + 9, minute + 10).await.expect("the store reads"), Default::default());
}

pub async fn a_backlog_is_counted_by_endpoint_and_time(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let [a, b, _] = scene.endpoints;
    let now = sample::day(2);
    let mut events = Vec::new();
    for day in 0..3 {
        events.push(scene.publish(scene.new_event(sample::day(day), &[a, b])).await);
    }
    // Those of `b` are retries: one overdue, one in ten minutes, one too far ahead.
    for (event, due_at) in events.iter().zip([
        now.saturating_sub(Duration::from_hours(5)),
        now.saturating_add(Duration::from_secs(10 * 60 + 59)),
        now.saturating_add(Duration::from_hours(1)),
    ]) {
        scene.record(sample::settlement(event, b, After::Retry { due_at, attempts_made: 1 })).await;
    }
    let backlog = scene.store.backlog(now, 100).await.expect("the store reads");
    let oldest = events[0].accepted_at();
    let lane = |endpoint, waiting, is_whole| LaneBacklog { endpoint, waiting, is_whole, oldest };
    assert_eq!(backlog.lanes, [lane(a, 3, true), lane(b, 3, true)]);
    let due: Vec<(usize, u64)> = backlog.due.iter().copied().enumerate().filter(|(_, count)| *count > 0).collect();
    assert_eq!((due, backlog.due_is_whole), (vec![(0, 1), (10, 1)], true));

    // Bounded: what was not counted is at least told.
    let bounded = scene.store.backlog(now, 1).await.expect("the store reads");
    assert!(bounded.lanes.iter().all(|lane| lane.waiting >= 1 && lane.waiting <= 3 && !lane.is_whole), "{bounded:?}");
    assert_eq!((bounded.due.iter().sum::<u64>(), bounded.due_is_whole), (1, false));
    assert_eq!(scene.store.backlog(Timestamp::default(), 0).await.expect("the store reads").lanes.len(), 2);
}
