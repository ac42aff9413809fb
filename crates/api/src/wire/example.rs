//! Examples of events: a ping that always works, and those that the app knows.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::message::MessageOut;

/// The event type that every endpoint can be asked to be sent.
pub const PING: &str = "svix.ping";
pub const PING_PAYLOAD: &[u8] = br#"{"success":true}"#;

/// `EventExampleIn`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExampleIn {
    pub event_type: String,
    #[serde(default)]
    pub example_index: usize,
}

/// A message of an example, and where its payload comes from: `ping`, `own`, `guide` or `made`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExampleOut<'a> {
    #[serde(flatten)]
    pub message: MessageOut<'a>,
    pub example: &'static str,
}
