//! An event for one endpoint alone, sent to see whether it arrives.

use std::sync::Arc;

use ringup_core::event::{Extras, KeepPayload};
use ringup_core::scope::Scope;
use ringup_core::search::TEST_TAG;
use ringup_store::query::StoredEvent;
use ringup_store::seam::{Acceptance, EventName, NewEvent};

use crate::app::{App, endpoint_of};
use crate::error::AppError;
use crate::principal::Principal;
use crate::publish::{Publish, target};

impl App {
    /// Accepts an event that goes to this endpoint, whatever it subscribes to, and to no other. `Conflict` if the
    /// endpoint is disabled.
    pub async fn send_example(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        publish: Publish<'_>,
    ) -> Result<StoredEvent, AppError> {
        let view = self.owned(principal, account, Scope::Recover)?;
        let found = endpoint_of(&view, endpoint)?;
        if let Some(stopped) = found.endpoint.stopped {
            let why = format!("the endpoint is disabled ({}); enable it first", stopped.by);
            return Err(AppError::Conflict(why));
        }
        let now = self.now();
        self.check(&publish, None, now)?;
        let mode = found.settings.log_mode_at(now);
        let event = NewEvent {
            account: view.account.key,
            event_type: Arc::from(publish.event_type),
            uid: None,
            channels: publish.channels,
            extras: Extras { tags: vec![TEST_TAG.to_owned()], ..Extras::default() },
            keep_payload: KeepPayload::of([mode], self.pointers([found.settings.redact.value.as_slice()])),
            targets: vec![target(found, &publish.payload)],
            payload: publish.payload,
            idempotency: None,
            unregistered: false,
            asked: None,
            now,
            random: self.random.id_part(),
        };
        let accepted = self.store().accept(vec![event]).await?;
        let Some(Acceptance::New(id)) = accepted.into_iter().next() else {
            return Err(AppError::Conflict("an example was taken for another event".to_owned()));
        };
        let stored = self.store().event(view.account.key, EventName::Id(id)).await?;
        stored.ok_or_else(|| AppError::not_found("message", &id.to_string()))
    }
}
