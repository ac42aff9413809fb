//! A lane against a store of its own: whatever comes in whatever order, every delivery is made as often as it owes, in
//! order where that is asked for, and what is held is counted right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use ringup_core::breaker::{BreakerState, Verdict};
use ringup_core::delivery::DeliveryKey;
use ringup_core::event::KeepPayload;
use ringup_core::id::EventId;
use ringup_core::key::EndpointKey;
use ringup_core::settings::{Settings, SystemDefaults};

use super::*;

const START: Timestamp = Timestamp::from_secs(1_795_471_200);

fn settings(ordering: Ordering, in_flight_max: u32) -> EffectiveSettings {
    let own = Settings { ordering: Some(ordering), in_flight_max: Some(in_flight_max.max(1)), ..Settings::default() };
    EffectiveSettings::resolve(&SystemDefaults::default(), &own, None)
}

fn lane(ordering: Ordering) -> Lane {
    let breaker = BreakerPlan { troubles_to_open: 3, pause: Duration::from_secs(5), pause_max: Duration::from_secs(9) };
    Lane::new(AccountKey(1), Epoch::default(), breaker, &settings(ordering, 4), START)
}

fn new_entry(tick: u64, order_key: Option<u64>) -> Entry {
    let event = Arc::new(Event {
        id: EventId::of_tick(Tick(tick), [0; 12]),
        account: AccountKey(1),
        event_type: Arc::from("invoiceCreated"),
        payload: Bytes::from_static(b"{}"),
        keep_payload: KeepPayload::Whole,
    });
    let key = DeliveryKey { endpoint: EndpointKey(1), event: Tick(tick) };
    let state = DeliveryState::Waiting;
    Entry {
        event,
        delivery: Delivery { key, state, attempts_made: 0, trigger: Trigger::Policy, order_key },
        put_off: false,
    }
}

fn started(take: Take) -> Option<u64> {
    match take {
        Take::Start(entry) => Some(entry.tick().0),
        Take::Wait(_) | Take::Idle => None,
    }
}

#[test]
fn a_lane_put_back_during_a_read_reads_the_right_place_again() {
    let mut lane = lane(Ordering::None);
    for tick in 1..=3 {
        assert!(lane.offer(new_entry(tick, None), true));
    }
    lane.miss();
    assert_eq!(lane.wants_refill(), Some(Tick(3)));
    lane.put_back_ready();
    // The read began behind what was put back: taking it would pass that over for good.
    lane.refilled(Some(vec![new_entry(4, None)]), 256);
    assert_eq!(lane.wants_refill(), Some(Tick(0)));
    lane.refilled(Some((1..=4).map(|tick| new_entry(tick, None)).collect()), 256);
    let order: Vec<u64> = (0..4).filter_map(|_| started(lane.take(START))).collect();
    assert_eq!(order, [1, 2, 3, 4]);
}

#[test]
fn what_another_node_accepted_does_not_hide_what_this_one_accepted_before() {
    let mut lane = lane(Ordering::None);
    lane.find(new_entry(9, None), true);
    assert!(lane.offer(new_entry(5, None), true), "it was accepted before, and is told later");
    lane.find(new_entry(3, None), true);
    lane.find(new_entry(9, None), true);
    let order: Vec<u64> = (0..4).filter_map(|_| started(lane.take(START))).collect();
    assert_eq!(order, [3, 5, 9], "each once");
}

#[test]
fn an_ordered_lane_takes_what_others_accepted_from_the_store_alone() {
    let mut lane = lane(Ordering::Strict);
    lane.find(new_entry(9, None), true);
    assert_eq!(started(lane.take(START)), None, "older ones may be in the store");
    assert_eq!(lane.wants_refill(), Some(Tick(0)));
    lane.refilled(Some([5, 9].map(|tick| new_entry(tick, None)).into()), 256);
    lane.find(new_entry(5, None), true);
    assert_eq!(lane.wants_refill(), None, "the read had it");
    assert_eq!(started(lane.take(START)), Some(5));
}

#[test]
fn what_was_held_when_the_endpoint_stopped_does_not_come_back_with_a_late_read() {
    let mut lane = lane(Ordering::None);
    lane.miss();
    lane.wants_refill();
    lane.drop_held();
    lane.refilled(Some(vec![new_entry(1, None)]), 256);
    assert_eq!((lane.held(), lane.held_bytes()), (0, 0));
    assert_eq!(lane.wants_refill(), Some(Tick(0)), "the store is asked what is left");
}

