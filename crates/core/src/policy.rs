//! The retry policy: from what came of an attempt to what happens next. Total and repeatable.

use std::fmt;
use std::time::Duration;

use crate::draw;
use crate::limits::{RETRIES_MAX, RETRY_DELAY_MAX};
use crate::outcome::{NoToken, Outcome, words};
use crate::retry_after;
use crate::time::Timestamp;

/// A named policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Policy {
    /// One retry after 7 s on 5xx, 408, 429 and our own time limit; nothing else is repeated.
    #[default]
    Guide,
    /// Ten attempts over three days with jitter, on every failure but final answers; `Retry-After` honoured.
    Durable,
}

words!(Policy { Guide = "guide", Durable = "durable" });

/// Everything the decision needs to know of the settings in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RetryPlan {
    pub schedule: Schedule,
    pub classes: Classes,
    pub honour_retry_after: bool,
    /// Statuses that no repeat can change, whatever the classes say. 410 is always one.
    pub final_statuses: &'static [u16],
}

/// The pauses between attempts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Schedule {
    /// `retry` repeats, each after the same pause.
    Fixed { retry: u32, cooldown: Duration },
    /// One repeat after each pause of the list, exactly.
    List(Vec<Duration>),
    /// As a list, each pause drawn from 80 to 120 % of its step, so that receivers are not hit in step.
    Jittered(&'static [Duration]),
}

/// Which failures are repeated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Classes {
    /// 5xx.
    pub server_error: bool,
    /// A 408 that the server sent.
    pub request_timeout: bool,
    /// 429.
    pub too_many_requests: bool,
    /// Our own time limit.
    pub timed_out: bool,
    /// No answer at all.
    pub no_response: bool,
    /// Every other status, redirects included.
    pub other: bool,
}

/// The classes by name, in the order of the fields of [`Classes`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    ServerError,
    RequestTimeout,
    TooManyRequests,
    TimedOut,
    NoResponse,
    Other,
}

words!(Class {
    ServerError = "server_error",
    RequestTimeout = "request_timeout",
    TooManyRequests = "too_many_requests",
    TimedOut = "timed_out",
    NoResponse = "no_response",
    Other = "other",
});

/// What happens next to a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    Delivered,
    RetryAt(Timestamp),
    Failed(Reason),
    /// We were cut off: the attempt does not count.
    Again,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    Exhausted,
    NotRepeated,
    /// 410: also disables the endpoint.
    Gone,
    Blocked,
}

/// Decides what follows an attempt.
///
/// `attempts_made` counts completed attempts, the one just ended included. `now` is its end, from which the pause
/// counts. `draw` is uniform in `[0, 1)` and supplied by the caller, so a run can be repeated. A pause is never longer
/// than `limits::RETRY_DELAY_MAX`; an honoured `Retry-After` can lengthen a pause, never shorten it.
///
/// Source: DESIGN §4; Standard Webhooks, "Deliverability and reliability"; RFC 9110 §10.2.3.
pub fn next_step(outcome: &Outcome, attempts_made: u32, plan: &RetryPlan, draw: f64, now: Timestamp) -> Next {
    let repeated = match outcome {
        Outcome::Delivered(_) => return Next::Delivered,
        Outcome::Interrupted => return Next::Again,
        Outcome::Blocked(_) => return Next::Failed(Reason::Blocked),
        Outcome::Refused(answer) if answer.status == 410 => return Next::Failed(Reason::Gone),
        Outcome::Refused(answer) => {
            plan.classes.repeats(Class::of_status(answer.status)) && !plan.final_statuses.contains(&answer.status)
        }
        Outcome::TimedOut(_) => plan.classes.repeats(Class::TimedOut),
        Outcome::Unreachable(_) => plan.classes.repeats(Class::NoResponse),
        Outcome::NoToken(NoToken::Blocked(_)) => return Next::Failed(Reason::Blocked),
        // The receiver itself said nothing, so nothing it could have said is final: 410 is like any other status.
        Outcome::NoToken(NoToken::Refused { status, .. }) => {
            plan.classes.repeats(Class::of_status(*status)) && !plan.final_statuses.contains(status)
        }
        Outcome::NoToken(NoToken::Unusable) => plan.classes.repeats(Class::Other),
        Outcome::NoToken(NoToken::TimedOut(_)) => plan.classes.repeats(Class::TimedOut),
        Outcome::NoToken(NoToken::Unreachable(_)) => plan.classes.repeats(Class::NoResponse),
    };
    if !repeated {
        return Next::Failed(Reason::NotRepeated);
    }
    let Some(pause) = plan.schedule.pause(attempts_made.saturating_sub(1), draw) else {
        return Next::Failed(Reason::Exhausted);
    };
    let asked = if plan.honour_retry_after { asked_pause(outcome, now) } else { Duration::ZERO };
    Next::RetryAt(now.saturating_add(pause.max(asked).min(RETRY_DELAY_MAX)))
}

