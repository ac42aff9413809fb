//! Examples of events: a ping that always works, and those that the app knows.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::wire::message::MessageOut;

/// The event type that every endpoint can be asked to be sent.
pub const PING: &str = "svix.ping";
pub const PING_PAYLOAD: &[u8] = br#"{"success":true}"#;

/// `EventExampleIn`. `payload` is ours.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExampleIn {
    pub event_type: String,
    #[serde(default)]
    pub example_index: usize,
    /// Sent instead of the example, byte for byte.
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Box<RawValue>>,
}

/// An example of an event type, and where it comes from: `own`, `guide` or `made`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventExampleOut<'a> {
    pub event_type: &'a str,
    pub example: &'static str,
    /// As it would be sent, byte for byte.
    #[schema(value_type = Object)]
    pub payload: &'a RawValue,
}

/// A message of an example, and where its payload comes from: `ping`, `own`, `guide`, `made`, or `given` by the request.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExampleOut<'a> {
    #[serde(flatten)]
    pub message: MessageOut<'a>,
    pub example: &'static str,
}
