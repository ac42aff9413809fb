//! One delivery under any sequence of attempts, resends, stops and crashes, against a small model of what it owes.
//!
//! The model does not know states or schedules. It counts down: how many more answers are owed before the delivery is
//! given up, and whether it still wants any.

use std::time::Duration;

use proptest::prelude::*;
use ringup_core::delivery::{Delivery, DeliveryKey, DeliveryState, Ended, Trigger};
use ringup_core::key::EndpointKey;
use ringup_core::outcome::{Answer, BlockedBy, Cause, NoToken, Outcome, Phase};
use ringup_core::policy::{Classes, Policy, RetryPlan, Schedule, next_step};
use ringup_core::time::{Tick, Timestamp};

#[derive(Clone, Debug)]
enum Command {
    /// The lane takes it, if it may, and this comes of it.
    Attempt(Outcome),
    /// As `Attempt`, but the endpoint is paused while the request is in flight.
    AttemptWhilePausing(Outcome),
    /// The process dies while a request is in flight: the delivery is as it was stored.
    CrashInFlight,
    /// Somebody asks for it by hand.
    Resend,
    Pause,
    /// By its owner. Like a pause, with another word for it.
    Disable,
    Resume,
    Pass(Duration),
}

fn command() -> impl Strategy<Value = Command> {
    let answer = |status| Outcome::answered(Answer { status, ..Answer::default() });
    let outcome = prop_oneof![
        1 => Just(answer(200)),
        4 => proptest::sample::select(vec![500, 503, 408, 429]).prop_map(answer),
        1 => proptest::sample::select(vec![301, 404, 410, 413, 501]).prop_map(answer),
        1 => Just(Outcome::TimedOut(Phase::Wait)),
        1 => Just(Outcome::Unreachable(Cause::Refused)),
        1 => Just(Outcome::Blocked(BlockedBy::Address)),
        1 => Just(Outcome::Interrupted),
        1 => prop_oneof![
            (300..600_u16).prop_map(|status| NoToken::Refused { status, error: None }),
            Just(NoToken::Unusable),
            Just(NoToken::TimedOut(Phase::Wait)),
            Just(NoToken::Unreachable(Cause::Dns)),
            Just(NoToken::Blocked(BlockedBy::Address)),
        ]
        .prop_map(Outcome::NoToken),
    ];
    prop_oneof![
        8 => outcome.clone().prop_map(Command::Attempt),
        1 => outcome.prop_map(Command::AttemptWhilePausing),
        2 => Just(Command::CrashInFlight),
        2 => Just(Command::Resend),
        1 => Just(Command::Pause),
        1 => Just(Command::Disable),
        2 => Just(Command::Resume),
        6 => (0_u64..30).prop_map(|secs| Command::Pass(Duration::from_secs(secs))),
    ]
}

/// What core's functions make of the commands. Holds what a store would: `None` is delivered, its state dropped.
struct World {
    stored: Option<Delivery>,
    stopped: bool,
    now: Timestamp,
    plan: RetryPlan,
}

impl World {
    fn new(plan: RetryPlan) -> World {
        let now = Timestamp::from_secs(1_795_471_200);
        let delivery = Delivery {
            key: DeliveryKey { endpoint: EndpointKey(1), event: Tick::at(now) },
            state: DeliveryState::Waiting,
            attempts_made: 0,
            trigger: Trigger::Policy,
            order_key: None,
        };
        World { stored: Some(delivery), stopped: false, now, plan }
    }

    /// The delivery, if a lane would start an attempt for it now.
    fn ready(&self) -> Option<Delivery> {
        self.stored.filter(|delivery| match delivery.state {
            DeliveryState::Waiting => true,
            DeliveryState::Scheduled(due_at) => due_at <= self.now,
            DeliveryState::Ended(_) => false,
        })
    }

    fn record(&mut self, attempted: Delivery, outcome: &Outcome) {
        let next = next_step(outcome, attempted.attempts_made + 1, &self.plan, 0.5, self.now);
        self.stored = attempted.with(attempted.after(next));
        if self.stopped {
            self.stop();
        }
    }

    fn stop(&mut self) {
        self.stopped = true;
        self.stored = self.stored.map(|delivery| delivery.end(Ended::Skipped));
    }

    fn resend(&mut self, key: DeliveryKey) {
        self.stored = Some(self.stored.map_or(Delivery::again(key, None), Delivery::resent));
    }
}

/// What is owed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Owed {
    Nothing(End),
    /// Up to this many answers more; by hand none of them is repeated.
    Answers(u32),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Delivered,
    GivenUp(Ended),
}

impl Owed {
    fn after(self, outcome: &Outcome, classes: Classes) -> Owed {
        let Owed::Answers(left) = self else { return self };
        let repeat = |on: bool| match (on, left) {
            (false, _) => Owed::Nothing(End::GivenUp(Ended::NotRepeated)),
            (true, 0..=1) => Owed::Nothing(End::GivenUp(Ended::Exhausted)),
            (true, _) => Owed::Answers(left - 1),
        };
        match outcome {
            Outcome::Delivered(_) => Owed::Nothing(End::Delivered),
            Outcome::Interrupted => self,
            Outcome::Blocked(_) => Owed::Nothing(End::GivenUp(Ended::Blocked)),
            Outcome::TimedOut(_) => repeat(classes.timed_out),
            Outcome::Unreachable(_) => repeat(classes.no_response),
            Outcome::NoToken(NoToken::Refused { status, .. }) => repeat(is_repeated(*status, classes)),
            Outcome::NoToken(NoToken::Unusable) => repeat(classes.other),
            Outcome::NoToken(NoToken::TimedOut(_)) => repeat(classes.timed_out),
            Outcome::NoToken(NoToken::Unreachable(_)) => repeat(classes.no_response),
            Outcome::NoToken(NoToken::Blocked(_)) => Owed::Nothing(End::GivenUp(Ended::Blocked)),
            Outcome::Refused(answer) => match answer.status {
                410 => Owed::Nothing(End::GivenUp(Ended::Gone)),
                status => repeat(is_repeated(status, classes)),
            },
        }
    }

