//! A task: work on many deliveries that goes on after its request was answered, page by page, across restarts.
//!
//! It goes through history by event, oldest first, and remembers the last event it is done with; one that goes by a search
//! goes through the log by attempt in the same way. A page that was begun
//! when the process died is done again: what it brought back is then live or already sent, so only a replay of what was
//! delivered can send an event of that one page twice.

use std::fmt;
use std::time::Duration;

use crate::id::TaskId;
use crate::key::{AccountKey, EndpointKey, EnvironmentKey};
use crate::limits::TASK_PAGE_ROWS;
use crate::outcome::words;
use crate::time::{Tick, Timestamp};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Task {
    pub id: TaskId,
    pub environment: EnvironmentKey,
    pub account: AccountKey,
    /// `None` for work on an account's events as such.
    pub endpoint: Option<EndpointKey>,
    pub kind: TaskKind,
    pub scope: TaskScope,
    /// Deliveries brought back a second, at most; `None` leaves the pace to the endpoint's lane.
    pub rate: Option<u32>,
    pub status: TaskStatus,
    /// The last event that it is done with, or the last attempt.
    pub cursor: Tick,
    pub progress: TaskProgress,
    /// Why it failed, for people.
    pub why: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaskKind {
    /// Sends again what ended without success.
    Recover,
    /// Sends what the endpoint wants now and never got, because it was made or changed later.
    ReplayMissing,
    /// Sends again what went to the endpoint, delivered or not.
    BulkReplay,
    /// Sends again every delivery whose newest attempt a search of the log finds, to whichever endpoints they went.
    ResendFound,
    /// Removes the payloads of an account's events.
    Expunge,
}

words!(TaskKind {
    Recover = "recover",
    ReplayMissing = "replay_missing",
    BulkReplay = "bulk_replay",
    ResendFound = "resend_found",
    Expunge = "expunge",
});

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaskStatus {
    Running,
    Finished,
    /// It could not go on: its endpoint was removed or disabled.
    Failed,
    /// Ended by hand; what it brought back until then is sent.
    Cancelled,
}

words!(TaskStatus { Running = "running", Finished = "finished", Failed = "failed", Cancelled = "cancelled" });

/// Which events a task is about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TaskScope {
    /// Accepted at this time or later.
    pub since: Timestamp,
    /// Accepted before this time. Fixed when the task begins, so that it ends.
    pub until: Timestamp,
    pub event_types: Option<Vec<String>>,
    pub channel: Option<String>,
    pub standing: Option<Standing>,
    /// 1 to 5: the hundred of the newest attempt's status; 0 for an attempt without one.
    pub status_class: Option<u16>,
    /// The search of the log, with its times fixed.
    pub search: Option<String>,
    /// Deliveries that there were to do when it began; `None` where counting them took too long.
    pub expected: Option<u64>,
}

/// Where a delivery stands, as lists can be narrowed to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    Delivered,
    /// Wants an attempt.
    Live,
    /// Was tried in vain, or may not be sent there.
    Failed,
    /// Never sent, since the endpoint was stopped or removed.
    LeftOut,
}

words!(Standing { Delivered = "delivered", Live = "live", Failed = "failed", LeftOut = "left_out" });

/// How far a task is. After a crash it may be short by the page that was being done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TaskProgress {
    /// Deliveries brought back, or payloads removed.
    pub done: u64,
    /// Those in scope that could not be: payload gone, or on their way already.
    pub passed_over: u64,
}

impl Task {
    /// The cursor from which a task of this scope begins.
    pub fn first_cursor(scope: &TaskScope) -> Tick {
        Tick(Tick::at(scope.since).0.saturating_sub(1))
    }

    /// Rows to do in one page: a full one, or what the rate allows in a second.
    pub fn page_rows(&self) -> usize {
        let rate = self.rate.map_or(usize::MAX, |rate| usize::try_from(rate).unwrap_or(usize::MAX));
        rate.clamp(1, TASK_PAGE_ROWS)
    }

    /// How long to rest after a page that brought so many back.
    pub fn rest_after(&self, done: usize) -> Duration {
        match self.rate {
            Some(rate) => Duration::from_secs(u64::try_from(done).unwrap_or(u64::MAX)) / rate.max(1),
            None => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(rate: Option<u32>) -> Task {
        Task {
            id: TaskId([0; 20]),
            environment: EnvironmentKey(1),
            account: AccountKey(2),
            endpoint: Some(EndpointKey(3)),
            kind: TaskKind::Recover,
            scope: TaskScope::default(),
            rate,
            status: TaskStatus::Running,
            cursor: Tick::default(),
            progress: TaskProgress::default(),
            why: None,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        }
    }

    #[test]
    fn a_rate_is_kept_over_any_second() {
        for rate in [1, 3, 50, 99, 100, 250, 10_000] {
            let task = task(Some(rate));
            let rows = task.page_rows();
            let rest = task.rest_after(rows);
            // A page and its rest last at least as long as the rate wants for that many.
            let allowed = f64::from(rate) * rest.as_secs_f64();
            assert!(f64::from(u32::try_from(rows).expect("small")) <= allowed + 1e-3, "{rate}: {rows} in {rest:?}");
            assert!((1..=TASK_PAGE_ROWS).contains(&rows));
        }
        assert_eq!((task(None).page_rows(), task(None).rest_after(100)), (TASK_PAGE_ROWS, Duration::ZERO));
    }

    #[test]
    fn the_first_event_of_a_scope_is_behind_the_first_cursor() {
        let since = Timestamp::from_micros(1_795_471_200_000_001);
        let cursor = Task::first_cursor(&TaskScope { since, ..TaskScope::default() });
        assert!(cursor < Tick::at(since) && cursor.time() <= since);
        assert_eq!(Task::first_cursor(&TaskScope::default()), Tick::default());
    }
}
