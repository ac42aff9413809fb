//! What fails, grouped by the host that was called and the cause.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringup_core::key::AccountKey;
use ringup_core::scope::Scope;
use ringup_core::time::Timestamp;
use ringup_store::directory::{AccountView, EndpointView};
use ringup_store::query::{AttemptFilter, Order, PageRequest, StoredAttempt};

use super::WINDOW;
use crate::app::App;
use crate::cause::Cause;
use crate::error::AppError;
use crate::principal::Principal;

/// Endpoints that are looked into: those with the most failures.
const ENDPOINTS_MAX: usize = 100;

/// The newest failures of an endpoint that are sorted by cause.
const ATTEMPTS_MAX: usize = 20;

/// Of the last hour.
#[derive(Clone, Debug)]
pub struct Problems {
    /// The most failures first.
    pub problems: Vec<Problem>,
    /// Endpoints with failures that were looked into, and all that have some.
    pub looked_into: usize,
    pub all: usize,
    /// Endpoints with failures of which the log keeps none, so their causes are not known.
    pub unlogged: usize,
}

#[derive(Clone, Debug)]
pub struct Problem {
    /// With its port, where the address names one.
    pub host: String,
    pub cause: Cause,
    /// Attempts.
    pub count: u64,
    /// Whether `count` is all of them, and `first_at` really the first.
    pub is_whole: bool,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub accounts: usize,
    pub endpoints: usize,
    /// The newest one, and where it belongs.
    pub sample: StoredAttempt,
    pub account: Arc<AccountView>,
    pub environment: String,
    pub endpoint: Arc<EndpointView>,
}

impl App {
    pub async fn problems(&self, principal: &Principal) -> Result<Problems, AppError> {
        principal.operator(Scope::Read)?;
        let now = self.now();
        let since = now.saturating_sub(WINDOW);
        let mut failing: Vec<_> =
            self.tally(now).await?.endpoints.into_iter().filter(|(_, sum)| sum.failed() > 0).collect();
        failing.sort_by_key(|(endpoint, sum)| (std::cmp::Reverse(sum.failed()), *endpoint));
        let all = failing.len();
        failing.truncate(ENDPOINTS_MAX);
        let mut groups: BTreeMap<(String, &'static str), (Problem, Vec<AccountKey>)> = BTreeMap::new();
        let mut unlogged = 0;
        for (key, sum) in &failing {
            let Some((account, endpoint)) = self.place_of(*key) else { continue };
            let filter = AttemptFilter { succeeded: Some(false), without_response: true, ..AttemptFilter::default() };
            let request = PageRequest { rows_max: ATTEMPTS_MAX, after: None, order: Order::NewestFirst };
            let found = self.store().attempts_of_endpoint(account.account.key, *key, filter, request).await?.rows;
            let recent: Vec<StoredAttempt> = found.into_iter().take_while(|one| one.started_at > since).collect();
            unlogged += usize::from(recent.is_empty());
            let is_whole = recent.len() < ATTEMPTS_MAX;
            for (cause, of_cause) in by_cause(recent) {
                let (Some(newest), Some(oldest)) = (of_cause.first(), of_cause.last()) else { continue };
                // With one cause alone the counters know how many there were.
                let is_only = of_cause.len() == ATTEMPTS_MAX;
                let count = if is_only { sum.failed().max(of_cause.len() as u64) } else { of_cause.len() as u64 };
                let fresh = || Problem {
                    host: host(&newest.url),
                    cause,
                    count: 0,
                    is_whole: true,
                    first_at: oldest.started_at,
                    last_at: newest.started_at,
                    accounts: 0,
                    endpoints: 0,
                    sample: newest.clone(),
                    environment: self.environment_of(&account),
                    account: account.clone(),
                    endpoint: endpoint.clone(),
                };
                let group = groups.entry((host(&newest.url), cause.word())).or_insert_with(|| (fresh(), Vec::new()));
                let problem = &mut group.0;
                problem.count += count;
                problem.is_whole &= is_whole;
                problem.endpoints += 1;
                problem.first_at = problem.first_at.min(oldest.started_at);
                if newest.started_at > problem.last_at {
                    let kept = Problem { last_at: newest.started_at, ..fresh() };
                    problem.last_at = kept.last_at;
                    (problem.sample, problem.account, problem.endpoint) = (kept.sample, kept.account, kept.endpoint);
                    problem.environment = kept.environment;
                }
                group.1.push(account.account.key);
            }
        }
        let counted = groups.into_values().map(|(problem, mut accounts)| {
            accounts.sort_unstable();
            accounts.dedup();
            Problem { accounts: accounts.len(), ..problem }
        });
        let mut problems: Vec<Problem> = counted.collect();
        problems.sort_by_key(|problem| std::cmp::Reverse((problem.count, problem.last_at)));
        Ok(Problems { problems, looked_into: failing.len(), all, unlogged })
    }
}

/// Attempts that we cut off ourselves are nobody's problem.
fn by_cause(attempts: Vec<StoredAttempt>) -> Vec<(Cause, Vec<StoredAttempt>)> {
    let mut causes: Vec<(Cause, Vec<StoredAttempt>)> = Vec::new();
    for attempt in attempts {
        let cause = Cause::of(&attempt);
        if cause == Cause::Interrupted {
            continue;
        }
        match causes.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, of_cause)) => of_cause.push(attempt),
            None => causes.push((cause, vec![attempt])),
        }
    }
    causes
}

/// The host of an address, and nothing else of it: paths and queries can hold secrets.
fn host(address: &str) -> String {
    let behind = address.split_once("://").map_or(address, |(_, behind)| behind);
    let authority = behind.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_host_is_told() {
        for (address, told) in [
            ("https://erp.example/hooks?token=s3cret", "erp.example"),
            ("https://erp.example:8443", "erp.example:8443"),
            ("http://user:s3cret@[::1]:80/x", "[::1]:80"),
            ("erp.example#s3cret", "erp.example"),
        ] {
            assert_eq!(host(address), told);
        }
    }
}
