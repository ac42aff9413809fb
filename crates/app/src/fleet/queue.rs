//! What waits, lane by lane, and when the next retries are due.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringup_core::breaker::BreakerState;
use ringup_core::gauge::LaneGauge;
use ringup_core::key::EndpointKey;
use ringup_core::scope::Scope;
use ringup_core::time::Timestamp;
use ringup_store::directory::{AccountView, EndpointView};

use super::COUNTED_MAX;
use crate::app::App;
use crate::error::AppError;
use crate::principal::Principal;

/// Lanes that are told one by one.
const LANES_MAX: usize = 100;

#[derive(Clone, Debug)]
pub struct Queues {
    pub at: Timestamp,
    /// The most waiting first.
    pub lanes: Vec<QueueLane>,
    /// How many there are altogether.
    pub all: usize,
    /// Attempts under way.
    pub calling: u64,
    /// Retries of the next hour by the minute until they are due; overdue ones are in the first.
    pub due: Vec<u64>,
    /// Whether `due` counts all of them.
    pub due_is_whole: bool,
}

#[derive(Clone, Debug)]
pub struct QueueLane {
    pub account: Arc<AccountView>,
    pub environment: String,
    pub endpoint: Arc<EndpointView>,
    pub waiting: u64,
    /// Whether `waiting` is all of it.
    pub is_whole: bool,
    /// When the oldest event that waits was accepted.
    pub oldest: Option<Timestamp>,
    pub calling: u32,
    pub breaker: BreakerState,
}

impl App {
    pub async fn queues(&self, principal: &Principal) -> Result<Queues, AppError> {
        principal.operator(Scope::Read)?;
        let now = self.now();
        let backlog = self.store().backlog(now, COUNTED_MAX).await?;
        let gauges = match &self.house {
            Some(house) => house.engine.lanes().await,
            None => Vec::new(),
        };
        let calling = gauges.iter().map(|gauge| u64::from(gauge.calling)).sum();
        let gauges: BTreeMap<EndpointKey, LaneGauge> = gauges.into_iter().map(|one| (one.endpoint, one)).collect();
        let waiting: BTreeMap<_, _> = backlog.lanes.iter().map(|lane| (lane.endpoint, lane)).collect();
        let mut keys: Vec<EndpointKey> = waiting.keys().copied().collect();
        // A lane without a backlog is of interest while its breaker is not closed.
        keys.extend(gauges.values().filter(|one| one.breaker != BreakerState::Closed).map(|one| one.endpoint));
        keys.sort_by_key(|key| (std::cmp::Reverse(waiting.get(key).map_or(0, |lane| lane.waiting)), *key));
        keys.dedup();
        let all = keys.len();
        let lanes = keys.into_iter().filter_map(|key| {
            let (account, endpoint) = self.place_of(key)?;
            let (lane, gauge) = (waiting.get(&key), gauges.get(&key));
            Some(QueueLane {
                environment: self.environment_of(&account),
                account,
                endpoint,
                waiting: lane.map_or(0, |lane| lane.waiting),
                is_whole: lane.is_none_or(|lane| lane.is_whole),
                oldest: lane.map(|lane| lane.oldest),
                calling: gauge.map_or(0, |gauge| gauge.calling),
                breaker: gauge.map_or(BreakerState::Closed, |gauge| gauge.breaker),
            })
        });
        let lanes = lanes.take(LANES_MAX).collect();
        Ok(Queues { at: now, lanes, all, calling, due: backlog.due, due_is_whole: backlog.due_is_whole })
    }

    /// An endpoint with its account; `None` once it was removed.
    pub(super) fn place_of(&self, key: EndpointKey) -> Option<(Arc<AccountView>, Arc<EndpointView>)> {
        let endpoint = self.directory().endpoint(key)?;
        Some((self.directory().account(endpoint.endpoint.account)?, endpoint))
    }

    pub(super) fn environment_of(&self, view: &AccountView) -> String {
        self.environment_name(view.account.environment).unwrap_or_default()
    }
}
