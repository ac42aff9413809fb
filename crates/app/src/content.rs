//! Removing content for good: what should not have been sent, or should not have been answered.

use ringup_core::audit::{AuditVerb, FieldChange};
use ringup_core::id::AttemptId;
use ringup_core::scope::Scope;
use ringup_store::audit::in_account;

use crate::app::App;
use crate::error::AppError;
use crate::history::missing;
use crate::principal::Principal;

impl App {
    /// Refused unless the caller may remove content of this account.
    pub fn may_expunge(&self, principal: &Principal, account: &str) -> Result<(), AppError> {
        self.owned(principal, account, Scope::Publish).map(drop)
    }

    /// Removes an event's payload. What still wanted to send it is cancelled; nothing can be sent again.
    pub async fn expunge_event(&self, principal: &Principal, account: &str, event: &str) -> Result<(), AppError> {
        let view = self.owned(principal, account, Scope::Publish)?;
        let id = self.event_id(view.account.key, event).await?;
        let expunged = self.store().expunge_event(view.account.key, id, self.now()).await;
        expunged.map_err(|error| missing(error, "message", event))?;
        let id = id.to_string();
        let place = in_account(&view.account, id.clone(), id);
        self.record(principal, AuditVerb::EventExpunged, place, Vec::new()).await
    }

    /// Removes what an attempt keeps of the receiver's answer.
    pub async fn expunge_attempt(
        &self,
        principal: &Principal,
        account: &str,
        event: &str,
        attempt: &str,
    ) -> Result<(), AppError> {
        let view = self.owned(principal, account, Scope::Publish)?;
        let not_found = || AppError::not_found("attempt", attempt);
        let id: AttemptId = attempt.parse().map_err(|_| not_found())?;
        let event = self.event_id(view.account.key, event).await?;
        let expunged = self.store().expunge_attempt(view.account.key, event, id).await;
        expunged.map_err(|error| missing(error, "attempt", attempt))?;
        let place = in_account(&view.account, id.to_string(), attempt.to_owned());
        self.record(principal, AuditVerb::AttemptExpunged, place, vec![FieldChange::set("event", event)]).await
    }
}
