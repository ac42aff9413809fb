use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::outcome::{Answer, BlockedBy, Cause, Phase};

const PLAN: BreakerPlan =
    BreakerPlan { troubles_to_open: 3, pause: Duration::from_secs(10), pause_max: Duration::from_secs(300) };

/// A draw that leaves pauses at their full length.
const LONGEST: f64 = 1.0;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_795_471_200 + secs)
}

fn attempt(breaker: &mut Breaker, verdict: Verdict, now: Timestamp) {
    let pass = breaker.on_start(now);
    breaker.on_outcome(pass, verdict, Duration::ZERO, LONGEST, now);
}

fn opened(now: Timestamp) -> Breaker {
    let mut breaker = Breaker::new(PLAN);
    for _ in 0..PLAN.troubles_to_open {
        attempt(&mut breaker, Verdict::Trouble, now);
    }
    assert_eq!(breaker.state(), BreakerState::Open);
    breaker
}

#[test]
fn only_a_receiver_in_trouble_counts() {
    let refused = |status| Outcome::answered(Answer { status, body: Bytes::new(), ..Answer::default() });
    for (verdict, outcomes) in [
        (Verdict::Well, vec![refused(200), refused(301), refused(400), refused(404), refused(410), refused(600)]),
        (Verdict::Trouble, vec![refused(500), refused(503), refused(599), refused(429), refused(408)]),
        (Verdict::Trouble, vec![Outcome::TimedOut(Phase::Wait), Outcome::Unreachable(Cause::Refused)]),
        (Verdict::Neutral, vec![Outcome::Blocked(BlockedBy::Address), Outcome::Interrupted]),
    ] {
        for outcome in outcomes {
            assert_eq!(Verdict::of(&outcome), verdict, "{outcome:?}");
        }
    }
}

#[test]
fn it_opens_after_troubles_in_a_row_only() {
    let mut breaker = Breaker::new(PLAN);
    for verdict in [Verdict::Trouble, Verdict::Trouble, Verdict::Well, Verdict::Trouble, Verdict::Neutral] {
        attempt(&mut breaker, verdict, at(0));
    }
    attempt(&mut breaker, Verdict::Trouble, at(0));
    assert_eq!((breaker.state(), breaker.admits(at(0))), (BreakerState::Closed, Admit::Yes));
    attempt(&mut breaker, Verdict::Trouble, at(0));
    assert_eq!((breaker.state(), breaker.admits(at(0))), (BreakerState::Open, Admit::No { until: at(10) }));
}

#[test]
fn zero_never_opens() {
    let mut breaker = Breaker::new(BreakerPlan { troubles_to_open: 0, ..PLAN });
    for _ in 0..1_000 {
        attempt(&mut breaker, Verdict::Trouble, at(0));
    }
    assert_eq!(breaker.admits(at(0)), Admit::Yes);
}

#[test]
fn after_the_pause_one_probe_is_admitted() {
    let mut breaker = opened(at(0));
    assert_eq!(breaker.admits(at(9)), Admit::No { until: at(10) });
    assert_eq!(breaker.admits(at(10)), Admit::Probe);
    let pass = breaker.on_start(at(10));
    assert!(matches!(breaker.admits(at(11)), Admit::No { .. }), "one probe at a time");
    breaker.on_outcome(pass, Verdict::Well, Duration::ZERO, LONGEST, at(12));
    assert_eq!((breaker.state(), breaker.ramp_limit()), (BreakerState::Ramping, 1));
}

#[test]
fn pauses_double_up_to_the_cap_and_are_spread_by_the_draw() {
    let mut breaker = opened(at(0));
    let mut now = at(10);
    for secs in [20, 40, 80, 160, 300, 300, 300] {
        attempt(&mut breaker, Verdict::Trouble, now);
        now = now.saturating_add(Duration::from_secs(secs));
        assert_eq!(breaker.admits(now.saturating_sub(Duration::from_micros(1))), Admit::No { until: now });
        assert_eq!(breaker.admits(now), Admit::Probe);
    }
    let pass = breaker.on_start(now);
    breaker.on_outcome(pass, Verdict::Trouble, Duration::ZERO, 0.0, now);
    assert_eq!(breaker.admits(now), Admit::No { until: now.saturating_add(Duration::from_secs(240)) });
}

