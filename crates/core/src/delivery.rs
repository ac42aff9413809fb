//! A delivery: the duty to bring one event to one endpoint.

use std::fmt;

use crate::key::EndpointKey;
use crate::outcome::words;
use crate::policy::{Next, Reason};
use crate::time::{Tick, Timestamp};

/// Names one delivery: events match an endpoint at most once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DeliveryKey {
    pub endpoint: EndpointKey,
    pub event: Tick,
}

/// Where a delivery stands. A delivered one leaves no state behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryState {
    /// Wants its next attempt as soon as its lane can.
    Waiting,
    /// Wants its next attempt at this time.
    Scheduled(Timestamp),
    /// Ended without success; listed, and can be resent.
    Ended(Ended),
}

/// How a delivery ended without being delivered. All of them can be resent or recovered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// All attempts of its policy failed.
    Exhausted,
    /// Failed in a way that its policy does not repeat.
    NotRepeated,
    /// The receiver said 410 Gone.
    Gone,
    /// The address is forbidden here.
    Blocked,
    /// The endpoint was paused or disabled when the event came or while it waited.
    Skipped,
    /// The endpoint was removed while it waited, or there is nothing to take back any more.
    Cancelled,
}

words!(Ended {
    Exhausted = "exhausted",
    NotRepeated = "not_repeated",
    Gone = "gone",
    Blocked = "blocked",
    Skipped = "skipped",
    Cancelled = "cancelled",
});

/// Who asked for an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Trigger {
    /// The policy.
    #[default]
    Policy,
    /// A person or program: exactly one attempt, not repeated.
    Manual,
}

words!(Trigger { Policy = "policy", Manual = "manual" });

/// A delivery that wants attempts, as lanes hold it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery {
    pub key: DeliveryKey,
    pub state: DeliveryState,
    /// Completed attempts since acceptance or since the last resend.
    pub attempts_made: u32,
    pub trigger: Trigger,
    pub order_key: Option<u64>,
}

/// What to remember of a delivery once an attempt has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum After {
    /// Delivered: its state is dropped.
    Delivered,
    Retry {
        due_at: Timestamp,
        attempts_made: u32,
    },
    Ended(Ended),
    /// Cut off by our own shutdown: as if the attempt had not begun.
    Unchanged,
}

impl Delivery {
    /// The state after an attempt, from what the policy decided.
    pub fn after(&self, next: Next) -> After {
        match (next, self.trigger) {
            (Next::Delivered, _) => After::Delivered,
            (Next::Again, _) => After::Unchanged,
            (Next::RetryAt(_), Trigger::Manual) => After::Ended(Ended::Exhausted),
            (Next::RetryAt(due_at), Trigger::Policy) => {
                After::Retry { due_at, attempts_made: self.attempts_made.saturating_add(1) }
            }
            (Next::Failed(reason), _) => After::Ended(match reason {
                Reason::Exhausted => Ended::Exhausted,
                Reason::NotRepeated => Ended::NotRepeated,
                Reason::Gone => Ended::Gone,
                Reason::Blocked => Ended::Blocked,
            }),
        }
    }

    /// The delivery with what was decided after an attempt; `None` once it is delivered.
    #[must_use]
    pub fn with(self, after: After) -> Option<Delivery> {
        match after {
            After::Delivered => None,
            After::Retry { due_at, attempts_made } => {
                Some(Delivery { state: DeliveryState::Scheduled(due_at), attempts_made, ..self })
            }
            After::Ended(how) => Some(Delivery { state: DeliveryState::Ended(how), ..self }),
            After::Unchanged => Some(self),
        }
    }

    /// Asked for by hand: a live one becomes due at once and keeps its policy, an ended one comes back for exactly one
    /// attempt. A delivered one comes back as [`Delivery::again`].
    #[must_use]
    pub fn resent(self) -> Delivery {
        match self.state {
            DeliveryState::Waiting | DeliveryState::Scheduled(_) => Delivery { state: DeliveryState::Waiting, ..self },
            DeliveryState::Ended(_) => Delivery::again(self.key, self.order_key),
        }
    }

    /// One more attempt for a delivery whose state is gone.
    pub fn again(key: DeliveryKey, order_key: Option<u64>) -> Delivery {
        Delivery { key, state: DeliveryState::Waiting, attempts_made: 0, trigger: Trigger::Manual, order_key }
    }

    /// The endpoint was stopped or removed: what has not ended ends so.
    #[must_use]
    pub fn end(self, how: Ended) -> Delivery {
        if self.is_live() { Delivery { state: DeliveryState::Ended(how), ..self } } else { self }
    }

    /// Its publisher asked for a later time, and nothing was attempted yet. Unlike a retry it holds up nobody.
    pub fn is_put_off(&self) -> bool {
        self.attempts_made == 0 && matches!(self.state, DeliveryState::Scheduled(_))
    }

    /// Whether it still wants an attempt.
    pub fn is_live(&self) -> bool {
        match self.state {
            DeliveryState::Waiting | DeliveryState::Scheduled(_) => true,
            DeliveryState::Ended(_) => false,
        }
    }
}
