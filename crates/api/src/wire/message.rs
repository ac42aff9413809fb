//! `msg`: an event.

use ringup_app::view::{EndpointEvent, Payload, StoredEvent};
use ringup_app::{Published, Sent};
use ringup_core::delivery::{DeliveryState, Ended};
use ringup_core::task::Standing;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::wire::endpoint::EndpointOut;
use crate::wire::envelope::Sealed;
use crate::wire::{json, time};

/// `MessageOut`. The last three are ours, and only there when they say something.
#[derive(serde::Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageOut<'a> {
    id: String,
    event_type: &'a str,
    event_id: Option<&'a str>,
    channels: Option<&'a [String]>,
    tags: Option<&'a [String]>,
    /// When its deliveries begin, where they were put off.
    #[schema(format = DateTime)]
    deliver_at: Option<String>,
    #[schema(value_type = Object)]
    payload: PayloadOut<'a>,
    #[schema(format = DateTime)]
    timestamp: String,
    /// Nobody registered the type.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    unregistered: bool,
    /// Values were struck out of the payload shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    redacted: bool,
    /// Where the payload is not what the schema of its type says: a JSON pointer and why.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(required = false)]
    misfits: &'a [String],
}

pub enum PayloadOut<'a> {
    Whole(&'a RawValue),
    /// Not asked for: `{}`.
    Withheld,
    /// Not kept: `{"expired": true}`.
    Expired,
}

/// One answer of a batch, in the order of its messages.
#[derive(serde::Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedOut<'a> {
    status: u16,
    id: String,
    event_type: &'a str,
    event_id: Option<&'a str>,
    #[schema(format = DateTime)]
    timestamp: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    unregistered: bool,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(required = false)]
    misfits: &'a [String],
}

/// `MessageEndpointOut`: an endpoint, and where the message stands with it. `outcome` is ours.
#[derive(serde::Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DestinationOut<'a> {
    #[serde(flatten)]
    endpoint: EndpointOut<'a>,
    #[serde(flatten)]
    standing: StandingOut,
}

/// `EndpointMessageOut`: a message, and where it stands with the endpoint in question. `outcome` is ours.
#[derive(serde::Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointMessageOut<'a> {
    #[serde(flatten)]
    message: MessageOut<'a>,
    #[serde(flatten)]
    standing: StandingOut,
}

/// `BulkExpungeContentsIn`.
#[derive(serde::Deserialize, ToSchema)]
pub struct BulkExpungeIn {
    #[serde(default)]
    pub ids: Vec<String>,
}

/// `BulkExpungeContentsOut`: `expunged` or `not-found` for each name.
#[derive(serde::Serialize, ToSchema)]
pub struct BulkExpungeOut {
    pub results: std::collections::BTreeMap<String, &'static str>,
}

/// Where a message stands with an endpoint.
#[derive(serde::Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StandingOut {
    status: u8,
    status_text: &'static str,
    #[schema(format = DateTime)]
    next_attempt: Option<String>,
    /// `delivered`, `waiting`, `scheduled`, or how the delivery ended.
    outcome: &'static str,
}

impl Serialize for PayloadOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            PayloadOut::Whole(payload) => payload.serialize(serializer),
            PayloadOut::Withheld => serializer.serialize_map(Some(0))?.end(),
            PayloadOut::Expired => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("expired", &true)?;
                map.end()
            }
        }
    }
}

