//! Why a message went where it went, on the wire.

use ringup_app::{Reason, Why, WhyEndpoint};
use ringup_core::delivery::{DeliveryState, Ended};
use ringup_core::subscription::Unmet;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::time;

/// A message, and how each endpoint of its application stands to it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhyOut<'a> {
    id: String,
    event_type: &'a str,
    /// Of the type, as it is registered now.
    family: Option<&'a str>,
    #[schema(format = DateTime)]
    timestamp: String,
    /// A second publish with this id is refused and names this message.
    event_id: Option<&'a str>,
    endpoints: Vec<WhyEndpointOut<'a>>,
    /// Endpoints that it went to and that are gone.
    removed_endpoints: usize,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhyEndpointOut<'a> {
    endpoint_id: String,
    uid: Option<&'a str>,
    url: &'a str,
    /// It matched, and there is a delivery.
    matched: bool,
    /// Of a delivery: `delivered`, `waiting`, `scheduled`, or how it ended. Else `event_type`, `channel`, `filter`,
    /// `made_later`, `payload_gone` or `would_match_now`.
    reason: &'static str,
    /// In words.
    detail: String,
    /// The clause of the filter that did not hold.
    clause: Option<&'a str>,
    /// What stands at the place that the clause looks at; empty where nothing does.
    found: Option<&'a str>,
    #[schema(format = DateTime)]
    next_attempt: Option<String>,
    disabled_by: Option<&'static str>,
    #[schema(format = DateTime)]
    disabled_at: Option<String>,
    /// The endpoint, or the event type of its families, was changed after the message came: a reason for not sending is
    /// that of today.
    changed_since: bool,
    /// In force now.
    log_mode: &'static str,
}

impl<'a> WhyOut<'a> {
    pub fn of(why: &'a Why) -> WhyOut<'a> {
        WhyOut {
            id: why.event.id.to_string(),
            event_type: &why.event.event_type,
            family: why.family.as_deref(),
            timestamp: time::text(why.event.id.tick().time()),
            event_id: why.event.uid.as_deref(),
            endpoints: why.endpoints.iter().map(WhyEndpointOut::of).collect(),
            removed_endpoints: why.removed,
        }
    }
}

impl<'a> WhyEndpointOut<'a> {
    fn of(why: &'a WhyEndpoint) -> WhyEndpointOut<'a> {
        let endpoint = &why.endpoint.endpoint;
        let (reason, detail) = words(&why.reason);
        let refusal = match &why.reason {
            Reason::Unmet(Unmet::Filter(refusal)) => Some(refusal),
            _ => None,
        };
        WhyEndpointOut {
            endpoint_id: endpoint.id.to_string(),
            uid: endpoint.uid.as_deref(),
            url: &endpoint.url,
            matched: matches!(why.reason, Reason::Sent(_)),
            reason,
            detail: detail.to_owned(),
            clause: refusal.map(|refusal| refusal.clause.as_str()),
            found: refusal.and_then(|refusal| refusal.found.as_deref()),
            next_attempt: match why.reason {
                Reason::Sent(Some(DeliveryState::Scheduled(due_at))) => Some(time::text(due_at)),
                _ => None,
            },
            disabled_by: endpoint.stopped.map(|stopped| stopped.by.word()),
            disabled_at: endpoint.stopped.map(|stopped| time::text(stopped.at)),
            changed_since: why.changed_since,
            log_mode: why.log_mode.word(),
        }
    }
}

fn words(reason: &Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::Sent(None) => ("delivered", "it was delivered"),
        Reason::Sent(Some(DeliveryState::Waiting)) => ("waiting", "it waits for its turn"),
        Reason::Sent(Some(DeliveryState::Scheduled(_))) => ("scheduled", "its next attempt has a time"),
        Reason::Sent(Some(DeliveryState::Ended(how @ Ended::Skipped))) => {
            (how.word(), "the endpoint was disabled or paused when it came, or while it waited")
        }
        Reason::Sent(Some(DeliveryState::Ended(how))) => (how.word(), "it matched and was not delivered"),
        Reason::MadeLater => ("made_later", "the endpoint was made after the message came"),
        Reason::Unmet(Unmet::EventType) => ("event_type", "neither the type nor its family is subscribed to"),
        Reason::Unmet(Unmet::Channel) => ("channel", "the message carries none of the endpoint's channels"),
        Reason::Unmet(Unmet::Filter(_)) => ("filter", "this clause of the filter does not hold"),
        Reason::PayloadGone => ("payload_gone", "the filter decided, and what it looked at is not kept"),
        Reason::WouldMatchNow => ("would_match_now", "it was not wanted then; as things stand now it would be sent"),
    }
}