/// The pause that the receiver asked for with `Retry-After`; zero if it did not. Lanes rest that long, too.
pub fn asked_pause(outcome: &Outcome, now: Timestamp) -> Duration {
    let header = outcome.answer().and_then(|answer| answer.retry_after.as_deref());
    header.and_then(|value| retry_after::parse(value, now)).unwrap_or(Duration::ZERO)
}

impl Policy {
    pub fn plan(self) -> RetryPlan {
        match self {
            Policy::Guide => RetryPlan {
                schedule: Schedule::Fixed { retry: 1, cooldown: Duration::from_secs(7) },
                classes: Classes { no_response: false, other: false, ..Classes::ALL },
                honour_retry_after: false,
                final_statuses: self.final_statuses(),
            },
            Policy::Durable => RetryPlan {
                schedule: Schedule::Jittered(DURABLE_PAUSES),
                classes: Classes::ALL,
                honour_retry_after: true,
                final_statuses: self.final_statuses(),
            },
        }
    }

    /// Answers to which the same request can never get another one. 410 Gone is final everywhere.
    pub fn final_statuses(self) -> &'static [u16] {
        match self {
            Policy::Guide => &[],
            Policy::Durable => &[405, 413, 414, 415, 431, 451, 501, 505],
        }
    }
}

/// Nine pauses, ten attempts, 71 h 35 min without jitter. With jitter none exceeds `limits::RETRY_DELAY_MAX`.
const DURABLE_PAUSES: &[Duration] = &[
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(20),
];

impl Schedule {
    /// The pause before repeat number `repeat`, counted from zero; `None` when there are no more.
    pub fn pause(&self, repeat: u32, draw: f64) -> Option<Duration> {
        if repeat >= RETRIES_MAX {
            return None;
        }
        let at = usize::try_from(repeat).ok()?;
        let pause = match self {
            Schedule::Fixed { retry, cooldown } => (repeat < *retry).then_some(*cooldown),
            Schedule::List(pauses) => pauses.get(at).copied(),
            Schedule::Jittered(pauses) => {
                pauses.get(at).map(|pause| draw::between(*pause / 5 * 4, (*pause / 5).saturating_mul(6), draw))
            }
        };
        pause.map(|pause| pause.min(RETRY_DELAY_MAX))
    }

    /// How many repeats there are.
    pub fn retries(&self) -> u32 {
        match self {
            Schedule::Fixed { retry, .. } => *retry,
            Schedule::List(pauses) => u32::try_from(pauses.len()).unwrap_or(u32::MAX),
            Schedule::Jittered(pauses) => u32::try_from(pauses.len()).unwrap_or(u32::MAX),
        }
    }

    /// The same with another number of repeats or another cooldown; either makes it a fixed schedule.
    pub fn with(self, retry: Option<u32>, cooldown: Option<Duration>) -> Schedule {
        if retry.is_none() && cooldown.is_none() {
            return self;
        }
        let (own_retry, own_cooldown) = match &self {
            Schedule::Fixed { retry, cooldown } => (*retry, *cooldown),
            Schedule::List(_) | Schedule::Jittered(_) => (self.retries(), Duration::from_secs(7)),
        };
        Schedule::Fixed { retry: retry.unwrap_or(own_retry), cooldown: cooldown.unwrap_or(own_cooldown) }
    }
}

impl Class {
    /// The class of an answer that is not a success.
    fn of_status(status: u16) -> Class {
        match status {
            500..=599 => Class::ServerError,
            408 => Class::RequestTimeout,
            429 => Class::TooManyRequests,
            _ => Class::Other,
        }
    }
}

impl Classes {
    pub const ALL: Classes = Classes {
        server_error: true,
        request_timeout: true,
        too_many_requests: true,
        timed_out: true,
        no_response: true,
        other: true,
    };

    pub fn repeats(&self, class: Class) -> bool {
        match class {
            Class::ServerError => self.server_error,
            Class::RequestTimeout => self.request_timeout,
            Class::TooManyRequests => self.too_many_requests,
            Class::TimedOut => self.timed_out,
            Class::NoResponse => self.no_response,
            Class::Other => self.other,
        }
    }
}
