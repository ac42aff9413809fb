//! How long an endpoint has had a problem, and when that is too long.

use std::time::Duration;

use crate::outcome::Outcome;
use crate::time::Timestamp;

/// Since when an endpoint has failed without one success. Small enough to be stored with the endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Health {
    /// The end of the first failed attempt since the last success; `None` while all is well.
    pub problem_since: Option<Timestamp>,
}

impl Health {
    /// An attempt ended. Only a success ends a problem: an endpoint that refuses everything with 404 has one, however
    /// promptly it answers. Attempts that we cut off say nothing.
    #[must_use]
    pub fn after(self, outcome: &Outcome, now: Timestamp) -> Health {
        let problem_since = match outcome {
            Outcome::Delivered(_) => None,
            Outcome::Interrupted => self.problem_since,
            Outcome::Refused(_)
            | Outcome::TimedOut(_)
            | Outcome::Unreachable(_)
            | Outcome::Blocked(_)
            | Outcome::NoToken(_) => {
                // A clock that was set back must not put the beginning into the future.
                Some(self.problem_since.map_or(now, |since| since.min(now)))
            }
        };
        Health { problem_since }
    }

    /// Whether the endpoint is to be paused: it had a problem for `pause_after` or longer. Zero never pauses.
    ///
    /// Asked after a failed attempt, so an endpoint that nothing was sent to meanwhile is not paused for silence.
    pub fn is_to_pause(self, pause_after: Duration, now: Timestamp) -> bool {
        !pause_after.is_zero() && self.problem_since.is_some_and(|since| now.saturating_since(since) >= pause_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Answer, Cause};

    const HOUR: Duration = Duration::from_hours(1);

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_secs(1_795_471_200 + 60 * minutes)
    }

    fn answered(status: u16) -> Outcome {
        Outcome::answered(Answer { status, ..Answer::default() })
    }

    /// Runs attempts at these minutes; tells at which of them the endpoint is to be paused.
    fn paused_at(pause_after: Duration, attempts: &[(i64, Outcome)]) -> Option<i64> {
        let mut health = Health::default();
        attempts.iter().find_map(|(minute, outcome)| {
            health = health.after(outcome, at(*minute));
            health.is_to_pause(pause_after, at(*minute)).then_some(*minute)
        })
    }

    #[test]
    fn failing_for_the_whole_time_pauses() {
        let attempts =
            [(0, answered(500)), (30, Outcome::Unreachable(Cause::Dns)), (59, answered(404)), (60, answered(500))];
        assert_eq!(paused_at(HOUR, &attempts), Some(60));
        assert_eq!(paused_at(Duration::ZERO, &attempts), None, "zero never pauses");
    }

    #[test]
    fn one_success_starts_over() {
        let attempts = [(0, answered(500)), (59, answered(204)), (60, answered(500)), (119, answered(500))];
        assert_eq!(paused_at(HOUR, &attempts), None);
    }

    #[test]
    fn what_we_cut_off_does_not_count() {
        let attempts =
            [(0, Outcome::Interrupted), (50, answered(500)), (70, Outcome::Interrupted), (109, answered(500))];
        assert_eq!(paused_at(HOUR, &attempts), None);
    }

    #[test]
    fn a_clock_set_back_starts_at_the_new_time() {
        let attempts = [(6_000, answered(500)), (0, answered(500)), (59, answered(500)), (60, answered(500))];
        assert_eq!(paused_at(HOUR, &attempts), Some(60));
    }
}
