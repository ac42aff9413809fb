//! What happened: events, where they went, attempts; and asking for one more.

use std::sync::Arc;

use ringup_core::delivery::DeliveryState;
use ringup_core::id::{AccountId, AttemptId, EndpointId, EventId};
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::scope::Scope;
use ringup_core::time::Tick;
use ringup_store::directory::EndpointView;
use ringup_store::query::{
    AttemptFilter, EndpointEvent, EndpointEventFilter, EventFilter, Order, Page, PageRequest, StoredAttempt,
    StoredEvent,
};
use ringup_store::seam::{EventName, Resent};

use crate::app::{App, endpoint_of};
use crate::error::AppError;
use crate::hook::plan_of;
use crate::principal::Principal;
use crate::publish::is_event_name;

/// Where an event stands with one of the account's endpoints.
#[derive(Clone, Debug)]
pub struct Sent {
    pub endpoint: Arc<EndpointView>,
    /// `None`: delivered.
    pub state: Option<DeliveryState>,
}

impl App {
    pub async fn event(&self, principal: &Principal, account: &str, event: &str) -> Result<StoredEvent, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        self.stored_event(view.account.key, event).await
    }

    pub async fn events(
        &self,
        principal: &Principal,
        account: &str,
        filter: EventFilter,
        page: PageRequest,
    ) -> Result<Page<StoredEvent>, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        Ok(self.store().events(view.account.key, filter, page).await?)
    }

    /// Endpoints that were removed since are left out.
    pub async fn destinations(&self, principal: &Principal, account: &str, event: &str) -> Result<Vec<Sent>, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        let id = self.event_id(view.account.key, event).await?;
        let destinations = self.store().destinations(view.account.key, id).await;
        let destinations = destinations.map_err(|error| missing(error, "message", event))?;
        let sent = destinations.into_iter().filter_map(|destination| {
            let endpoint = view.by_key(destination.endpoint)?.clone();
            Some(Sent { endpoint, state: destination.state })
        });
        let mut sent: Vec<Sent> = sent.collect();
        sent.sort_by_key(|sent| sent.endpoint.endpoint.id);
        Ok(sent)
    }

    /// `endpoint` narrows the list to one endpoint of the account.
    pub async fn attempts_of_event(
        &self,
        principal: &Principal,
        account: &str,
        event: &str,
        endpoint: Option<&str>,
        filter: AttemptFilter,
        page: PageRequest,
    ) -> Result<Page<StoredAttempt>, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        let endpoint = endpoint.map(|name| endpoint_of(&view, name).map(|found| found.endpoint.key)).transpose()?;
        let id = self.event_id(view.account.key, event).await?;
        let filter = AttemptFilter { endpoint, ..filter };
        let attempts = self.store().attempts_of_event(view.account.key, id, filter, page).await;
        attempts.map_err(|error| missing(error, "message", event))
    }

    pub async fn attempts_of_endpoint(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        filter: AttemptFilter,
        page: PageRequest,
    ) -> Result<Page<StoredAttempt>, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        let key = endpoint_of(&view, endpoint)?.endpoint.key;
        Ok(self.store().attempts_of_endpoint(view.account.key, key, filter, page).await?)
    }

    pub async fn attempt(
        &self,
        principal: &Principal,
        account: &str,
        event: &str,
        attempt: &str,
    ) -> Result<StoredAttempt, AppError> {
        let not_found = || AppError::not_found("attempt", attempt);
        let id: AttemptId = attempt.parse().map_err(|_| not_found())?;
        // Attempts are filed under the tick in their id, so the page that begins there begins with it.
        let before = Tick(id.tick().0.saturating_sub(1));
        let page = PageRequest { rows_max: 1, after: Some(before), order: Order::OldestFirst };
        let page = self.attempts_of_event(principal, account, event, None, AttemptFilter::default(), page).await?;
        page.rows.into_iter().find(|row| row.id == id).ok_or_else(not_found)
    }

    /// Events that went to an endpoint, with where they stand there. Searches on until the page is full or nothing is
    /// left.
    pub async fn events_of_endpoint(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        filter: EndpointEventFilter,
        page: PageRequest,
    ) -> Result<Page<EndpointEvent>, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        let key = endpoint_of(&view, endpoint)?.endpoint.key;
        let (mut rows, mut after) = (Vec::new(), page.after);
        loop {
            let rest = PageRequest { rows_max: page.rows_max.saturating_sub(rows.len()), after, ..page };
            let found = self.store().events_of_endpoint(view.account.key, key, filter.clone(), rest).await?;
            rows.extend(found.rows);
            after = found.reached.or(after);
            if found.done || rows.len() >= page.rows_max {
                return Ok(Page { rows, done: found.done });
            }
        }
    }

    /// Asks for one more attempt. `Conflict` if the event did not go to this endpoint, its payload is gone, or the
    /// endpoint is disabled.
    pub async fn resend(
        &self,
        principal: &Principal,
        account: &str,
        event: &str,
        endpoint: &str,
    ) -> Result<(), AppError> {
        let view = self.owned(principal, account, Scope::Recover)?;
        let found = endpoint_of(&view, endpoint)?;
        if let Some(stopped) = found.endpoint.stopped {
            let why = format!("the endpoint is disabled ({}); enable it first", stopped.by);
            return Err(AppError::Conflict(why));
        }
        let id = self.event_id(view.account.key, event).await?;
        match self.store().resend(view.account.key, id, found.endpoint.key, self.now()).await? {
            Resent::Done => Ok(()),
            Resent::NotFound => Err(AppError::not_found("message", event)),
            Resent::NeverMatched => Err(AppError::Conflict("the message did not go to this endpoint".to_owned())),
            Resent::PayloadGone => {
                let why = "the payload is gone or was redacted, so it cannot be sent again as it was";
                Err(AppError::Conflict(why.to_owned()))
            }
        }
    }

    /// The wire id of an account; `None` once it was removed.
    pub fn account_id(&self, account: AccountKey) -> Option<AccountId> {
        self.directory().account(account).map(|view| view.account.id)
    }

    /// The deliveries of an event: where it stands with each endpoint it went to.
    pub async fn deliveries(&self, principal: &Principal, account: &str, event: &str) -> Result<Vec<Sent>, AppError> {
        self.destinations(principal, account, event).await
    }

    /// The wire id of one of the account's endpoints; `None` once it was removed.
    pub fn endpoint_id(&self, account: AccountKey, endpoint: EndpointKey) -> Option<EndpointId> {
        let view = self.directory().account(account)?;
        view.by_key(endpoint).map(|found| found.endpoint.id)
    }

    pub(crate) async fn event_id(&self, account: AccountKey, event: &str) -> Result<EventId, AppError> {
        match event.parse() {
            Ok(id) if !self.has_hooks(account) => Ok(id),
            Ok(_) | Err(_) => self.stored_event(account, event).await.map(|stored| stored.id),
        }
    }

    /// By id or uid; the id of a hook's call is the uid of the event that tells of it.
    pub(crate) async fn stored_event(&self, account: AccountKey, event: &str) -> Result<StoredEvent, AppError> {
        let found = match event.parse() {
            Ok(id) => self.store().event(account, EventName::Id(id)).await?,
            Err(_) => None,
        };
        let found = match found {
            None if is_event_name(event) => self.store().event(account, EventName::Uid(event.to_owned())).await?,
            found => found,
        };
        found.ok_or_else(|| AppError::not_found("message", event))
    }

    fn has_hooks(&self, account: AccountKey) -> bool {
        let view = self.directory().account(account);
        view.is_some_and(|view| view.endpoints.iter().any(|found| plan_of(found).is_some()))
    }
}

pub(crate) fn missing(error: ringup_store::StoreError, what: &'static str, name: &str) -> AppError {
    match error {
        ringup_store::StoreError::NotFound => AppError::not_found(what, name),
        other => other.into(),
    }
}
