//! How long an endpoint takes to answer, told from its newest attempts in the log.

use std::time::Duration;

use ringup_core::scope::Scope;
use ringup_core::search::Search;
use ringup_store::log_entry::OutcomeWord;
use ringup_store::log_query::LogQuery;
use ringup_store::query::{Order, PageRequest};

use crate::app::{App, endpoint_of};
use crate::error::AppError;
use crate::principal::Principal;

/// Attempts that are looked at: enough for a p95, and one short read.
pub const LATENCY_ATTEMPTS_MAX: usize = 100;

impl App {
    /// How long the newest attempts to an endpoint took, as far as the log has them and they reached the receiver: at most
    /// [`LATENCY_ATTEMPTS_MAX`].
    pub async fn durations(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
    ) -> Result<Vec<Duration>, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        let key = endpoint_of(&view, endpoint)?.endpoint.key;
        let query = LogQuery::of(&view, Some(key), &Search::default(), self.now());
        let page = PageRequest { rows_max: LATENCY_ATTEMPTS_MAX, after: None, order: Order::NewestFirst };
        let scan = self.store().log(view.account.key, query, page).await?;
        let reached = scan.rows.iter().filter(|row| {
            matches!(row.attempt.outcome, OutcomeWord::Delivered | OutcomeWord::Refused | OutcomeWord::TimedOut)
        });
        Ok(reached.map(|row| row.attempt.duration).collect())
    }

    /// The time within which 95 of 100 of them were over. `None` without any.
    pub async fn p95(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
    ) -> Result<Option<Duration>, AppError> {
        let mut spans = self.durations(principal, account, endpoint).await?;
        spans.sort_unstable();
        Ok(nearest_rank(&spans))
    }
}

/// Of spans in order, the smallest that at least 95 of 100 do not exceed.
pub fn nearest_rank(spans: &[Duration]) -> Option<Duration> {
    let rank = (spans.len() * 95).div_ceil(100);
    rank.checked_sub(1).and_then(|at| spans.get(at)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(count: u64, expected: Option<u64>) {
        let spans: Vec<Duration> = (1..=count).map(Duration::from_millis).collect();
        assert_eq!(nearest_rank(&spans), expected.map(Duration::from_millis), "of {count}");
    }

    #[test]
    fn ninety_five_of_a_hundred_are_within_it() {
        check(0, None);
        check(1, Some(1));
        check(19, Some(19));
        check(20, Some(19));
        check(100, Some(95));
    }
}
