//! Sending again everything that a search of the log finds: counted first, then done by a task.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ringup_core::key::EndpointKey;
use ringup_core::limits::{PAGE_ROWS_MAX, TASK_RATE_MAX};
use ringup_core::scope::Scope;
use ringup_core::search::Search;
use ringup_core::task::{Task, TaskKind, TaskScope};
use ringup_core::time::Timestamp;
use ringup_store::audit::of_account;
use ringup_store::directory::{AccountView, EndpointView};
use ringup_store::task::{Findings, findings};
use tokio::time::Instant;

use crate::app::App;
use crate::check::Faults;
use crate::error::{AppError, Fault};
use crate::principal::Principal;

/// Deliveries a second unless another pace is asked for: a receiver that was just down is not to be knocked over.
pub const RESEND_RATE_DEFAULT: u32 = 50;

/// Deliveries that an estimate counts, and how long it goes on, before it says *at least so many*.
const ESTIMATED_MAX: u64 = 100_000;
const ESTIMATE_TIME_MAX: Duration = Duration::from_secs(3);

/// What is to be sent again.
#[derive(Clone, Copy, Debug)]
pub struct ResendDraft<'a> {
    pub search: &'a Search,
    /// Deliveries a second, at most; `None` for [`RESEND_RATE_DEFAULT`].
    pub rate: Option<u32>,
}

/// What it would come to, if it began now.
#[derive(Clone, Debug)]
pub struct ResendEstimate {
    /// Deliveries that would be sent.
    pub deliveries: u64,
    /// There may be more: counting has a bound.
    pub at_least: bool,
    /// Those of them that were delivered already: their receivers see the same id again.
    pub delivered: u64,
    /// Deliveries of endpoints that are disabled: they would be passed over.
    pub stopped: u64,
    /// By endpoint, the most first.
    pub endpoints: Vec<(Arc<EndpointView>, u64)>,
    pub rate: u32,
    /// At the slowest endpoint's pace.
    pub takes: Duration,
}

impl App {
    /// What [`App::begin_resend`] would do if it began now; nothing is sent.
    pub async fn estimate_resend(
        &self,
        principal: &Principal,
        account: &str,
        draft: ResendDraft<'_>,
    ) -> Result<ResendEstimate, AppError> {
        let view = self.owned(principal, account, Scope::Recover)?;
        let (search, scope) = self.found_scope(&view, draft)?;
        self.estimated(&view, &search, &scope, draft).await
    }

    /// Begins to send again every delivery whose newest attempt the search finds now. `Conflict` if the account has as
    /// many tasks running as it may.
    pub async fn begin_resend(
        &self,
        principal: &Principal,
        account: &str,
        draft: ResendDraft<'_>,
    ) -> Result<Task, AppError> {
        let view = self.owned(principal, account, Scope::Recover)?;
        let (search, scope) = self.found_scope(&view, draft)?;
        let estimate = self.estimated(&view, &search, &scope, draft).await?;
        let expected = (!estimate.at_least).then_some(estimate.deliveries + estimate.stopped);
        let scope = TaskScope { expected, ..scope };
        let task = self.new_task(&view, None, TaskKind::ResendFound, scope, Some(estimate.rate));
        self.begun(principal, task, of_account(&view.account)).await
    }

    /// The search with its times fixed, and what of the log it is about.
    fn found_scope(&self, view: &AccountView, draft: ResendDraft<'_>) -> Result<(Search, TaskScope), AppError> {
        let mut faults = Faults::default();
        faults.check(!draft.search.is_everything(), || {
            let why = "say what to send again, such as status:failed after:-1h; a search for everything is refused";
            Fault::new("query", "required", why)
        });
        if let Some(rate) = draft.rate {
            faults.check((1..=TASK_RATE_MAX).contains(&rate), || {
                Fault::new("rate", "range", format!("1 to {TASK_RATE_MAX} deliveries a second"))
            });
        }
        faults.done()?;
        let now = self.now();
        let search = draft.search.fixed(now);
        let hints = ringup_store::log_query::LogQuery::of(view, None, &search, now).search.hints.clone();
        let scope = TaskScope {
            since: hints.after.unwrap_or_default().max(Timestamp::default()),
            // What ended in this very microsecond is shown, so it is meant.
            until: now.saturating_add(Duration::from_micros(1)),
            search: Some(search.to_string()),
            ..TaskScope::default()
        };
        Ok((search, scope))
    }

    async fn estimated(
        &self,
        view: &AccountView,
        search: &Search,
        scope: &TaskScope,
        draft: ResendDraft<'_>,
    ) -> Result<ResendEstimate, AppError> {
        let until = Instant::now() + ESTIMATE_TIME_MAX;
        let mut counted = Counted::default();
        let mut cursor = Task::first_cursor(scope);
        let at_least = loop {
            let found = findings(&**self.store(), view, search, scope, cursor, PAGE_ROWS_MAX).await?;
            counted.add(&found);
            cursor = found.cursor;
            if found.done {
                break false;
            }
            if counted.all >= ESTIMATED_MAX || Instant::now() >= until {
                break true;
            }
        };
        Ok(counted.estimate(view, draft.rate.unwrap_or(RESEND_RATE_DEFAULT), at_least))
    }
}

#[derive(Default)]
struct Counted {
    all: u64,
    /// All, and those delivered already.
    by_endpoint: BTreeMap<EndpointKey, (u64, u64)>,
}

impl Counted {
    fn add(&mut self, found: &Findings) {
        for (endpoint, findings) in &found.deliveries {
            let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
            let all = count(findings.len());
            let delivered = count(findings.iter().filter(|finding| finding.delivered).count());
            let sum = self.by_endpoint.entry(*endpoint).or_default();
            *sum = (sum.0 + all, sum.1 + delivered);
            self.all += all;
        }
    }

    fn estimate(self, view: &AccountView, rate: u32, at_least: bool) -> ResendEstimate {
        let mut estimate = ResendEstimate {
            deliveries: 0,
            at_least,
            delivered: 0,
            stopped: 0,
            endpoints: Vec::new(),
            rate,
            takes: Duration::ZERO,
        };
        for (key, (all, delivered)) in self.by_endpoint {
            let Some(endpoint) = view.by_key(key) else { continue };
            if endpoint.endpoint.stopped.is_some() {
                estimate.stopped += all;
                continue;
            }
            estimate.deliveries += all;
            estimate.delivered += delivered;
            // Its lane goes no faster than its own limit.
            let own = endpoint.settings.rate_limit.value.map_or(Duration::ZERO, |limit| at_pace(all, limit));
            estimate.takes = estimate.takes.max(own);
            estimate.endpoints.push((endpoint.clone(), all));
        }
        estimate.takes = estimate.takes.max(at_pace(estimate.deliveries, rate));
        estimate.endpoints.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        estimate
    }
}

/// How long so many take at so many a second.
fn at_pace(count: u64, per_second: u32) -> Duration {
    Duration::from_millis(count.saturating_mul(1_000) / u64::from(per_second.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_gives_a_span() {
        assert_eq!(at_pace(0, 50), Duration::ZERO);
        assert_eq!(at_pace(75, 50), Duration::from_millis(1_500));
        assert_eq!(at_pace(10, 0), Duration::from_secs(10));
    }
}