#[test]
fn a_retry_that_is_forgotten_with_what_another_node_may_do_still_comes_before_what_follows_it() {
    let mut lane = lane(Ordering::Strict);
    lane.miss();
    lane.wants_refill();
    lane.refilled(Some([1, 2].map(|tick| new_entry(tick, None)).into()), 256);
    let Take::Start(mut retried) = lane.take(START) else { panic!("it may start") };
    lane.answered();
    retried.delivery.attempts_made = 1;
    retried.delivery.state = DeliveryState::Scheduled(START.saturating_add(Duration::from_secs(7)));
    lane.retry(retried.clone(), true);
    // The account was to be another node's, and then was not, before the retry was durable.
    lane.part();
    lane.read_again();
    assert_eq!(lane.wants_refill(), Some(Tick(0)));
    lane.refilled(Some([1, 2].map(|tick| new_entry(tick, None)).into()), 256);
    lane.settled(Tick(1));
    assert_eq!(started(lane.take(START)), None, "what the store has of the first one is not known");
    assert_eq!(lane.wants_refill(), Some(Tick(0)));
    lane.refilled(Some(vec![retried, new_entry(2, None)]), 256);
    assert_eq!(started(lane.take(START)), None, "the first one waits for its time");
    let order: Vec<u64> = [8, 8]
        .into_iter()
        .filter_map(|after| {
            let tick = started(lane.take(START.saturating_add(Duration::from_secs(after))))?;
            lane.answered();
            lane.settled(Tick(tick));
            Some(tick)
        })
        .collect();
    assert_eq!(order, [1, 2]);
}

#[test]
fn a_lane_that_went_to_another_node_is_over_once_no_read_of_it_is_to_come() {
    let mut lane = lane(Ordering::None);
    lane.miss();
    lane.wants_refill();
    lane.part();
    assert!(!lane.is_over(), "the read may be older than what the other node does");
    lane.refilled(Some(vec![new_entry(1, None)]), 256);
    assert_eq!(lane.held(), 0);
    assert!(lane.is_over());
}

#[test]
fn a_resend_that_meets_an_unsettled_attempt_is_looked_up_when_that_is_durable() {
    let mut lane = lane(Ordering::None);
    lane.offer(new_entry(1, None), true);
    assert_eq!(started(lane.take(START)), Some(1));
    lane.answered();
    assert!(!lane.bring(new_entry(1, None)));
    assert_eq!(lane.wants_refill(), None, "the store does not know yet");
    lane.settled(Tick(1));
    assert_eq!(lane.wants_refill(), Some(Tick(0)));
}

#[test]
fn a_retry_that_is_resent_keeps_count_of_its_attempts() {
    let mut lane = lane(Ordering::None);
    lane.offer(new_entry(1, None), true);
    let Take::Start(mut entry) = lane.take(START) else { panic!("it may start") };
    lane.answered();
    let stale = entry.clone();
    entry.delivery.attempts_made = 1;
    entry.delivery.state = DeliveryState::Scheduled(START.saturating_add(Duration::from_secs(7)));
    lane.retry(entry, true);
    lane.bring(stale);
    let Take::Start(again) = lane.take(START) else { panic!("it was asked for now") };
    assert_eq!(again.delivery.attempts_made, 1);
}

#[test]
fn a_rested_lane_costs_a_cursor() {
    let mut lane = lane(Ordering::None);
    for tick in 1..=1_000 {
        lane.offer(new_entry(tick, None), true);
    }
    lane.put_back_ready();
    assert_eq!((lane.held(), lane.held_bytes()), (0, 0));
    assert!(lane.has_more());
}

fn put_off(tick: u64, order_key: Option<u64>, secs: u64) -> Entry {
    let mut entry = new_entry(tick, order_key);
    entry.delivery.state = DeliveryState::Scheduled(START.saturating_add(Duration::from_secs(secs)));
    entry
}

#[test]
fn what_is_put_off_holds_up_nobody_and_comes_at_its_time() {
    for ordering in [Ordering::None, Ordering::Strict, Ordering::ByKey("/a".to_owned())] {
        let mut lane = lane(ordering.clone());
        assert!(lane.put_off(put_off(1, Some(1), 10)));
        assert!(lane.put_off(put_off(2, Some(2), 20)));
        lane.offer(new_entry(3, Some(1)), true);
        assert_eq!(started(lane.take(START)), Some(3), "{ordering:?}");
        lane.answered();
        lane.settled(Tick(3));
        let Take::Wait(until) = lane.take(START) else { panic!("it waits for the first") };
        assert_eq!(until, START.saturating_add(Duration::from_secs(10)));
        // At its time it goes before what was accepted after it and waits still.
        lane.offer(new_entry(4, Some(1)), true);
        let order: Vec<u64> = (0..2)
            .filter_map(|_| {
                let tick = started(lane.take(until))?;
                lane.answered();
                lane.settled(Tick(tick));
                Some(tick)
            })
            .collect();
        assert_eq!(order, [1, 4], "{ordering:?}");
        assert_eq!(lane.held(), 1);
        // Asked for by hand, its time is now.
        lane.bring(new_entry(2, Some(2)));
        assert_eq!(started(lane.take(until)), Some(2), "{ordering:?}");
        assert_eq!((lane.held(), lane.held_bytes()), (0, 0));
    }
}

