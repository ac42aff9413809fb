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

impl App {
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
        // Counts whole minutes, so the one that is running is counted, too.
        let until = until.unwrap_or_else(|| self.now().saturating_add(Duration::from_mins(1)));
        let since = since.unwrap_or_else(|| until.saturating_sub(STATS_SPAN_MAX));
        if since > until {
            return Err(Fault::new("query.since", "range", "a time before `until`").into());
        }
        if until.saturating_since(since) > STATS_SPAN_MAX {
            return Err(Fault::new("query.since", "range", "at most 28 days before `until`").into());
        }
        let counts = self.store().counts(key, since.as_minutes(), until.as_minutes()).await?;
        let standings = self.store().standings(key, since, until).await?;
        Ok(EndpointStats { delivered: counts.iter().map(|count| count.delivered).sum(), standings })
    }
}
