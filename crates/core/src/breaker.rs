//! The breaker of a lane: a receiver in trouble is left alone, then asked once, then loaded step by step.
//!
//! Closed until a number of attempts in a row found trouble. Open for a pause that doubles each time. Then half open:
//! one attempt is the probe. If it goes well the breaker closes and the lane ramps up, 1, 2, 4, … in flight. While it
//! is open the lane has one timer, however much waits behind it.
//!
//! Every wait is a window with both ends, so a clock that is set back cannot lengthen it.

use std::fmt;
use std::time::Duration;

use crate::draw;
use crate::limits::{ENDPOINT_IN_FLIGHT_MAX, RETRY_DELAY_MAX, TIME_LIMIT_MAX};
use crate::outcome::{Outcome, words};
use crate::time::{Timestamp, Window};

/// What an attempt says about the receiver's condition, whether or not it liked the event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It answers.
    Well,
    /// It is down, overloaded or broken: 5xx, 429, 408, our time limit, no answer at all.
    Trouble,
    /// Nothing was learned about it: we did not call, or cut the call off.
    Neutral,
}

impl Verdict {
    pub fn of(outcome: &Outcome) -> Verdict {
        match outcome {
            Outcome::Delivered(_) => Verdict::Well,
            Outcome::Refused(answer) => match answer.status {
                408 | 429 | 500..=599 => Verdict::Trouble,
                _ => Verdict::Well,
            },
            Outcome::TimedOut(_) | Outcome::Unreachable(_) | Outcome::NoToken(_) => Verdict::Trouble,
            Outcome::Blocked(_) | Outcome::Interrupted => Verdict::Neutral,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BreakerPlan {
    /// Attempts in a row that find trouble before it opens. Zero never opens.
    pub troubles_to_open: u32,
    /// How long it stays open the first time; doubles each time until the lane is back to normal.
    pub pause: Duration,
    pub pause_max: Duration,
}

impl Default for BreakerPlan {
    fn default() -> BreakerPlan {
        BreakerPlan { troubles_to_open: 10, pause: Duration::from_secs(10), pause_max: Duration::from_mins(5) }
    }
}

/// Whether the lane may start an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admit {
    /// As many as `ramp_limit` and the other limits allow.
    Yes,
    /// One.
    Probe,
    /// Not before then, unless an outcome changes it.
    No { until: Timestamp },
}

/// As shown and counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BreakerState {
    Closed,
    Open,
    HalfOpen,
    /// Closed, on its way back to the normal number in flight.
    Ramping,
}

words!(BreakerState { Closed = "closed", Open = "open", HalfOpen = "half_open", Ramping = "ramping" });

/// Handed out at the start of an attempt and back with its outcome, so that an attempt from before the breaker changed
/// does not decide for the time after.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "give it back with the outcome"]
pub struct Pass(u32);

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Breaker {
    plan: BreakerPlan,
    inner: Inner,
    /// Counts the changes of `inner`'s kind; passes of older ones are late.
    generation: u32,
    /// Times opened since the lane was last at its normal number in flight.
    openings: u32,
    /// Left alone at the receiver's own wish.
    hold: Window,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Inner {
    Closed {
        troubles: u32,
        ramp: Option<Ramp>,
    },
    Open(Window),
    /// The window is the time in which the probe's outcome must come; after it the probe counts as lost.
    HalfOpen(Window),
}

/// At most `limit` in flight; doubles after as many went well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Ramp {
    limit: u32,
    went_well: u32,
}

/// A probe whose outcome never came, because its task died, is given up after the longest exchange and some slack.
const PROBE_LOST_AFTER: Duration = TIME_LIMIT_MAX.saturating_add(Duration::from_secs(30));

impl Breaker {
    pub fn new(plan: BreakerPlan) -> Breaker {
        Breaker {
            plan,
            inner: Inner::Closed { troubles: 0, ramp: None },
            generation: 0,
            openings: 0,
            hold: Window::default(),
        }
    }

    pub fn admits(&self, now: Timestamp) -> Admit {
        if self.hold.contains(now) {
            return Admit::No { until: self.hold.until };
        }
        match self.inner {
            Inner::Closed { .. } => Admit::Yes,
            Inner::Open(window) | Inner::HalfOpen(window) if window.contains(now) => Admit::No { until: window.until },
            Inner::Open(_) | Inner::HalfOpen(_) => Admit::Probe,
        }
    }

    /// How many may be in flight while the lane ramps up; `u32::MAX` when the breaker has nothing to say.
    pub fn ramp_limit(&self) -> u32 {
        match self.inner {
            Inner::Closed { ramp: None, .. } => u32::MAX,
            Inner::Closed { ramp: Some(ramp), .. } => ramp.limit,
            Inner::Open(_) | Inner::HalfOpen(_) => 1,
        }
    }