#[test]
fn what_was_put_off_and_taken_back_is_not_sent() {
    let mut lane = lane(Ordering::Strict);
    lane.put_off(put_off(1, None, 10));
    lane.discard(Tick(1));
    assert_eq!((lane.held(), lane.held_bytes()), (0, 0));
    assert!(matches!(lane.take(START.saturating_add(Duration::from_secs(60))), Take::Idle));
}

#[test]
fn an_ordered_lane_reads_past_what_is_put_off() {
    let mut lane = lane(Ordering::Strict);
    lane.miss();
    lane.wants_refill();
    lane.refilled(Some(vec![put_off(1, None, 90_000), new_entry(2, None)]), 256);
    assert_eq!(started(lane.take(START)), Some(2));
    assert_eq!(lane.held(), 0, "the far one sleeps in the store");
    // A sweep brings it once it is near; twice is once.
    assert!(lane.bring(put_off(1, None, 10)));
    assert!(!lane.bring(put_off(1, None, 10)));
}

/// What happens to a lane, drawn at random.
#[derive(Clone, Debug)]
enum Step {
    /// A delivery is accepted; handed over, or missed.
    Accept {
        key: u64,
        handed: bool,
        room: bool,
    },
    /// As the conductor does after anything: reads on if the lane wants to.
    BeginRead,
    EndRead {
        fails: bool,
    },
    Start,
    /// The oldest call, or the newest, ends so.
    End {
        newest: bool,
        verdict: u8,
        room: bool,
    },
    /// The oldest outcome becomes durable.
    Settle,
    Wait {
        secs: u64,
    },
    /// The sweep brings what is due.
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let flag = any::<bool>;
    prop_oneof![
        4 => (0..4_u64, prop::bool::weighted(0.8), prop::bool::weighted(0.8))
            .prop_map(|(key, handed, room)| Step::Accept { key, handed, room }),
        3 => Just(Step::BeginRead),
        3 => prop::bool::weighted(0.1).prop_map(|fails| Step::EndRead { fails }),
        6 => Just(Step::Start),
        5 => (flag(), 0..4_u8, flag()).prop_map(|(newest, verdict, room)| Step::End { newest, verdict, room }),
        5 => Just(Step::Settle),
        1 => (1..20_u64).prop_map(|secs| Step::Wait { secs }),
        1 => Just(Step::Sweep),
    ]
}

/// The conductor and the store, as far as a lane needs them.
struct Bench {
    lane: Lane,
    ordering: Ordering,
    now: Timestamp,
    last: u64,
    /// Live rows.
    rows: BTreeMap<u64, Delivery>,
    /// A read under way: where it began, and what it saw.
    read: Option<Vec<Entry>>,
    calls: Vec<(Entry, ringup_core::breaker::Pass)>,
    /// Outcomes on their way: the row's new state, none for delivered.
    outcomes: Vec<(u64, Option<Delivery>)>,
    begun: Vec<(u64, Option<u64>)>,
    delivered: BTreeSet<u64>,
}

impl Bench {
    fn new(ordering: Ordering) -> Bench {
        Bench {
            lane: lane(ordering.clone()),
            ordering,
            now: START,
            last: 0,
            rows: BTreeMap::new(),
            read: None,
            calls: Vec::new(),
            outcomes: Vec::new(),
            begun: Vec::new(),
            delivered: BTreeSet::new(),
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Accept { key, handed, room } => self.accept(key, handed, room),
            Step::BeginRead => self.begin_read(),
            Step::EndRead { fails } => {
                if let Some(rows) = self.read.take() {
                    self.lane.refilled((!fails).then_some(rows), READ_ROWS);
                }
            }
            Step::Start => self.start(),
            Step::End { newest, verdict, room } => self.end(newest, verdict, room),
            Step::Settle => self.settle(),
            Step::Wait { secs } => self.now = self.now.saturating_add(Duration::from_secs(secs)),
            Step::Sweep => self.sweep(),
        }
    }

    fn accept(&mut self, key: u64, handed: bool, room: bool) {
        self.last += 1;
        let order_key = matches!(self.ordering, Ordering::ByKey(_)).then_some(key);
        let entry = new_entry(self.last, order_key);
        self.rows.insert(self.last, entry.delivery);
        if handed {
            self.lane.offer(entry, room);
        } else {
            self.lane.miss();
        }
    }