    fn stopped(self) -> Owed {
        match self {
            Owed::Answers(_) => Owed::Nothing(End::GivenUp(Ended::Skipped)),
            Owed::Nothing(_) => self,
        }
    }

    fn resent(self) -> Owed {
        match self {
            Owed::Answers(_) => self,
            Owed::Nothing(_) => Owed::Answers(1),
        }
    }
}

/// What the durable policy, which alone repeats other answers, takes for final all the same.
const FINAL: [u16; 8] = [405, 413, 414, 415, 431, 451, 501, 505];

fn is_repeated(status: u16, classes: Classes) -> bool {
    match status {
        final_one if classes.other && FINAL.contains(&final_one) => false,
        408 => classes.request_timeout,
        429 => classes.too_many_requests,
        500.. => classes.server_error,
        _ => classes.other,
    }
}

/// Runs the commands on both and compares after each.
fn run(retry: u32, durable_classes: bool, commands: Vec<Command>) -> Result<(), TestCaseError> {
    let schedule = Schedule::Fixed { retry, cooldown: Duration::from_secs(7) };
    let policy = if durable_classes { Policy::Durable } else { Policy::Guide };
    let plan = RetryPlan { schedule, ..policy.plan() };
    let classes = plan.classes;
    let mut world = World::new(plan);
    let mut owed = Owed::Answers(retry + 1);
    let key = world.stored.map(|delivery| delivery.key).expect("just accepted");
    let mut last_failure_at = None;

    for command in commands {
        match command {
            Command::Attempt(outcome) => {
                if let Some(delivery) = world.ready() {
                    prop_assert!(!world.stopped, "nothing is sent to a stopped endpoint");
                    prop_assert!(matches!(owed, Owed::Answers(_)), "nothing is sent that is not owed");
                    if let Some(failed_at) = last_failure_at.take() {
                        prop_assert!(world.now.saturating_since(failed_at) >= Duration::from_secs(7), "the cooldown");
                    }
                    world.record(delivery, &outcome);
                    owed = owed.after(&outcome, classes);
                    if outcome != Outcome::Interrupted {
                        last_failure_at = Some(world.now);
                    }
                }
            }
            Command::AttemptWhilePausing(outcome) => {
                if let Some(delivery) = world.ready() {
                    world.stopped = true;
                    world.record(delivery, &outcome);
                    owed = owed.after(&outcome, classes).stopped();
                    last_failure_at = None;
                }
            }
            // What was stored before the attempt is still all there is.
            Command::CrashInFlight => {}
            Command::Resend if !world.stopped => {
                world.resend(key);
                owed = owed.resent();
                last_failure_at = None;
            }
            Command::Resend => {}
            Command::Pause | Command::Disable => {
                world.stop();
                owed = owed.stopped();
                last_failure_at = None;
            }
            Command::Resume => world.stopped = false,
            Command::Pass(span) => world.now = world.now.saturating_add(span),
        }
        agree(&world, owed)?;
    }
    settle(world, owed, classes)
}

fn agree(world: &World, owed: Owed) -> Result<(), TestCaseError> {
    match (world.stored.map(|delivery| delivery.state), owed) {
        (None, owed) => prop_assert_eq!(owed, Owed::Nothing(End::Delivered)),
        (Some(DeliveryState::Ended(how)), owed) => prop_assert_eq!(owed, Owed::Nothing(End::GivenUp(how))),
        (Some(DeliveryState::Waiting | DeliveryState::Scheduled(_)), owed) => {
            prop_assert!(matches!(owed, Owed::Answers(_)), "{owed:?}");
            prop_assert!(!world.stopped, "a stopped endpoint has nothing waiting");
        }
    }
    Ok(())
}

/// Left to itself with a receiver that always fails, it ends after exactly the answers that are owed.
fn settle(mut world: World, mut owed: Owed, classes: Classes) -> Result<(), TestCaseError> {
    let outcome = Outcome::TimedOut(Phase::Wait);
    while let Owed::Answers(left) = owed {
        world.now = world.now.saturating_add(Duration::from_secs(7));
        let delivery = world.ready();
        prop_assert!(delivery.is_some(), "{left} answers owed, but nothing is ready after a cooldown");
        if let Some(delivery) = delivery {
            world.record(delivery, &outcome);
        }
        owed = owed.after(&outcome, classes);
        agree(&world, owed)?;
    }
    prop_assert!(world.ready().is_none());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_delivery_does_what_it_owes(
        retry in 0_u32..5,
        durable_classes in any::<bool>(),
        commands in proptest::collection::vec(command(), 0..60),
    ) {
        run(retry, durable_classes, commands)?;
    }
}

#[test]
fn by_hand_is_one_attempt() {
    let failed = Command::Attempt(Outcome::TimedOut(Phase::Wait));
    let pass = Command::Pass(Duration::from_secs(7));
    let commands = [failed.clone(), pass.clone(), failed.clone(), Command::Resend, failed, pass, Command::Resend];
    run(1, false, commands.to_vec()).expect("the model agrees");
}