    pub fn state(&self) -> BreakerState {
        match self.inner {
            Inner::Closed { ramp: None, .. } => BreakerState::Closed,
            Inner::Closed { ramp: Some(_), .. } => BreakerState::Ramping,
            Inner::Open(_) => BreakerState::Open,
            Inner::HalfOpen(_) => BreakerState::HalfOpen,
        }
    }

    /// An attempt begins. One that was not admitted, such as a resend by hand, becomes the probe.
    pub fn on_start(&mut self, now: Timestamp) -> Pass {
        match self.inner {
            Inner::Closed { .. } => {}
            Inner::Open(_) => self.change_to(Inner::HalfOpen(Window::starting(now, PROBE_LOST_AFTER))),
            Inner::HalfOpen(_) => self.inner = Inner::HalfOpen(Window::starting(now, PROBE_LOST_AFTER)),
        }
        Pass(self.generation)
    }

    /// An attempt ended.
    ///
    /// `asked` is the pause that the receiver asked for with `Retry-After` (zero for none, or where the policy does
    /// not honour it): the lane rests at least that long, up to `limits::RETRY_DELAY_MAX`. `draw` spreads the pause
    /// over 80 to 100 % of its length.
    pub fn on_outcome(&mut self, pass: Pass, verdict: Verdict, asked: Duration, draw: f64, now: Timestamp) {
        if verdict == Verdict::Trouble && !asked.is_zero() {
            self.hold = self.hold.max(Window::starting(now, asked.min(RETRY_DELAY_MAX)), now);
        }
        if pass.0 != self.generation {
            return;
        }
        match (self.inner, verdict) {
            (Inner::Closed { ramp, .. }, Verdict::Well) => self.went_well(ramp),
            (Inner::Closed { troubles, ramp }, Verdict::Trouble) => {
                self.found_trouble(troubles.saturating_add(1), ramp, draw, now);
            }
            (Inner::HalfOpen(_), Verdict::Well) => {
                self.change_to(Inner::Closed { troubles: 0, ramp: Some(Ramp { limit: 1, went_well: 0 }) });
            }
            (Inner::HalfOpen(_), Verdict::Trouble) => self.open(draw, now),
            // The probe told nothing: the next attempt is the probe.
            (Inner::HalfOpen(_), Verdict::Neutral) => self.inner = Inner::HalfOpen(Window::default()),
            (Inner::Closed { .. }, Verdict::Neutral) => {}
            (Inner::Open(_), Verdict::Well | Verdict::Trouble | Verdict::Neutral) => {}
        }
    }

    fn went_well(&mut self, ramp: Option<Ramp>) {
        let ramp = ramp.and_then(Ramp::up);
        if ramp.is_none() {
            self.openings = 0;
        }
        self.inner = Inner::Closed { troubles: 0, ramp };
    }

    fn found_trouble(&mut self, troubles: u32, ramp: Option<Ramp>, draw: f64, now: Timestamp) {
        let had_enough = self.plan.troubles_to_open > 0 && troubles >= self.plan.troubles_to_open;
        match ramp {
            _ if had_enough => self.open(draw, now),
            None => self.inner = Inner::Closed { troubles, ramp },
            Some(Ramp { limit: 0..=1, .. }) => self.open(draw, now),
            Some(Ramp { limit, .. }) => {
                self.inner = Inner::Closed { troubles, ramp: Some(Ramp { limit: limit / 2, went_well: 0 }) };
            }
        }
    }

    fn open(&mut self, draw: f64, now: Timestamp) {
        let doublings = 2_u32.saturating_pow(self.openings.min(31));
        let pause = self.plan.pause.saturating_mul(doublings).min(self.plan.pause_max);
        self.openings = self.openings.saturating_add(1);
        self.change_to(Inner::Open(Window::starting(now, draw::between(pause / 5 * 4, pause, draw))));
    }

    fn change_to(&mut self, inner: Inner) {
        self.inner = inner;
        self.generation = self.generation.wrapping_add(1);
    }
}

impl Ramp {
    /// One more went well; `None` when the lane is back to normal.
    fn up(self) -> Option<Ramp> {
        let went_well = self.went_well + 1;
        if went_well < self.limit {
            return Some(Ramp { went_well, ..self });
        }
        let limit = self.limit.saturating_mul(2);
        (limit <= ENDPOINT_IN_FLIGHT_MAX).then_some(Ramp { limit, went_well: 0 })
    }
}

#[cfg(test)]
mod tests;