#[test]
fn the_ramp_doubles_until_the_lane_is_back_to_normal() {
    let mut breaker = opened(at(0));
    attempt(&mut breaker, Verdict::Well, at(10));
    let mut limits = Vec::new();
    while breaker.state() == BreakerState::Ramping {
        limits.push(breaker.ramp_limit());
        attempt(&mut breaker, Verdict::Well, at(11));
    }
    limits.dedup();
    assert_eq!(limits, [1, 2, 4, 8, 16, 32, 64]);
    assert_eq!((breaker.state(), breaker.ramp_limit()), (BreakerState::Closed, u32::MAX));
    for _ in 0..PLAN.troubles_to_open {
        attempt(&mut breaker, Verdict::Trouble, at(20));
    }
    assert_eq!(breaker.admits(at(20)), Admit::No { until: at(30) }, "the first pause again");
}

#[test]
fn trouble_on_the_ramp_goes_back_a_step_and_at_the_bottom_opens() {
    let mut breaker = opened(at(0));
    for _ in 0..2 {
        attempt(&mut breaker, Verdict::Well, at(10));
    }
    assert_eq!(breaker.ramp_limit(), 2);
    attempt(&mut breaker, Verdict::Trouble, at(11));
    assert_eq!((breaker.state(), breaker.ramp_limit()), (BreakerState::Ramping, 1));
    attempt(&mut breaker, Verdict::Trouble, at(11));
    assert_eq!(breaker.admits(at(11)), Admit::No { until: at(31) }, "sooner than usual, for twice the first pause");
}

