//! The log of an account: attempts over all its endpoints, with what the log of one endpoint does not say.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ringup_core::delivery::DeliveryState;
use ringup_core::id::EventId;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::limits::PAGE_ROWS_MAX;
use ringup_store::directory::{AccountView, EndpointView};
use ringup_store::log_entry::OutcomeWord;
use ringup_store::query::{AttemptFilter, Order, Page, PageRequest, StoredAttempt};
use ringup_store::seam::EventName;

use crate::app::{App, endpoint_of};
use crate::error::AppError;
use crate::principal::Principal;

/// Rows read ahead from each endpoint, at least.
const AHEAD_ROWS: usize = 8;

/// A line of the log.
#[derive(Clone, Debug)]
pub struct Logged {
    pub attempt: StoredAttempt,
    pub event_type: Arc<str>,
    /// `None` once it was removed.
    pub endpoint: Option<Arc<EndpointView>>,
    /// Where the delivery stands now, if this attempt failed; `None`: delivered.
    pub state: Option<DeliveryState>,
}

impl App {
    /// Attempts for one endpoint, or for all that the account has now.
    pub async fn log(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: Option<&str>,
        filter: AttemptFilter,
        page: PageRequest,
    ) -> Result<Page<Logged>, AppError> {
        let view = self.account(principal, account)?;
        let endpoints: Vec<EndpointKey> = match endpoint {
            Some(name) => vec![endpoint_of(&view, name)?.endpoint.key],
            None => view.endpoints.iter().map(|found| found.endpoint.key).collect(),
        };
        let found = self.merged(view.account.key, &endpoints, &filter, page).await?;
        let mut known = HashMap::new();
        let mut rows = Vec::with_capacity(found.rows.len());
        for attempt in found.rows {
            rows.push(self.logged(&view, attempt, &mut known).await?);
        }
        Ok(Page { rows, done: found.done })
    }

    async fn logged(
        &self,
        view: &AccountView,
        attempt: StoredAttempt,
        known: &mut HashMap<EventId, Arc<str>>,
    ) -> Result<Logged, AppError> {
        let account = view.account.key;
        let event_type = match known.get(&attempt.event) {
            Some(event_type) => event_type.clone(),
            None => {
                let event = self.store().event(account, EventName::Id(attempt.event)).await?;
                // Retention may have taken it since.
                let event_type = event.map_or_else(|| Arc::from(""), |event| event.event_type);
                known.insert(attempt.event, event_type.clone());
                event_type
            }
        };
        let state = match attempt.outcome {
            OutcomeWord::Delivered => None,
            _ => self.state_of(account, attempt.event, attempt.endpoint).await?,
        };
        Ok(Logged { event_type, endpoint: view.by_key(attempt.endpoint).cloned(), state, attempt })
    }

    /// Merges the endpoints' lists, reading of each no more than is about to be needed.
    async fn merged(
        &self,
        account: AccountKey,
        endpoints: &[EndpointKey],
        filter: &AttemptFilter,
        page: PageRequest,
    ) -> Result<Page<StoredAttempt>, AppError> {
        let ahead = (page.rows_max / endpoints.len().max(1) + 1).clamp(AHEAD_ROWS, PAGE_ROWS_MAX);
        let mut lists: Vec<List> = Vec::with_capacity(endpoints.len());
        for endpoint in endpoints {
            let request = PageRequest { rows_max: ahead, ..page };
            let found = self.store().attempts_of_endpoint(account, *endpoint, filter.clone(), request).await?;
            lists.push(List { endpoint: *endpoint, rows: found.rows.into(), done: found.done });
        }
        let mut rows: Vec<StoredAttempt> = Vec::new();
        while rows.len() <= page.rows_max {
            let first = lists.iter().enumerate().filter_map(|(at, list)| Some((list.rows.front()?.id.tick(), at)));
            let first = match page.order {
                Order::NewestFirst => first.max(),
                Order::OldestFirst => first.min(),
            };
            let Some((tick, at)) = first else { break };
            let list = &mut lists[at];
            rows.extend(list.rows.pop_front());
            if list.rows.is_empty() && !list.done {
                let request = PageRequest { rows_max: ahead, after: Some(tick), ..page };
                let found = self.store().attempts_of_endpoint(account, list.endpoint, filter.clone(), request).await?;
                list.rows = found.rows.into();
                list.done = found.done;
            }
        }
        let done = rows.len() <= page.rows_max;
        rows.truncate(page.rows_max);
        Ok(Page { rows, done })
    }
}

/// What was read of one endpoint and not yet taken.
struct List {
    endpoint: EndpointKey,
    rows: VecDeque<StoredAttempt>,
    done: bool,
}
