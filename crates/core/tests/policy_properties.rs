//! What holds for every plan, not only for the two that have names.

use std::time::Duration;

use proptest::prelude::*;
use ringup_core::limits::{RETRIES_MAX, RETRY_DELAY_MAX};
use ringup_core::outcome::{Answer, BlockedBy, Cause, Outcome, Phase};
use ringup_core::policy::{Classes, Next, Policy, Reason, RetryPlan, Schedule, next_step};
use ringup_core::time::Timestamp;

fn outcome() -> impl Strategy<Value = Outcome> {
    let retry_after = prop_oneof![
        Just(None),
        any::<u64>().prop_map(|secs| Some(secs.to_string())),
        (0_u64..200_000).prop_map(|secs| Some(secs.to_string())),
        any::<String>().prop_map(Some),
        Just(Some("Fri, 31 Dec 9999 23:59:59 GMT".to_owned())),
    ];
    prop_oneof![
        6 => (any::<u16>(), retry_after.clone()).prop_map(answer),
        6 => (prop_oneof![Just(408), Just(410), Just(429), 500_u16..=599], retry_after).prop_map(answer),
        1 => proptest::sample::select(Phase::ALL).prop_map(Outcome::TimedOut),
        1 => proptest::sample::select(Cause::ALL).prop_map(Outcome::Unreachable),
        1 => proptest::sample::select(BlockedBy::ALL).prop_map(Outcome::Blocked),
        1 => Just(Outcome::Interrupted),
    ]
}

fn answer((status, retry_after): (u16, Option<String>)) -> Outcome {
    Outcome::answered(Answer { status, retry_after, ..Answer::default() })
}

fn plan() -> impl Strategy<Value = RetryPlan> {
    let span = || prop_oneof![any::<Duration>(), (0_u64..100_000).prop_map(Duration::from_secs)];
    let schedule = prop_oneof![
        (prop_oneof![any::<u32>(), 0_u32..5], span()).prop_map(|(retry, cooldown)| Schedule::Fixed { retry, cooldown }),
        proptest::collection::vec(span(), 0..12).prop_map(Schedule::List),
        Just(Policy::Durable.plan().schedule),
        Just(Schedule::Jittered(&[Duration::MAX, Duration::ZERO])),
    ];
    let policy = proptest::sample::select(Policy::ALL);
    (schedule, any::<[bool; 6]>(), any::<bool>(), policy).prop_map(|(schedule, on, honour_retry_after, policy)| {
        let [server_error, request_timeout, too_many_requests, timed_out, no_response, other] = on;
        let classes = Classes { server_error, request_timeout, too_many_requests, timed_out, no_response, other };
        RetryPlan { schedule, classes, honour_retry_after, final_statuses: policy.final_statuses() }
    })
}

fn draw() -> impl Strategy<Value = f64> {
    prop_oneof![0.0..1.0, any::<f64>(), Just(f64::NAN), Just(1.0)]
}

/// Of these two centuries; the edges of the type are `any_moment`'s.
fn moment() -> impl Strategy<Value = Timestamp> {
    (0_i64..6_000_000_000_000_000).prop_map(Timestamp::from_micros)
}

fn any_moment() -> impl Strategy<Value = Timestamp> {
    prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX)].prop_map(Timestamp::from_micros)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Every outcome has an answer for everyone, and it never lies in the past.
    #[test]
    fn it_is_total(
        outcome in outcome(), attempts_made in any::<u32>(), plan in plan(), draw in draw(), now in any_moment(),
    ) {
        let next = next_step(&outcome, attempts_made, &plan, draw, now);
        match (&outcome, next) {
            (Outcome::Delivered(_), next) => prop_assert_eq!(next, Next::Delivered),
            (Outcome::Interrupted, next) => prop_assert_eq!(next, Next::Again),
            (Outcome::Blocked(_), next) => prop_assert_eq!(next, Next::Failed(Reason::Blocked)),
            (Outcome::Refused(answer), next) if answer.status == 410 => {
                prop_assert_eq!(next, Next::Failed(Reason::Gone));
            }
            (_, Next::RetryAt(due_at)) => prop_assert!(due_at >= now),
            (_, next) => {
                let failed = matches!(next, Next::Failed(Reason::Exhausted | Reason::NotRepeated));
                prop_assert!(failed, "{next:?}");
            }
        }
    }

    /// Followed to its end, a delivery that always fails gets at most one attempt more than its plan has repeats.
    #[test]
    fn attempts_are_bounded(outcome in outcome(), plan in plan(), draw in draw(), start in moment()) {
        prop_assume!(!matches!(outcome, Outcome::Delivered(_) | Outcome::Interrupted));
        let (mut now, mut attempts) = (start, 1);
        while let Next::RetryAt(due_at) = next_step(&outcome, attempts, &plan, draw, now) {
            now = due_at;
            attempts += 1;
            prop_assert!(attempts <= plan.schedule.retries().min(RETRIES_MAX) + 1);
        }
        let later = next_step(&outcome, attempts.saturating_add(7), &plan, draw, now);
        prop_assert!(!matches!(later, Next::RetryAt(_)), "what has ended stays ended");
    }

    /// A pause is at least what the schedule says (for jitter four fifths of it) and at most the limit.
    #[test]
    fn pauses_are_bounded(
        outcome in outcome(), attempts_made in 1_u32..15, plan in plan(), draw in draw(), now in moment(),
    ) {
        if let Next::RetryAt(due_at) = next_step(&outcome, attempts_made, &plan, draw, now) {
            let pause = due_at.saturating_since(now);
            let at = attempts_made as usize - 1;
            let step = match &plan.schedule {
                Schedule::Fixed { cooldown, .. } => *cooldown,
                Schedule::List(pauses) => pauses[at],
                Schedule::Jittered(pauses) => pauses[at] / 5 * 4,
            };
            // Time is kept in microseconds.
            let step = Duration::from_micros(u64::try_from(step.as_micros()).unwrap_or(u64::MAX));
            prop_assert!(step.min(RETRY_DELAY_MAX) <= pause && pause <= RETRY_DELAY_MAX);
        }
    }

    /// `Retry-After` changes neither whether there is a repeat nor shortens its pause; switched off it changes nothing.
    #[test]
    fn retry_after_only_lengthens(
        outcome in outcome(), attempts_made in 1_u32..15, plan in plan(), draw in draw(), now in moment(),
    ) {
        let step = |honour_retry_after, outcome: &Outcome| {
            next_step(outcome, attempts_made, &RetryPlan { honour_retry_after, ..plan.clone() }, draw, now)
        };
        let silent = match outcome.clone() {
            Outcome::Refused(answer) => Outcome::Refused(Answer { retry_after: None, ..answer }),
            other => other,
        };
        prop_assert_eq!(step(false, &outcome), step(false, &silent));
        match (step(false, &outcome), step(true, &outcome)) {
            (Next::RetryAt(without), Next::RetryAt(with)) => prop_assert!(without <= with),
            (without, with) => prop_assert_eq!(without, with),
        }
    }

    /// The same question has the same answer.
    #[test]
    fn it_is_repeatable(
        outcome in outcome(), attempts_made in any::<u32>(), plan in plan(), draw in draw(), now in any_moment(),
    ) {
        let ask = || next_step(&outcome, attempts_made, &plan, draw, now);
        prop_assert_eq!(ask(), ask());
    }
}
