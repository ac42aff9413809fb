use proptest::prelude::*;

use super::*;

const MAX: u32 = 64;

/// A receiver that serves `workers` at once, each taking `service`; the rest queues there.
struct Receiver {
    service: Duration,
    workers: u32,
}

impl Receiver {
    fn latency(&self, in_flight: u32) -> Duration {
        self.service * in_flight.max(self.workers) / self.workers
    }

    /// Runs a lane that always has a backlog for some outcomes.
    fn run(&self, permits: &mut Permits, outcomes: u32) {
        for _ in 0..outcomes {
            let in_flight = permits.limit();
            permits.on_outcome(self.latency(in_flight), in_flight, true, Verdict::Well);
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
    Receiver { service: Duration::from_micros(200), workers: 4 }.run(&mut permits, 16 + 16 + 32);
    assert_eq!(permits.limit(), MAX);
}

#[test]
fn a_slow_receiver_with_room_gets_all_permits_too() {
    let mut permits = Permits::new(MAX);
    Receiver { service: Duration::from_secs(2), workers: 1_000 }.run(&mut permits, 16 + 16 + 32);
    assert_eq!(permits.limit(), MAX);
}

#[test]
fn a_receiver_that_queues_is_held_near_what_it_serves() {
    let mut permits = Permits::new(MAX);
    let receiver = Receiver { service: Duration::from_millis(100), workers: 10 };
    receiver.run(&mut permits, 2_000);
    let limits: Vec<u32> = std::iter::repeat_with(|| {
        receiver.run(&mut permits, 1);
        permits.limit()
    })
    .take(2_000)
    .collect();
    let measuring = limits.iter().filter(|limit| **limit < 10).count();
    let high = limits.iter().max().copied().unwrap_or(0);
    assert!((10..=25).contains(&high), "{high} for 10 workers");
    assert!(measuring < limits.len() / 10, "{measuring} of {} outcomes spent on measuring", limits.len());
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
        Receiver { service: Duration::from_millis(10), workers: 100 }.run(&mut permits, 200);
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
    Receiver { service: Duration::from_millis(10), workers: 1_000 }.run(&mut permits, 500);
    let slower = Receiver { service: Duration::from_millis(80), workers: 1_000 };
    slower.run(&mut permits, 150);
    assert!(permits.limit() < MAX / 2, "at first it looks like a queue: {}", permits.limit());
    slower.run(&mut permits, 5_000);
    assert_eq!(permits.limit(), MAX);
}

#[test]
fn a_lower_maximum_holds_at_once() {
    let mut permits = Permits::new(MAX);
    Receiver { service: Duration::from_micros(200), workers: 4 }.run(&mut permits, 200);
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