impl<'a> MessageOut<'a> {
    pub fn published(published: &'a Published, sealed: &'a Sealed<'_>, with_content: bool) -> MessageOut<'a> {
        MessageOut {
            id: published.id.to_string(),
            event_type: &sealed.event_type,
            event_id: sealed.event_id.as_deref(),
            channels: some(&sealed.channels),
            tags: some(&sealed.tags),
            deliver_at: sealed.deliver_at.map(time::text),
            payload: if with_content { PayloadOut::Whole(sealed.payload) } else { PayloadOut::Withheld },
            timestamp: time::text(published.id.tick().time()),
            unregistered: published.unregistered,
            redacted: false,
            misfits: &published.misfits,
        }
    }

    pub fn stored(event: &'a StoredEvent, with_content: bool) -> MessageOut<'a> {
        let payload = match &event.payload {
            Payload::Kept(_) | Payload::Redacted(_) if !with_content => PayloadOut::Withheld,
            Payload::Kept(bytes) | Payload::Redacted(bytes) => {
                json::stored(bytes).map_or(PayloadOut::Expired, PayloadOut::Whole)
            }
            Payload::Gone => PayloadOut::Expired,
            Payload::LeftOut => PayloadOut::Withheld,
        };
        MessageOut {
            id: event.id.to_string(),
            event_type: &event.event_type,
            event_id: event.uid.as_deref(),
            channels: some(&event.channels),
            tags: some(&event.extras.tags),
            deliver_at: event.extras.deliver_at.map(time::text),
            payload,
            timestamp: time::text(event.id.tick().time()),
            unregistered: event.unregistered,
            redacted: matches!(event.payload, Payload::Redacted(_)),
            misfits: &event.extras.misfits,
        }
    }
}

impl<'a> AcceptedOut<'a> {
    pub fn of(published: &'a Published, sealed: &'a Sealed<'_>) -> AcceptedOut<'a> {
        AcceptedOut {
            status: 202,
            id: published.id.to_string(),
            event_type: &sealed.event_type,
            event_id: sealed.event_id.as_deref(),
            timestamp: time::text(published.id.tick().time()),
            unregistered: published.unregistered,
            misfits: &published.misfits,
        }
    }
}

impl<'a> DestinationOut<'a> {
    /// `expanded`: the caller knows the status of what was never sent because the endpoint was stopped or removed.
    pub fn of(sent: &'a Sent, expanded: bool) -> DestinationOut<'a> {
        DestinationOut { endpoint: EndpointOut::of(&sent.endpoint), standing: StandingOut::of(sent.state, expanded) }
    }
}

impl<'a> EndpointMessageOut<'a> {
    pub fn of(row: &'a EndpointEvent, with_content: bool, expanded: bool) -> EndpointMessageOut<'a> {
        EndpointMessageOut {
            message: MessageOut::stored(&row.event, with_content),
            standing: StandingOut::of(row.state, expanded),
        }
    }
}

/// `MessagePrecheckIn`.
#[derive(serde::Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrecheckIn {
    pub event_type: String,
    pub channels: Option<Vec<String>>,
}

/// `MessagePrecheckOut`.
#[derive(serde::Serialize, ToSchema)]
pub struct PrecheckOut {
    pub active: bool,
}

/// What a status of the dialect asks for. Pending and sending are one: the lane knows which, the store does not.
/// Whoever does not know the fifth status sees what was never sent as failed.
pub fn standings(status: u64, expanded: bool) -> Vec<Standing> {
    match status {
        0 => vec![Standing::Delivered],
        1 | 3 => vec![Standing::Live],
        2 if expanded => vec![Standing::Failed],
        2 => vec![Standing::Failed, Standing::LeftOut],
        _ => vec![Standing::LeftOut],
    }
}

impl StandingOut {
    fn of(state: Option<DeliveryState>, expanded: bool) -> StandingOut {
        let (status, status_text, outcome) = match state {
            None => (0, "success", "delivered"),
            Some(DeliveryState::Waiting) => (1, "pending", "waiting"),
            Some(DeliveryState::Scheduled(_)) => (1, "pending", "scheduled"),
            Some(DeliveryState::Ended(how @ (Ended::Skipped | Ended::Cancelled))) if expanded => {
                (4, "canceled", how.word())
            }
            Some(DeliveryState::Ended(how)) => (2, "fail", how.word()),
        };
        let next_attempt = match state {
            Some(DeliveryState::Scheduled(due_at)) => Some(time::text(due_at)),
            _ => None,
        };
        StandingOut { status, status_text, next_attempt, outcome }
    }
}

fn some(channels: &[String]) -> Option<&[String]> {
    (!channels.is_empty()).then_some(channels)
}
