//! An account's events as one of its endpoints sees them.

use ringup_core::delivery::{After, DeliveryState, Ended};
use ringup_core::id::EventId;
use ringup_core::task::Standing;
use ringup_core::time::Timestamp;

use super::scene::{Scene, newest, oldest, skipped};
use super::{Home, sample};
use crate::log_entry::{Attempt, AttemptResult, OutcomeWord};
use crate::query::{
    EndpointEvent, EndpointEventFilter, EventFilter, PageRequest, Reach, SCAN_EVENTS_MAX, Scan, StandingCounts,
};
use crate::seam::{NewEvent, Settlement};

pub async fn events_by_whether_they_went_there(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let [a, b, _] = scene.endpoints;
    let both = scene.publish(scene.new_event(sample::noon(), &[a, b])).await;
    let elsewhere = scene.publish(scene.new_event(sample::day(1), &[b])).await;
    let nobody = scene.publish(NewEvent { event_type: "stockChanged".into(), ..scene.new_event(sample::day(2), &[]) });
    let nobody = nobody.await;
    let found = scan(&scene, filter(Reach::Sent), newest(10)).await;
    let [row] = found.rows.as_slice() else { panic!("one event went there, got {found:?}") };
    assert_eq!((row.event.id, row.state), (both.id, Some(DeliveryState::Waiting)));
    assert_eq!(row.event, scene.event(both.id).await, "with all that is known of it");
    assert_eq!(ids(&scan(&scene, filter(Reach::Missing), newest(10)).await), [nobody.id, elsewhere.id]);
    let types = EventFilter { event_types: Some(vec!["stockChanged".to_owned()]), ..EventFilter::default() };
    let narrowed = EndpointEventFilter { events: types, ..filter(Reach::Missing) };
    assert_eq!(ids(&scan(&scene, narrowed, oldest(10)).await), [nobody.id]);
    let times = EventFilter { before: Some(sample::day(2)), after: Some(sample::noon()), ..EventFilter::default() };
    let narrowed = EndpointEventFilter { events: times, ..filter(Reach::Missing) };
    assert_eq!(ids(&scan(&scene, narrowed, oldest(10)).await), [elsewhere.id]);
    let foreign = scene.store.events_of_endpoint(scene.other, a, filter(Reach::Sent), newest(10)).await;
    assert!(foreign.expect("the store reads").rows.is_empty());
}

pub async fn events_by_where_they_stand(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let a = scene.endpoints[0];
    let waiting = scene.publish_at(sample::noon()).await;
    let scheduled = scene.publish_at(sample::noon()).await;
    let due_at = sample::day(1);
    scene.attempt(&scheduled, After::Retry { due_at, attempts_made: 1 }).await;
    let delivered = scene.publish_at(sample::noon()).await;
    scene.attempt(&delivered, After::Delivered).await;
    let exhausted = scene.publish_at(sample::noon()).await;
    scene.attempt(&exhausted, sample::EXHAUSTED).await;
    let left_out = scene.publish(NewEvent { targets: vec![skipped(a)], ..scene.new_event(sample::noon(), &[]) }).await;
    for (standing, expected) in [
        (
            Standing::Live,
            vec![(waiting.id, Some(DeliveryState::Waiting)), (scheduled.id, Some(DeliveryState::Scheduled(due_at)))],
        ),
        (Standing::Delivered, vec![(delivered.id, None)]),
        (Standing::Failed, vec![(exhausted.id, Some(DeliveryState::Ended(Ended::Exhausted)))]),
        (Standing::LeftOut, vec![(left_out.id, Some(DeliveryState::Ended(Ended::Skipped)))]),
    ] {
        let narrowed = EndpointEventFilter { standings: Some(vec![standing]), ..filter(Reach::Sent) };
        let found = scan(&scene, narrowed, oldest(10)).await;
        let states: Vec<_> = found.rows.iter().map(|row| (row.event.id, row.state)).collect();
        assert_eq!(states, expected, "{standing}");
    }
}

