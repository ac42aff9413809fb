//! Counters of an account's endpoints: what charts and health words are drawn from. They do not depend on the log mode.

use std::collections::HashMap;
use std::sync::Arc;

use ringup_core::time::Timestamp;
use ringup_store::directory::EndpointView;
use ringup_store::query::MinuteCount;

use crate::app::{App, endpoint_of};
use crate::error::AppError;
use crate::principal::Principal;

/// One endpoint's counters.
#[derive(Clone, Debug)]
pub struct Traffic {
    pub endpoint: Arc<EndpointView>,
    /// Oldest first, and only minutes in which something happened.
    pub minutes: Vec<MinuteCount>,
}

impl App {
    /// Of every endpoint of the account, by id.
    pub async fn traffic(
        &self,
        principal: &Principal,
        account: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Traffic>, AppError> {
        let endpoints = self.endpoints(principal, account)?;
        let keys = endpoints.iter().map(|endpoint| endpoint.endpoint.key).collect();
        let (from, until) = (from.as_minutes(), until.as_minutes().saturating_add(1));
        let mut counted: HashMap<_, _> = self.store().counts_of(keys, from, until).await?.into_iter().collect();
        let traffic = endpoints.into_iter().map(|endpoint| {
            let minutes = counted.remove(&endpoint.endpoint.key).unwrap_or_default();
            Traffic { endpoint, minutes }
        });
        Ok(traffic.collect())
    }

    /// Of one endpoint.
    pub async fn traffic_of(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Traffic, AppError> {
        let view = self.account(principal, account)?;
        let endpoint = endpoint_of(&view, endpoint)?.clone();
        let minutes = self.minutes(&endpoint, from, until).await?;
        Ok(Traffic { endpoint, minutes })
    }

    async fn minutes(
        &self,
        endpoint: &EndpointView,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<MinuteCount>, AppError> {
        let (from, until) = (from.as_minutes(), until.as_minutes().saturating_add(1));
        Ok(self.store().counts(endpoint.endpoint.key, from, until).await?)
    }
}
