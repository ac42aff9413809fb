//! The log of an account: many endpoints as one list, searched within a bound.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringup_core::delivery::{After, Ended};
use ringup_core::event::Event;
use ringup_core::key::EndpointKey;
use ringup_core::search::{Called, Search};
use ringup_core::time::{Tick, Timestamp};

use super::scene::{ALL, Scene};
use super::{Home, sample};
use crate::log_entry::{Attempt, AttemptResult, OutcomeWord};
use crate::log_query::{LOOKED_AT_MAX, LogQuery, LogRow, LogScan};
use crate::query::{Order, PageRequest};
use crate::seam::{NewEvent, Settlement};

const BUSY: AttemptResult = AttemptResult { outcome: OutcomeWord::Refused, status: Some(503), detail: None };

/// Attempts are numbered as they were handed over, over events of four days and all endpoints in turn.
async fn many(scene: &Scene, count: u32) -> Vec<Arc<Event>> {
    let mut events = Vec::new();
    for number in 0..4 {
        let new = scene.new_event(sample::day(number), &scene.endpoints);
        events.push(scene.publish(new).await);
    }
    for number in 0..count {
        let event = &events[usize::try_from(number * 7 % 4).expect("small")];
        let endpoint = scene.endpoints[usize::try_from(number % 3).expect("small")];
        let result = if number % 5 == 0 { BUSY } else { sample::DELIVERED };
        hand_over(scene, event, endpoint, number, result, After::Unchanged);
    }
    scene.settled().await;
    events
}

fn hand_over(
    scene: &Scene,
    event: &Arc<Event>,
    endpoint: EndpointKey,
    number: u32,
    result: AttemptResult,
    after: After,
) {
    let at = moment(number);
    let attempt = Attempt { number, ..sample::attempt(result, at) };
    let settlement = sample::unlogged(event, endpoint, after);
    scene.hand_over(Settlement {
        attempt: Some(attempt),
        ended_at: at.saturating_add(Duration::from_millis(1)),
        ..settlement
    });
}

/// When the attempt of a number began.
fn moment(number: u32) -> Timestamp {
    sample::day(4).saturating_add(Duration::from_secs(number.into()))
}

fn query(scene: &Scene, text: &str) -> LogQuery {
    let called = |(key, name): (&EndpointKey, &str)| Called { key: *key, names: vec![name.to_owned()] };
    let called: Vec<Called> = scene.endpoints.iter().zip(["erp", "shop", "till"]).map(called).collect();
    let search = Search::parse(text).expect("it reads").bind(sample::day(5), &called);
    LogQuery {
        endpoints: scene.endpoints.into(),
        search: Arc::new(search),
        newest_only: false,
        looked_at_max: LOOKED_AT_MAX,
    }
}

async fn look(scene: &Scene, query: &LogQuery, order: Order, after: Option<Tick>, rows_max: usize) -> LogScan {
    let page = PageRequest { rows_max, after, order };
    scene.store.log(scene.account, query.clone(), page).await.expect("the store reads")
}

/// Everything, look by look; checks that each keeps to its bounds.
async fn all(scene: &Scene, query: &LogQuery, order: Order, rows_max: usize) -> Vec<LogRow> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let scan = look(scene, query, order, after, rows_max).await;
        assert!(scan.rows.len() <= rows_max && scan.looked_at <= query.looked_at_max);
        assert!(scan.done || scan.rows.len() == rows_max || scan.looked_at == query.looked_at_max);
        rows.extend(scan.rows);
        after = scan.reached.or(after);
        if scan.done {
            return rows;
        }
    }
}

fn numbers(rows: &[LogRow]) -> Vec<u32> {
    rows.iter().map(|row| row.attempt.number).collect()
}

