//! Why an event went where it went, and why not elsewhere.
//!
//! Worked out when it is asked, from what is stored: publishing keeps nothing for it. What an endpoint wanted when the
//! event came is not stored, so where it has changed since, that is said instead of guessed.

use std::sync::Arc;

use ringup_core::delivery::DeliveryState;
use ringup_core::filter::Facts;
use ringup_core::log::{LogMode, REDACTED};
use ringup_core::scope::Scope;
use ringup_core::subscription::Unmet;
use ringup_store::directory::EndpointView;
use ringup_store::query::{Payload, StoredEvent};

use crate::app::App;
use crate::error::AppError;
use crate::principal::Principal;

/// An event, and how each endpoint of its account stands to it.
#[derive(Clone, Debug)]
pub struct Why {
    pub event: StoredEvent,
    /// Of its type, as registered now.
    pub family: Option<String>,
    /// By id.
    pub endpoints: Vec<WhyEndpoint>,
    /// Endpoints that it went to and that are gone.
    pub removed: usize,
}

#[derive(Clone, Debug)]
pub struct WhyEndpoint {
    pub endpoint: Arc<EndpointView>,
    pub reason: Reason,
    /// The endpoint, or what is registered of the event's type, was changed after the event came: a reason for not sending
    /// is that of today.
    pub changed_since: bool,
    /// In force now.
    pub log_mode: LogMode,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It matched; `None` is delivered.
    Sent(Option<DeliveryState>),
    /// The endpoint was made after the event came.
    MadeLater,
    Unmet(Unmet),
    /// The filter decides, and what it looks at is not kept.
    PayloadGone,
    /// As things stand it would be sent, so it was not wanted then.
    WouldMatchNow,
}

impl App {
    /// For every endpoint of the account: sent, or why not.
    pub async fn why(&self, principal: &Principal, account: &str, event: &str) -> Result<Why, AppError> {
        let view = self.owned(principal, account, Scope::Read)?;
        let event = self.stored_event(view.account.key, event).await?;
        let listed = self.store().destinations(view.account.key, event.id).await?;
        let registered = self.directory().event_type(view.account.environment, &event.event_type);
        let accepted_at = event.id.tick().time();
        let type_changed = match &registered {
            Some(registered) => event.unregistered || registered.updated_at > accepted_at,
            None => !event.unregistered,
        };
        let family = registered.as_ref().and_then(|registered| registered.group.clone());
        let now = self.now();
        let mut endpoints: Vec<WhyEndpoint> = Vec::with_capacity(view.endpoints.len());
        for found in &view.endpoints {
            let endpoint = &found.endpoint;
            let sent = listed.iter().find(|sent| sent.endpoint == endpoint.key);
            let reason = match sent {
                Some(sent) => Reason::Sent(sent.state),
                None if endpoint.created_at > accepted_at => Reason::MadeLater,
                None => not_sent(found, &event, family.as_deref()),
            };
            let by_family = !endpoint.subscription.families.is_empty();
            endpoints.push(WhyEndpoint {
                endpoint: found.clone(),
                reason,
                changed_since: endpoint.updated_at > accepted_at || by_family && type_changed,
                log_mode: found.settings.log_mode_at(now),
            });
        }
        endpoints.sort_by_key(|why| why.endpoint.endpoint.id);
        let removed = listed.iter().filter(|sent| view.by_key(sent.endpoint).is_none()).count();
        Ok(Why { event, family, endpoints, removed })
    }
}

fn not_sent(found: &EndpointView, event: &StoredEvent, family: Option<&str>) -> Reason {
    let subscription = &found.endpoint.subscription;
    if !subscription.wants_type(&event.event_type, family) {
        return Reason::Unmet(Unmet::EventType);
    }
    if !subscription.wants_channel(&event.channels) {
        return Reason::Unmet(Unmet::Channel);
    }
    let Some(filter) = &subscription.filter else { return Reason::WouldMatchNow };
    let (Payload::Kept(payload) | Payload::Redacted(payload)) = &event.payload else { return Reason::PayloadGone };
    let facts = Facts { event_type: &event.event_type, channels: &event.channels, tags: &event.extras.tags, payload };
    match filter.refusal(&facts) {
        None => Reason::WouldMatchNow,
        Some(refusal) if refusal.found.as_ref().is_none_or(|found| found.contains(REDACTED)) && is_redacted(event) => {
            Reason::PayloadGone
        }
        Some(refusal) => Reason::Unmet(Unmet::Filter(refusal)),
    }
}

fn is_redacted(event: &StoredEvent) -> bool {
    matches!(event.payload, Payload::Redacted(_))
}