    fn begin_read(&mut self) {
        let Some(after) = self.lane.wants_refill() else { return };
        let scheduled_too = self.lane.is_ordered();
        let rows = self.rows.range(after.0 + 1..).map(|(_, row)| *row);
        let rows = rows.filter(|row| scheduled_too || row.state == DeliveryState::Waiting);
        self.read = Some(rows.take(READ_ROWS).map(with_event).collect());
    }

    fn start(&mut self) {
        if let Take::Start(entry) = self.lane.take(self.now) {
            self.begun.push((entry.tick().0, entry.delivery.order_key));
            let pass = self.lane.breaker.on_start(self.now);
            self.calls.push((entry, pass));
        }
    }

    fn end(&mut self, newest: bool, verdict: u8, room: bool) {
        if self.calls.is_empty() {
            return;
        }
        let at = if newest { self.calls.len() - 1 } else { 0 };
        let (mut entry, pass) = self.calls.remove(at);
        let well = verdict > 0;
        let found = if well { Verdict::Well } else { Verdict::Trouble };
        self.lane.answered();
        self.lane.breaker.on_outcome(pass, found, Duration::ZERO, 0.5, self.now);
        if self.lane.breaker.state() == BreakerState::Open {
            self.lane.put_back_ready();
        }
        if well {
            self.outcomes.push((entry.tick().0, None));
            return;
        }
        entry.delivery.attempts_made += 1;
        entry.delivery.state = DeliveryState::Scheduled(self.now.saturating_add(Duration::from_secs(3)));
        self.outcomes.push((entry.tick().0, Some(entry.delivery)));
        self.lane.retry(entry, room);
    }

    fn settle(&mut self) {
        if self.outcomes.is_empty() {
            return;
        }
        let (tick, row) = self.outcomes.remove(0);
        match row {
            Some(row) => {
                self.rows.insert(tick, row);
            }
            None => {
                self.rows.remove(&tick);
                assert!(self.delivered.insert(tick), "{tick} was delivered twice");
            }
        }
        self.lane.settled(Tick(tick));
    }

    fn sweep(&mut self) {
        let due: Vec<Entry> =
            self.rows.values().filter(|row| row.state != DeliveryState::Waiting).map(|row| with_event(*row)).collect();
        for entry in due {
            self.lane.bring(entry);
        }
    }

    /// Lets everything happen that can, until nothing is left. Panics if something is forgotten.
    fn drain(&mut self) {
        for _ in 0..20_000 {
            if self.rows.is_empty() && self.calls.is_empty() && self.outcomes.is_empty() && self.read.is_none() {
                return;
            }
            self.now = self.now.saturating_add(Duration::from_secs(1));
            for step in [
                Step::BeginRead,
                Step::EndRead { fails: false },
                Step::Sweep,
                Step::Start,
                Step::End { newest: false, verdict: 1, room: true },
                Step::Settle,
            ] {
                self.run(step);
            }
        }
        panic!("forgotten: {:?}", self.rows.keys().collect::<Vec<_>>());
    }
}

/// Small, so that reads often end before the store does.
const READ_ROWS: usize = 5;

fn with_event(row: Delivery) -> Entry {
    Entry { delivery: row, ..new_entry(row.key.event.0, row.order_key) }
}

fn check(ordering: Ordering, steps: Vec<Step>) {
    let mut bench = Bench::new(ordering.clone());
    for step in steps {
        bench.run(step);
        let held = bench.lane.held();
        assert_eq!(
            bench.lane.held_bytes() == 0,
            held == 0 && bench.lane.refill.as_ref().is_none_or(|r| r.late.is_empty())
        );
    }
    bench.drain();
    assert_eq!(bench.delivered.len() as u64, bench.last, "each is delivered once");
    assert_eq!((bench.lane.held(), bench.lane.held_bytes(), bench.lane.calling()), (0, 0, 0));
    assert!(bench.lane.busy_keys.is_empty(), "no ordering key stays taken");
    let mut last: BTreeMap<Option<u64>, u64> = BTreeMap::new();
    for (tick, key) in bench.begun {
        let before = last.insert(key, tick);
        let ordered = ordering != Ordering::None;
        assert!(!ordered || before.is_none_or(|before| before <= tick), "{tick} after {before:?} of {key:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_forgotten_without_order(steps in prop::collection::vec(step(), 1..300)) {
        check(Ordering::None, steps);
    }

    #[test]
    fn nothing_is_forgotten_or_overtaken_in_strict_order(steps in prop::collection::vec(step(), 1..300)) {
        check(Ordering::Strict, steps);
    }

    #[test]
    fn nothing_is_forgotten_or_overtaken_by_key(steps in prop::collection::vec(step(), 1..300)) {
        check(Ordering::ByKey("/ID".to_owned()), steps);
    }
}