pub async fn attempts_of_all_endpoints_are_one_list(home: &dyn Home) {
    let scene = Scene::open(home).await;
    many(&scene, 60).await;
    let stranger =
        scene.publish(NewEvent { account: scene.other, ..scene.new_event(sample::day(3), &[scene.other_endpoint]) });
    let stranger = stranger.await;
    hand_over(&scene, &stranger, scene.other_endpoint, 99, BUSY, After::Unchanged);
    scene.settled().await;
    let scene = scene.reopen(home).await;
    let everything: Vec<u32> = (0..60).collect();
    for rows_max in [1, 7, ALL] {
        for looked_at_max in [3, LOOKED_AT_MAX] {
            let query = LogQuery { looked_at_max, ..query(&scene, "") };
            assert_eq!(numbers(&all(&scene, &query, Order::OldestFirst, rows_max).await), everything);
            let mut newest_first = numbers(&all(&scene, &query, Order::NewestFirst, rows_max).await);
            newest_first.reverse();
            assert_eq!(newest_first, everything);
        }
    }
    assert_eq!(scene.store.log_length(scene.endpoints.into()).await.expect("the store counts"), 60);
    let two: Arc<[EndpointKey]> = Arc::from(&scene.endpoints[1..]);
    let of_two = LogQuery { endpoints: two.clone(), ..query(&scene, "") };
    let expected: Vec<u32> = (0..60).filter(|number| number % 3 != 0).collect();
    assert_eq!(numbers(&all(&scene, &of_two, Order::OldestFirst, ALL).await), expected);
    assert_eq!(scene.store.log_length(two).await.expect("the store counts"), 40);
    // Not even by its endpoint's key.
    let others = LogQuery { endpoints: [scene.other_endpoint].into(), ..query(&scene, "") };
    assert_eq!(all(&scene, &others, Order::OldestFirst, ALL).await, []);
}

pub async fn the_log_is_searched(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let events = many(&scene, 30).await;
    let other_type = NewEvent {
        event_type: Arc::from("stockChanged"),
        channels: vec!["kemang".to_owned()],
        uid: Some("S-7".to_owned()),
        payload: Bytes::from_static(br#"{"Total": 100000.01, "Note": "two shirts"}"#),
        ..scene.new_event(sample::day(3), &scene.endpoints[..1])
    };
    let stock = scene.publish(other_type).await;
    hand_over(&scene, &stock, scene.endpoints[0], 30, BUSY, After::Ended(Ended::NotRepeated));
    let due_at = sample::day(9);
    hand_over(&scene, &events[3], scene.endpoints[1], 31, BUSY, After::Retry { due_at, attempts_made: 1 });
    scene.settled().await;
    let by = |wanted: fn(&u32) -> bool| (0..32).filter(wanted).collect::<Vec<u32>>();
    let is_busy = |number: &u32| number.is_multiple_of(5) || *number == 31;
    let cases: [(&str, Vec<u32>); 17] = [
        ("status:delivered", by(|number| number % 5 != 0 && *number < 30)),
        ("status:error", by(is_busy)),
        ("code:503", by(is_busy)),
        ("code:2xx", by(|number| number % 5 != 0 && *number < 30)),
        ("status:failed", vec![30]),
        ("event:stock*", vec![30]),
        ("-event:stock* status:error url:erp", vec![0, 15]),
        ("url:nobody", vec![]),
        ("channel:kemang", vec![30]),
        ("id:S-7", vec![30]),
        ("data.Total:>100000", vec![30]),
        ("data.Total:100000.01 status:failed", vec![30]),
        ("shirts", vec![30]),
        ("try:10..12", vec![10, 11, 12]),
        ("after:2026-11-27T12:00:09 before:2026-11-27T12:00:12", vec![10, 11]),
        ("took:<1us", vec![]),
        ("try:5 or try:31", vec![5, 31]),
    ];
    for (text, expected) in cases {
        let mut found = numbers(&all(&scene, &query(&scene, text), Order::NewestFirst, 4).await);
        found.reverse();
        assert_eq!(found, expected, "{text}");
    }
    let since = |number, until| {
        let utc = |number| ringup_core::search::utc(moment(number));
        format!("after:{} before:{}", utc(number), utc(until))
    };
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let mut found = numbers(&all(&scene, &query(&scene, &since(9, 12)), order, ALL).await);
        found.sort_unstable();
        assert_eq!(found, [10, 11], "both ends left out");
    }
    let rows = all(&scene, &query(&scene, "status:failed"), Order::NewestFirst, ALL).await;
    assert_eq!((&*rows[0].event_type, rows[0].state.is_some()), ("stockChanged", true));
    assert_eq!(rows[0].attempt.event, stock.id);
    assert!(rows[0].attempt.response_body.is_empty());
}

