//! Events pulled instead of pushed: an account's events in the order of their acceptance, from a position on.

use ringup_core::id::EventId;
use ringup_core::limits::CONSUMERS_MAX;
use ringup_core::scope::Scope;
use ringup_core::time::{Tick, Timestamp};
use ringup_store::StoreError;
use ringup_store::query::{EndpointEventFilter, EventFilter, Order, PageRequest, Reach, StoredEvent};

use crate::app::{App, endpoint_of};
use crate::check::Faults;
use crate::error::AppError;
use crate::principal::Principal;

/// Some events, and where to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polled {
    pub events: Vec<StoredEvent>,
    /// Behind the last event that was looked at.
    pub position: Tick,
    /// Nothing is there behind it yet.
    pub done: bool,
}

/// Which events are pulled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pull {
    /// The position of an earlier answer.
    pub position: Option<Tick>,
    /// Accepted after this time; counts where there is no position.
    pub after: Option<Timestamp>,
    pub event_types: Option<Vec<String>>,
    /// Carrying any of these.
    pub channels: Option<Vec<String>>,
    pub rows_max: usize,
}

impl Pull {
    fn from(&self) -> Tick {
        let after = || self.after.map_or(Tick::default(), |after| Tick::at(after.max(Timestamp::default())));
        self.position.unwrap_or_else(after)
    }
}

impl App {
    /// An account's events, oldest first.
    pub async fn pull(&self, principal: &Principal, account: &str, pull: Pull) -> Result<Polled, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        let from = pull.from();
        let page = PageRequest { rows_max: pull.rows_max, after: Some(from), order: Order::OldestFirst };
        let all = pull.event_types.is_none();
        let environment = view.account.environment;
        let filter = EventFilter { event_types: pull.event_types, ..EventFilter::default() };
        let found = self.store().events(view.account.key, filter, page).await?;
        let position = found.rows.last().map_or(from, |event| event.id.tick());
        let mut events = found.rows;
        // What happened is pulled; what was asked meanwhile only by whoever names it.
        events.retain(|event| {
            !(all && self.is_question(environment, &event.event_type)) && carries(event, pull.channels.as_deref())
        });
        Ok(Polled { events, position, done: found.done })
    }

    /// Events that went to an endpoint, oldest first.
    pub async fn poll(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        pull: Pull,
    ) -> Result<Polled, AppError> {
        self.polled(principal, account, endpoint, pull, Scope::Read).await
    }

    /// As [`App::poll`], from where this consumer is. A position that it names is one that it is done with: it is kept,
    /// and the answer goes on behind it. Without one the answer repeats what was not confirmed yet.
    pub async fn poll_as(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        consumer: &str,
        pull: Pull,
    ) -> Result<Polled, AppError> {
        let position = match pull.position {
            Some(position) => {
                self.move_consumer(principal, account, endpoint, consumer, position).await?;
                Some(position)
            }
            None => {
                let view = self.owned(principal, account, Scope::Recover)?;
                let key = endpoint_of(&view, endpoint)?.endpoint.key;
                check(consumer)?;
                self.store().consumer(key, consumer.to_owned()).await?
            }
        };
        self.polled(principal, account, endpoint, Pull { position, ..pull }, Scope::Recover).await
    }

    /// Puts a consumer behind everything accepted before this time. Answers its position.
    pub async fn seek(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        consumer: &str,
        after: Timestamp,
    ) -> Result<Tick, AppError> {
        let position = Tick::at(after.max(Timestamp::default()));
        self.move_consumer(principal, account, endpoint, consumer, position).await?;
        Ok(position)
    }

    async fn move_consumer(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        consumer: &str,
        position: Tick,
    ) -> Result<(), AppError> {
        let view = self.owned(principal, account, Scope::Recover)?;
        let key = endpoint_of(&view, endpoint)?.endpoint.key;
        check(consumer)?;
        match self.store().move_consumer(key, consumer.to_owned(), position, CONSUMERS_MAX).await {
            Err(StoreError::Conflict(_)) => {
                Err(AppError::Conflict(format!("an endpoint has at most {CONSUMERS_MAX} consumers")))
            }
            moved => Ok(moved?),
        }
    }

    async fn polled(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        pull: Pull,
        scope: Scope,
    ) -> Result<Polled, AppError> {
        let view = self.owned(principal, account, scope)?;
        let key = endpoint_of(&view, endpoint)?.endpoint.key;
        let from = pull.from();
        let page = PageRequest { rows_max: pull.rows_max, after: Some(from), order: Order::OldestFirst };
        let events = EventFilter { event_types: pull.event_types, ..EventFilter::default() };
        let filter = EndpointEventFilter { events, reach: Reach::Sent, standings: None, status_class: None };
        let found = self.store().events_of_endpoint(view.account.key, key, filter, page).await?;
        let mut events: Vec<StoredEvent> = found.rows.into_iter().map(|row| row.event).collect();
        events.retain(|event| carries(event, pull.channels.as_deref()));
        Ok(Polled { events, position: found.reached.unwrap_or(from), done: found.done })
    }
}

/// What stands for a position on the wire: an id that sorts where it is.
pub fn position_id(position: Tick) -> EventId {
    EventId::of_tick(position, [0; 12])
}

fn carries(event: &StoredEvent, channels: Option<&[String]>) -> bool {
    channels.is_none_or(|wanted| event.channels.iter().any(|channel| wanted.contains(channel)))
}

fn check(consumer: &str) -> Result<(), AppError> {
    let mut faults = Faults::default();
    faults.name("consumer_id", consumer);
    faults.done()
}
