//! How many deliveries of an endpoint stand where.

use std::time::Duration;

use ringup_core::scope::Scope;
use ringup_core::time::Timestamp;
use ringup_store::query::StandingCounts;

use crate::app::{App, endpoint_of};
use crate::error::{AppError, Fault};
use crate::principal::Principal;

/// The longest time that is counted at once (Svix dialect).
const STATS_SPAN_MAX: Duration = Duration::from_hours(28 * 24);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointStats {
    /// Attempts that delivered in this time, by the minute in which they ended. A delivery that was sent again well
    /// counts again.
    pub delivered: u64,
    /// Of events accepted in this time.
    pub standings: StandingCounts,
}

/// Attempts of one endpoint by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptStats {
    pub delivered: u64,
    pub failed: u64,
}

impl App {
    /// How many endpoints of the caller's accounts get events, and how many are disabled.
    pub fn endpoint_count(&self, principal: &Principal) -> Result<(usize, usize), AppError> {
        let accounts = self.accounts(principal)?;
        let endpoints = || accounts.iter().flat_map(|account| &account.endpoints);
        let disabled = endpoints().filter(|view| view.endpoint.stopped.is_some()).count();
        Ok((endpoints().count() - disabled, disabled))
    }

    /// From `since` on and before `until`; the last 28 days unless told otherwise.
    pub async fn endpoint_stats(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<EndpointStats, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        let key = endpoint_of(&view, endpoint)?.endpoint.key;
        let (since, until) = self.span(since, until)?;
        let counts = self.store().counts(key, since.as_minutes(), until.as_minutes()).await?;
        let standings = self.store().standings(key, since, until).await?;
        Ok(EndpointStats { delivered: counts.iter().map(|count| count.delivered).sum(), standings })
    }
    /// Attempts that ended from `since` on and before `until`, in whole minutes; the last 28 days unless told otherwise.
    pub async fn attempt_stats(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<AttemptStats, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        let key = endpoint_of(&view, endpoint)?.endpoint.key;
        let (since, until) = self.span(since, until)?;
        let mut stats = AttemptStats::default();
        for count in self.store().counts(key, since.as_minutes(), until.as_minutes()).await? {
            stats.delivered += count.delivered;
            stats.failed += count.refused + count.timed_out + count.unreachable + count.blocked;
        }
        Ok(stats)
    }

    fn span(&self, since: Option<Timestamp>, until: Option<Timestamp>) -> Result<(Timestamp, Timestamp), AppError> {
        // Counts whole minutes, so the one that is running is counted, too.
        let until = until.unwrap_or_else(|| self.now().saturating_add(Duration::from_mins(1)));
        let since = since.unwrap_or_else(|| until.saturating_sub(STATS_SPAN_MAX));
        if since > until {
            return Err(Fault::new("query.since", "range", "a time before `until`").into());
        }
        if until.saturating_since(since) > STATS_SPAN_MAX {
            return Err(Fault::new("query.since", "range", "at most 28 days before `until`").into());
        }
        Ok((since, until))
    }
}
