use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_795_471_200_000_000 + micros)
}

fn taken(rate: &mut Rate, now: Timestamp) -> u64 {
    let mut taken = 0;
    while rate.take(now).is_ok() {
        taken += 1;
    }
    taken
}

#[test]
fn a_full_bucket_is_a_tenth_of_a_second_and_at_least_one() {
    for (per_second, burst) in [(0, 0), (1, 1), (9, 1), (10, 1), (25, 2), (1_000, 100), (u32::MAX, 429_496_729)] {
        assert_eq!(Rate::new(per_second, at(0)).tokens(), burst, "{per_second} a second");
    }
}

#[test]
fn it_tells_when_the_next_token_is_there() {
    let mut rate = Rate::new(3, at(0));
    assert_eq!(rate.take(at(0)), Ok(()));
    assert_eq!(rate.take(at(0)), Err(at(333_334)));
    assert_eq!(rate.take(at(333_333)), Err(at(333_334)));
    assert_eq!(rate.take(at(333_334)), Ok(()));
}

#[test]
fn zero_lets_nothing_through() {
    assert_eq!(Rate::new(0, at(0)).take(at(1_000_000)), Err(Timestamp::MAX));
}

#[test]
fn over_time_it_is_exact() {
    let mut rate = Rate::new(7, at(0));
    let sum: u64 = (0..100_000).map(|tenth_ms| taken(&mut rate, at(tenth_ms * 100))).sum();
    assert_eq!(sum, 70, "ten seconds at seven a second, the first at once and the last one microsecond short");
}

#[test]
fn it_changes_at_run_time() {
    let mut rate = Rate::new(1_000, at(0));
    rate.set(20, at(0));
    assert_eq!(taken(&mut rate, at(0)), 2, "what does not fit is gone");
    rate.set(1_000, at(0));
    assert_eq!(taken(&mut rate, at(50_000)), 50);
    rate.set(0, at(50_000));
    assert_eq!(rate.take(at(10_000_000)), Err(Timestamp::MAX));
}

#[test]
fn a_clock_set_back_neither_mints_nor_wedges() {
    let mut rate = Rate::new(10, at(0));
    assert_eq!(rate.take(at(0)), Ok(()));
    for _ in 0..1_000 {
        assert!(rate.take(at(-10)).is_err());
        assert!(rate.take(at(10)).is_err(), "threads that read the clock out of order");
    }
    let hour_back = at(-3_600_000_000);
    assert_eq!(rate.take(hour_back), Err(hour_back.saturating_add(Duration::from_micros(99_990))));
    assert_eq!(rate.take(hour_back.saturating_add(Duration::from_millis(100))), Ok(()));
}

proptest! {
    /// In any span the starts are at most the rate times the span, plus one bucket.
    #[test]
    fn it_is_never_exceeded(per_second in 1_u32..5_000, pauses in proptest::collection::vec(0_i64..200_000, 1..200)) {
        let mut rate = Rate::new(per_second, at(0));
        let burst = rate.tokens();
        let mut starts = Vec::new();
        let mut now = 0;
        for pause in pauses {
            now += pause;
            if rate.take(at(now)).is_ok() {
                starts.push(now);
            }
        }
        for (first, from) in starts.iter().enumerate() {
            for (last, until) in starts.iter().enumerate().skip(first) {
                let allowed = u64::try_from(until - from)? * u64::from(per_second) / 1_000_000 + burst;
                prop_assert!(u64::try_from(last - first + 1)? <= allowed);
            }
        }
    }

    /// The time it names is right: a microsecond before there is none, at it there is one.
    #[test]
    fn it_keeps_its_word(per_second in 1_u32..2_000_000, now in 0_i64..1_000_000) {
        let mut rate = Rate::new(per_second, at(0));
        while rate.ready(at(now)).is_ok() {
            prop_assert_eq!(rate.take(at(now)), Ok(()));
        }
        let next = rate.take(at(now)).expect_err("the bucket was emptied");
        prop_assert_eq!(rate.ready(next.saturating_sub(Duration::from_micros(1))), Err(next));
        prop_assert_eq!(rate.take(next), Ok(()));
    }
}