pub async fn only_the_newest_attempt_of_a_delivery(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let event = scene.publish(scene.new_event(sample::day(3), &scene.endpoints)).await;
    for (number, endpoint, result) in
        [(0, 0, BUSY), (1, 1, BUSY), (2, 0, BUSY), (3, 0, sample::DELIVERED), (4, 1, BUSY)]
    {
        hand_over(&scene, &event, scene.endpoints[endpoint], number, result, After::Unchanged);
    }
    scene.settled().await;
    let newest = |text| LogQuery { newest_only: true, ..query(&scene, text) };
    assert_eq!(numbers(&all(&scene, &newest(""), Order::OldestFirst, ALL).await), [3, 4]);
    assert_eq!(numbers(&all(&scene, &newest("code:503"), Order::OldestFirst, ALL).await), [4]);
}

pub async fn whoever_goes_on_from_the_horizon_misses_nothing(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let events = many(&scene, 10).await;
    let everything = query(&scene, "");
    let first = look(&scene, &everything, Order::NewestFirst, None, 3).await;
    assert_eq!(numbers(&first.rows), [9, 8, 7]);
    assert_eq!(first.horizon, first.rows[0].attempt.id.tick());
    let mut seen = Vec::new();
    let mut cursor = first.horizon;
    for number in 10..40 {
        // One group may touch several days.
        hand_over(&scene, &events[0], scene.endpoints[0], number * 2, BUSY, After::Unchanged);
        hand_over(&scene, &events[2], scene.endpoints[1], number * 2 + 1, BUSY, After::Unchanged);
        let scan = look(&scene, &everything, Order::OldestFirst, Some(cursor), ALL).await;
        assert!(scan.horizon >= cursor);
        seen.extend(numbers(&scan.rows));
        cursor = if scan.done { scan.horizon } else { scan.reached.unwrap_or(cursor) };
    }
    scene.settled().await;
    seen.extend(numbers(&look(&scene, &everything, Order::OldestFirst, Some(cursor), ALL).await.rows));
    assert_eq!(seen, (20..80).collect::<Vec<u32>>());
    let scene = scene.reopen(home).await;
    let again = look(&scene, &everything, Order::OldestFirst, Some(first.horizon), ALL).await;
    assert_eq!(numbers(&again.rows), seen, "and the same after a restart");
    assert_eq!(again.horizon, again.rows.last().expect("there are some").attempt.id.tick());
}

pub async fn counters_of_many_are_those_of_each(home: &dyn Home) {
    let scene = Scene::open(home).await;
    for number in 0..6 {
        let event = scene.publish(scene.new_event(sample::day(number), &scene.endpoints)).await;
        for endpoint in &scene.endpoints[..2] {
            scene.record(sample::settlement(&event, *endpoint, After::Delivered)).await;
        }
    }
    let (from, until) = (sample::day(0).as_minutes(), sample::day(9).as_minutes());
    let together = scene.store.counts_of(scene.endpoints.into(), from, until).await.expect("the store counts");
    let mut expected = Vec::new();
    for endpoint in scene.endpoints {
        let own = scene.store.counts(endpoint, from, until).await.expect("the store counts");
        expected.extend((!own.is_empty()).then_some((endpoint, own)));
    }
    assert_eq!(together, expected);
    assert_eq!(expected.len(), 2);
}