pub async fn events_by_the_newest_status(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let b = scene.endpoints[1];
    let event = scene.publish(scene.new_event(sample::noon(), &scene.endpoints[..2])).await;
    let untried = scene.publish_at(sample::noon()).await;
    let with_status = |endpoint, status: Option<u16>| {
        let settlement = sample::settlement(&event, endpoint, sample::retry(&event));
        let result = AttemptResult { outcome: OutcomeWord::Refused, status, detail: None };
        let attempt = settlement.attempt.clone().map(|attempt| Attempt { result, ..attempt });
        Settlement { attempt, ..settlement }
    };
    let of_class = async |class| {
        let narrowed = EndpointEventFilter { status_class: Some(class), ..filter(Reach::Sent) };
        ids(&scan(&scene, narrowed, oldest(10)).await)
    };
    scene.record(with_status(scene.endpoints[0], Some(503))).await;
    scene.record(with_status(b, Some(404))).await;
    assert_eq!(
        (of_class(5).await, of_class(4).await),
        (vec![event.id], Vec::new()),
        "another endpoint's does not count"
    );
    scene.record(with_status(scene.endpoints[0], None)).await;
    assert_eq!((of_class(5).await, of_class(0).await), (Vec::new(), vec![event.id]), "the newest counts");
    assert_eq!(ids(&scan(&scene, filter(Reach::Sent), oldest(10)).await), [event.id, untried.id]);
}

pub async fn a_scan_goes_on_where_it_stopped(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let [a, b, _] = scene.endpoints;
    // Longer than one scan, with what is looked for at both ends.
    let mut new: Vec<NewEvent> = Vec::new();
    for number in 0..SCAN_EVENTS_MAX + 10 {
        let endpoint = if number == 3 || number == SCAN_EVENTS_MAX + 5 { a } else { b };
        new.push(scene.new_event(sample::noon(), &[endpoint]));
    }
    for batch in new.chunks(500) {
        scene.accept(batch.to_vec()).await;
    }
    for order in [oldest(100).order, newest(100).order] {
        let (mut found, mut scans, mut after) = (Vec::new(), 0, None);
        loop {
            let page = PageRequest { rows_max: 100, after, order };
            let part = scan(&scene, filter(Reach::Sent), page).await;
            found.extend(ids(&part));
            scans += 1;
            after = part.reached;
            if part.done {
                break;
            }
        }
        assert_eq!((found.len(), scans), (2, 2), "{order:?}");
    }
    let first = scan(&scene, filter(Reach::Missing), oldest(7)).await;
    assert_eq!((first.rows.len(), first.done), (7, false));
    assert_eq!(first.reached, first.rows.last().map(|row| row.event.id.tick()));
}

pub async fn standings_are_counted_in_their_time(home: &dyn Home) {
    let scene = Scene::open(home).await;
    let a = scene.endpoints[0];
    for day in 0..3 {
        scene.publish_at(sample::day(day)).await;
        let event = scene.publish_at(sample::day(day)).await;
        scene.attempt(&event, sample::EXHAUSTED).await;
        let event = scene.publish_at(sample::day(day)).await;
        scene.attempt(&event, After::Delivered).await;
        scene.publish(NewEvent { targets: vec![skipped(a)], ..scene.new_event(sample::day(day), &[]) }).await;
    }
    let count = async |since, until| scene.store.standings(a, since, until).await.expect("the store counts");
    let of = |count| StandingCounts { live: count, failed: count, left_out: count };
    assert_eq!(count(Timestamp::default(), sample::day(9)).await, of(3));
    assert_eq!(count(sample::day(1), sample::day(2)).await, of(1), "the first moment counts, the last does not");
    assert_eq!(count(sample::day(2), sample::day(1)).await, of(0));
    let other = scene.store.standings(scene.endpoints[1], Timestamp::default(), sample::day(9)).await;
    assert_eq!(other.expect("the store counts"), of(0));
}

fn filter(reach: Reach) -> EndpointEventFilter {
    EndpointEventFilter { events: EventFilter::default(), reach, standings: None, status_class: None }
}

fn ids(scan: &Scan<EndpointEvent>) -> Vec<EventId> {
    scan.rows.iter().map(|row| row.event.id).collect()
}

/// As the account's first endpoint sees them.
async fn scan(scene: &Scene, filter: EndpointEventFilter, page: PageRequest) -> Scan<EndpointEvent> {
    let found = scene.store.events_of_endpoint(scene.account, scene.endpoints[0], filter, page).await;
    found.expect("the store reads")
}
