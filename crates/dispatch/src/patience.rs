//! When an endpoint that keeps failing is told about, and when it is paused. What the last process knew is read from the counters, once, at the
//! first failure: healthy lanes cost nothing.

use std::time::Duration;

use ringup_core::health::Health;
use ringup_core::operational::OperationalKind;
use ringup_core::outcome::Outcome;
use ringup_core::time::Timestamp;
use ringup_store::directory::EndpointView;
use ringup_store::query::MinuteCount;

/// Since when an endpoint has failed, as far as is known.
#[derive(Default)]
pub struct Patience {
    health: Health,
    past: Past,
    /// Of the newest attempt.
    status: Option<u16>,
    /// Since when the trouble is that was told.
    told: Option<Timestamp>,
}

/// What an endpoint's owner is to be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct News {
    pub kind: OperationalKind,
    pub failing_since: Timestamp,
    pub status: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Past {
    #[default]
    Unknown,
    Asked,
    Known,
}

/// What follows from an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    GoOn,
    /// It may have failed before we began: look into the counters.
    LookBack,
    /// It failed for as long as its settings allow.
    Pause,
}

impl Patience {
    pub fn on_outcome(&mut self, outcome: &Outcome, view: &EndpointView, now: Timestamp) -> Step {
        self.health = self.health.after(outcome, now);
        self.status = outcome.status();
        if self.health.problem_since.is_none() {
            if matches!(outcome, Outcome::Delivered(_)) {
                self.past = Past::Known;
            }
            return Step::GoOn;
        }
        if self.past == Past::Unknown && !view.settings.pause_after.value.is_zero() {
            self.past = Past::Asked;
            return Step::LookBack;
        }
        self.judge(view, now)
    }

    /// The counters say since when it has failed; `Err` if they could not be read.
    pub fn on_past<E>(&mut self, since: Result<Option<Timestamp>, E>, view: &EndpointView, now: Timestamp) -> Step {
        self.past = if since.is_ok() { Past::Known } else { Past::Unknown };
        if let (Some(problem), Ok(Some(since))) = (&mut self.health.problem_since, since) {
            *problem = since.min(*problem);
        }
        self.judge(view, now)
    }

    fn judge(&mut self, view: &EndpointView, now: Timestamp) -> Step {
        let problem_since = self.problem_since(view);
        if !(Health { problem_since }).is_to_pause(view.settings.pause_after.value, now) {
            return Step::GoOn;
        }
        *self = Patience { past: Past::Known, ..Patience::default() };
        Step::Pause
    }

    /// A problem is never older than the endpoint's last change: that may have been its end.
    fn problem_since(&self, view: &EndpointView) -> Option<Timestamp> {
        self.health.problem_since.map(|since| since.max(view.endpoint.updated_at))
    }

    /// What is to be told now: a trouble once, when it is as old as `alert_after`, and its end.
    pub fn news(&mut self, view: &EndpointView, alert_after: Duration, now: Timestamp) -> Option<News> {
        let news = |kind, failing_since| News { kind, failing_since, status: self.status };
        match (self.problem_since(view), self.told) {
            (None, Some(since)) => {
                let news = news(OperationalKind::EndpointRecovered, since);
                self.told = None;
                Some(news)
            }
            // What the counters say may make it older.
            (Some(_), None) if self.past == Past::Asked => None,
            (Some(since), None) if now.saturating_since(since) >= alert_after => {
                self.told = Some(since);
                Some(news(OperationalKind::EndpointFailing, since))
            }
            (Some(_) | None, _) => None,
        }
    }
}

/// The minutes to look at: as many as the endpoint may fail, since its last change.
pub fn minutes(view: &EndpointView, now: Timestamp) -> std::ops::Range<i64> {
    let allowed = view.settings.pause_after.value.saturating_add(Duration::from_mins(1));
    let from = now.saturating_sub(allowed).max(view.endpoint.updated_at);
    from.as_minutes()..now.as_minutes().saturating_add(1)
}

/// The beginning of the first minute that had failures after the last one that had a success.
pub fn problem_since(counts: &[MinuteCount]) -> Option<Timestamp> {
    counts.iter().fold(None, |since, count| {
        let failures = count.refused + count.timed_out + count.unreachable + count.blocked;
        match since {
            _ if count.delivered > 0 => None,
            None if failures > 0 => Some(Timestamp::from_secs(count.minute.saturating_mul(60))),
            since => since,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: i64, delivered: u64, refused: u64) -> MinuteCount {
        MinuteCount { minute, delivered, refused, ..MinuteCount::default() }
    }

    #[test]
    fn a_problem_begins_after_the_last_success() {
        let at = |minute: i64| Some(Timestamp::from_secs(minute * 60));
        assert_eq!(problem_since(&[]), None);
        assert_eq!(problem_since(&[minute(1, 0, 2), minute(5, 0, 1)]), at(1));
        assert_eq!(problem_since(&[minute(1, 0, 2), minute(2, 1, 7), minute(5, 0, 1), minute(6, 0, 1)]), at(5));
        assert_eq!(problem_since(&[minute(1, 0, 2), minute(2, 1, 0)]), None);
    }
}