#[test]
fn troubles_in_a_row_open_it_on_the_ramp_too() {
    let mut breaker = opened(at(0));
    for _ in 0..16 {
        attempt(&mut breaker, Verdict::Well, at(10));
    }
    assert_eq!(breaker.ramp_limit(), 16);
    for _ in 0..PLAN.troubles_to_open {
        attempt(&mut breaker, Verdict::Trouble, at(11));
    }
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn a_probe_that_was_cut_off_is_followed_by_another() {
    let mut breaker = opened(at(0));
    attempt(&mut breaker, Verdict::Neutral, at(10));
    assert_eq!((breaker.state(), breaker.admits(at(10))), (BreakerState::HalfOpen, Admit::Probe));
}

#[test]
fn a_probe_that_never_ends_is_given_up() {
    let mut breaker = opened(at(0));
    let lost = breaker.on_start(at(10));
    let given_up = at(10).saturating_add(PROBE_LOST_AFTER);
    assert_eq!(breaker.admits(at(10)), Admit::No { until: given_up });
    assert_eq!(breaker.admits(given_up), Admit::Probe);
    assert_eq!(breaker.on_start(given_up), lost, "if the first one ends after all, it counts as well");
}

#[test]
fn attempts_from_before_it_opened_decide_nothing() {
    let mut breaker = Breaker::new(PLAN);
    let (early_well, early_trouble) = (breaker.on_start(at(0)), breaker.on_start(at(0)));
    for _ in 0..PLAN.troubles_to_open {
        attempt(&mut breaker, Verdict::Trouble, at(1));
    }
    breaker.on_outcome(early_well, Verdict::Well, Duration::ZERO, LONGEST, at(2));
    assert_eq!(breaker.admits(at(2)), Admit::No { until: at(11) });
    let probe = breaker.on_start(at(11));
    breaker.on_outcome(early_trouble, Verdict::Trouble, Duration::ZERO, LONGEST, at(12));
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    breaker.on_outcome(probe, Verdict::Well, Duration::ZERO, LONGEST, at(13));
    assert_eq!(breaker.state(), BreakerState::Ramping);
}

#[test]
fn a_resend_by_hand_while_open_is_the_probe() {
    let mut breaker = opened(at(0));
    attempt(&mut breaker, Verdict::Well, at(2));
    assert_eq!((breaker.state(), breaker.admits(at(2))), (BreakerState::Ramping, Admit::Yes));
}

#[test]
fn the_receiver_may_ask_for_a_longer_rest_but_not_a_shorter_one() {
    let rest = |asked| {
        let mut breaker = Breaker::new(PLAN);
        for _ in 0..PLAN.troubles_to_open {
            let pass = breaker.on_start(at(0));
            breaker.on_outcome(pass, Verdict::Trouble, asked, LONGEST, at(0));
        }
        [1, 10, 60, 86_400].map(|secs| matches!(breaker.admits(at(secs)), Admit::No { .. }))
    };
    assert_eq!(rest(Duration::from_secs(1)), [true, false, false, false]);
    assert_eq!(rest(Duration::from_secs(60)), [true, true, false, false]);
    assert_eq!(rest(Duration::MAX), [true, true, true, false], "a day at most");
}

#[test]
fn one_429_that_names_a_pause_is_believed_at_once() {
    let mut breaker = Breaker::new(PLAN);
    let pass = breaker.on_start(at(0));
    breaker.on_outcome(pass, Verdict::Trouble, Duration::from_secs(30), LONGEST, at(0));
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert_eq!(breaker.admits(at(29)), Admit::No { until: at(30) });
    assert_eq!(breaker.admits(at(30)), Admit::Yes);
}

#[test]
fn a_clock_set_back_ends_the_wait() {
    let breaker = opened(at(0));
    assert_eq!(breaker.admits(at(-1)), Admit::No { until: at(10) }, "a hair's breadth is not a step");
    assert_eq!(breaker.admits(at(-3_600)), Admit::Probe);
}

#[derive(Clone, Debug)]
enum Step {
    Start,
    End { which: usize, verdict: Verdict, asked_secs: u64, draw: f64 },
    Pass { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let verdict = prop_oneof![Just(Verdict::Well), Just(Verdict::Trouble), Just(Verdict::Neutral)];
    prop_oneof![
        3 => Just(Step::Start),
        3 => (any::<usize>(), verdict, prop_oneof![4 => Just(0), 1 => any::<u64>()], 0.0..1.0).prop_map(
            |(which, verdict, asked_secs, draw)| Step::End { which, verdict, asked_secs, draw }
        ),
        1 => (0_u64..400_000).prop_map(|millis| Step::Pass { millis }),
    ]
}

proptest! {
    /// Whatever happens: waits are bounded, one probe at a time, and it always lets something through in the end.
    #[test]
    fn it_never_wedges(steps in proptest::collection::vec(step(), 0..200)) {
        let mut breaker = Breaker::new(PLAN);
        let mut now = at(0);
        let mut running = Vec::new();
        for step in steps {
            match step {
                Step::Start => match breaker.admits(now) {
                    Admit::Yes => {
                        if u32::try_from(running.len()).is_ok_and(|running| running < breaker.ramp_limit().min(64)) {
                            running.push(breaker.on_start(now));
                        }
                    }
                    Admit::Probe => {
                        running.push(breaker.on_start(now));
                        let waits = matches!(breaker.admits(now), Admit::No { .. });
                        prop_assert!(waits, "one probe at a time");
                    }
                    Admit::No { until } => {
                        prop_assert!(until > now);
                        prop_assert!(until.saturating_since(now) <= RETRY_DELAY_MAX);
                    }
                },
                Step::End { which, verdict, asked_secs, draw } if !running.is_empty() => {
                    let pass = running.swap_remove(which % running.len());
                    breaker.on_outcome(pass, verdict, Duration::from_secs(asked_secs), draw, now);
                }
                Step::End { .. } => {}
                Step::Pass { millis } => now = now.saturating_add(Duration::from_millis(millis)),
            }
        }
        let much_later = now.saturating_add(RETRY_DELAY_MAX);
        let still_shut = matches!(breaker.admits(much_later), Admit::No { .. });
        prop_assert!(!still_shut);
        let mut attempts_to_normal = 0;
        while breaker.state() != BreakerState::Closed {
            attempt(&mut breaker, Verdict::Well, much_later);
            attempts_to_normal += 1;
            prop_assert!(attempts_to_normal <= 200);
        }
    }
}
