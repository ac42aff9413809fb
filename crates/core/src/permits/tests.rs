use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const MAX: u32 = 64;

/// A receiver that serves `workers` at once, each taking `service`; the rest queues there.
struct Receiver {
    service: Duration,
    workers: u32,
    /// The latency and the number in flight of what was started.
    under_way: VecDeque<(Duration, u32)>,
}

impl Receiver {
    fn new(workers: u32, service: Duration) -> Receiver {
        Receiver { service, workers, under_way: VecDeque::new() }
    }

    fn latency(&self, in_flight: u32) -> Duration {
        self.service * in_flight.max(self.workers) / self.workers
    }

    /// Runs a lane that always has a backlog for some outcomes. How long an attempt takes is decided when it starts,
    /// so a change of the limit shows only after those that are under way.
    fn run(&mut self, permits: &mut Permits, outcomes: u32) {
        for _ in 0..outcomes {
            while self.under_way.len() < permits.limit() as usize {
                let in_flight = u32::try_from(self.under_way.len() + 1).expect("a limit is small");
                self.under_way.push_back((self.latency(in_flight), in_flight));
            }
            let (latency, in_flight) = self.under_way.pop_front().expect("the limit is at least one");
            permits.on_outcome(latency, in_flight, true, Verdict::Well);
        }
    }
}

#[test]
fn it_starts_small_within_the_maximum() {
    assert_eq!(Permits::new(MAX).limit(), 8);
    assert_eq!(Permits::new(3).limit(), 3);
    assert_eq!(Permits::new(0).limit(), 1);
}

#[test]
fn a_fast_receiver_gets_all_permits_soon() {
    let mut permits = Permits::new(MAX);
    Receiver::new(4, Duration::from_micros(200)).run(&mut permits, 16 + 16 + 32);
    assert_eq!(permits.limit(), MAX);
}

#[test]
fn a_slow_receiver_with_room_gets_all_permits_too() {
    let mut permits = Permits::new(MAX);
    Receiver::new(1_000, Duration::from_secs(2)).run(&mut permits, 16 + 16 + 32);
    assert_eq!(permits.limit(), MAX);
}

#[test]
fn a_receiver_that_queues_is_held_near_what_it_serves() {
    let mut permits = Permits::new(MAX);
    let mut receiver = Receiver::new(10, Duration::from_millis(100));
    receiver.run(&mut permits, 2_000);
    let mut settled = Vec::new();
    for _ in 0..200 {
        receiver.run(&mut permits, 37);
        settled.push(permits.limit());
    }
    let measuring = settled.iter().filter(|limit| **limit < 8).count();
    let high = settled.iter().max().copied().unwrap_or(0);
    assert!((10..=25).contains(&high), "{high} for 10 workers");
    assert!(measuring < settled.len() / 5, "{measuring} times of {} at a measurement", settled.len());
}

#[test]
fn uneven_latency_is_not_a_queue() {
    let mut permits = Permits::new(MAX);
    for number in 0..20_000_u64 {
        // Most answers come from a cache in 3 ms, some from a database in up to 300 ms, at any number in flight.
        let millis = if number % 3 == 0 { 60 + 240 * (number % 7) / 6 } else { 3 };
        permits.on_outcome(Duration::from_millis(millis), permits.limit(), true, Verdict::Well);
    }
    assert!(permits.limit() >= MAX / 2, "{}", permits.limit());
}

#[test]
fn a_measurement_waits_for_those_under_way() {
    let mut permits = Permits { limit: 16, doubling: false, slow_rounds: SLOW_ROUNDS_MAX, ..Permits::new(MAX) };
    let well = |permits: &mut Permits, millis, outcomes| {
        for _ in 0..outcomes {
            permits.on_outcome(Duration::from_millis(millis), permits.limit(), true, Verdict::Well);
        }
    };
    well(&mut permits, 500, ROUND_MIN);
    assert!(permits.measuring.is_some());
    assert_eq!(permits.limit(), 4, "a quarter");
    well(&mut permits, 500, 16);
    well(&mut permits, 100, ROUND_MIN);
    assert_eq!((permits.measuring, permits.floor_us), (None, Some(100_000)));
    assert!(permits.limit() >= 16, "back to where it was");
}

#[test]
fn without_a_backlog_nothing_grows() {
    let mut permits = Permits::new(MAX);
    for _ in 0..1_000 {
        permits.on_outcome(Duration::from_millis(10), 1, false, Verdict::Well);
        permits.on_outcome(Duration::from_millis(10), 3, true, Verdict::Well);
    }
    assert_eq!(permits.limit(), 8);
}

#[test]
fn trouble_gives_back_by_its_share() {
    let share = |one_in: u32| {
        let mut permits = Permits::new(MAX);
        Receiver::new(100, Duration::from_millis(10)).run(&mut permits, 200);
        for number in 0..6_400 {
            let verdict = if number % one_in == 0 { Verdict::Trouble } else { Verdict::Well };
            permits.on_outcome(Duration::from_millis(10), permits.limit(), true, verdict);
        }
        permits.limit()
    };
    assert_eq!(share(1), 1, "nothing but trouble");
    assert!(share(2) <= START, "half: {}", share(2));
    assert!(share(100) >= MAX - 2, "one in a hundred: {}", share(100));
}

#[test]
fn what_was_not_the_receivers_doing_changes_nothing() {
    let mut permits = Permits::new(MAX);
    for _ in 0..100 {
        permits.on_outcome(Duration::from_secs(30), 8, true, Verdict::Neutral);
    }
    assert_eq!(permits, Permits::new(MAX));
}

#[test]
fn a_receiver_that_became_slower_for_good_gets_its_permits_back() {
    let mut permits = Permits::new(MAX);
    Receiver::new(1_000, Duration::from_millis(10)).run(&mut permits, 500);
    let mut slower = Receiver::new(1_000, Duration::from_millis(80));
    slower.run(&mut permits, 150);
    assert!(permits.limit() < MAX / 2, "at first it looks like a queue: {}", permits.limit());
    slower.run(&mut permits, 5_000);
    assert_eq!(permits.limit(), MAX);
}

#[test]
fn a_lower_maximum_holds_at_once() {
    let mut permits = Permits::new(MAX);
    Receiver::new(4, Duration::from_micros(200)).run(&mut permits, 200);
    permits.set_max(5);
    assert_eq!(permits.limit(), 5);
    permits.set_max(0);
    assert_eq!(permits.limit(), 1);
}

proptest! {
    #[test]
    fn the_limit_stays_within_one_and_the_maximum(
        max in 0_u32..300,
        outcomes in proptest::collection::vec((any::<u64>(), any::<u32>(), any::<bool>(), 0_u8..3), 0..2_000),
    ) {
        let mut permits = Permits::new(max);
        for (micros, in_flight, backlog, verdict) in outcomes {
            let verdict = [Verdict::Well, Verdict::Trouble, Verdict::Neutral][usize::from(verdict)];
            permits.on_outcome(Duration::from_micros(micros), in_flight, backlog, verdict);
            prop_assert!((1..=max.max(1)).contains(&permits.limit()));
        }
    }
}
