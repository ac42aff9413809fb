//! How an endpoint is doing, in words and a shape. Drawn from the counters, which do not depend on the log mode.

use std::time::Duration;

use ringup_app::view::{EndpointView, MinuteCount};
use ringup_core::endpoint::StoppedBy;
use ringup_core::time::Timestamp;

use crate::ui::Ui;

/// The time that health is told of.
pub const WINDOW: Duration = Duration::from_hours(24);

/// Tenths of a percent of successes from which an endpoint is healthy.
const HEALTHY_TENTHS: u64 = 990;

/// Attempts by how they ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sum {
    pub delivered: u64,
    pub failed: u64,
    pub gave_up: u64,
    pub duration_ms: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Health {
    pub sum: Sum,
    pub state: State,
    /// The minute in which something was last sent.
    pub last_at: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Disabled by its owner.
    Paused(Timestamp),
    /// It said 410.
    Gone(Timestamp),
    /// Paused by us.
    GivenUp(Timestamp),
    /// Nothing was sent.
    Quiet,
    Healthy,
    /// Some fail, some arrive.
    Shaky,
    /// Nothing has arrived since then.
    Failing(Timestamp),
}

impl Sum {
    pub fn of<'a>(minutes: impl IntoIterator<Item = &'a MinuteCount>) -> Sum {
        minutes.into_iter().fold(Sum::default(), |sum, minute| Sum {
            delivered: sum.delivered + minute.delivered,
            failed: sum.failed + failures(minute),
            gave_up: sum.gave_up + minute.gave_up,
            duration_ms: sum.duration_ms + minute.duration_ms,
        })
    }

    pub fn attempts(&self) -> u64 {
        self.delivered + self.failed
    }

    /// The share of attempts that delivered, in tenths of a percent; never rounded up to all of them.
    pub fn share_tenths(&self) -> Option<u64> {
        (self.delivered * 1_000).checked_div(self.attempts())
    }

    pub fn mean(&self) -> Option<Duration> {
        // Below a millisecond there is no telling how far, but it is not none.
        (self.duration_ms * 1_000).checked_div(self.attempts()).map(|us| Duration::from_micros(us.max(1)))
    }

    #[must_use]
    pub fn and(self, other: Sum) -> Sum {
        Sum {
            delivered: self.delivered + other.delivered,
            failed: self.failed + other.failed,
            gave_up: self.gave_up + other.gave_up,
            duration_ms: self.duration_ms + other.duration_ms,
        }
    }
}

pub fn failures(minute: &MinuteCount) -> u64 {
    minute.refused + minute.timed_out + minute.unreachable + minute.blocked
}

impl Health {
    pub fn of(view: &EndpointView, minutes: &[MinuteCount]) -> Health {
        let sum = Sum::of(minutes);
        let state = match view.endpoint.stopped {
            Some(stopped) => match stopped.by {
                StoppedBy::Owner => State::Paused(stopped.at),
                StoppedBy::Gone => State::Gone(stopped.at),
                StoppedBy::Failing => State::GivenUp(stopped.at),
            },
            None => match (failing_since(minutes), sum.share_tenths()) {
                (_, None) => State::Quiet,
                (Some(since), _) => State::Failing(since),
                (None, Some(share)) if share >= HEALTHY_TENTHS => State::Healthy,
                (None, Some(_)) => State::Shaky,
            },
        };
        Health { sum, state, last_at: minutes.last().map(start) }
    }

    pub fn shape(&self) -> &'static str {
        match self.state {
            State::Healthy => "ok",
            State::Shaky => "warn",
            State::Failing(_) | State::Gone(_) | State::GivenUp(_) => "fail",
            State::Paused(_) | State::Quiet => "skip",
        }
    }

    /// Whether somebody should look.
    pub fn needs_attention(&self) -> bool {
        matches!(self.state, State::Shaky | State::Failing(_) | State::Gone(_) | State::GivenUp(_))
    }

    pub fn words(&self, ui: &Ui) -> String {
        let at = |key: &str, at: &Timestamp| ui.a(key, "time", ui.minute(at));
        match &self.state {
            State::Paused(since) => at("health-paused", since),
            State::Gone(since) => at("health-gone", since),
            State::GivenUp(since) => at("health-given-up", since),
            State::Failing(since) => at("health-failing", since),
            State::Quiet => ui.t("health-quiet"),
            State::Healthy => ui.a("health-healthy", "share", self.share(ui)),
            State::Shaky => ui.a("health-shaky", "share", self.share(ui)),
        }
    }

    pub fn share(&self, ui: &Ui) -> String {
        self.sum.share_tenths().map_or_else(|| "–".to_owned(), |tenths| share_text(ui, tenths))
    }
}

/// `99.1 %`, and `100 %` without a fraction.
pub fn share_text(ui: &Ui, tenths: u64) -> String {
    if tenths.is_multiple_of(10) { format!("{} %", tenths / 10) } else { format!("{} %", ui.lang.tenths(tenths)) }
}

/// The beginning of the first minute with failures after the last one with a success.
fn failing_since(minutes: &[MinuteCount]) -> Option<Timestamp> {
    minutes.iter().fold(None, |since, minute| match since {
        _ if minute.delivered > 0 => None,
        None if failures(minute) > 0 => Some(start(minute)),
        since => since,
    })
}

fn start(minute: &MinuteCount) -> Timestamp {
    Timestamp::from_secs(minute.minute.saturating_mul(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: i64, delivered: u64, refused: u64) -> MinuteCount {
        MinuteCount { minute, delivered, refused, ..MinuteCount::default() }
    }

    #[test]
    fn a_share_is_never_rounded_up() {
        let share = |delivered, failed| Sum { delivered, failed, ..Sum::default() }.share_tenths();
        assert_eq!(share(1_999, 1), Some(999));
        assert_eq!(share(5, 0), Some(1_000));
        assert_eq!(share(0, 0), None);
    }

    #[test]
    fn failing_begins_after_the_last_success() {
        assert_eq!(
            failing_since(&[minute(1, 1, 0), minute(2, 0, 1), minute(3, 0, 4)]),
            Some(Timestamp::from_secs(120))
        );
        assert_eq!(failing_since(&[minute(1, 0, 9), minute(2, 1, 0)]), None);
        assert_eq!(failing_since(&[]), None);
    }
}
