//! Examples of events: a ping that always works, and those that an event type's schemas carry.

use std::collections::BTreeMap;

use bytes::Bytes;
use ringup_core::account::EventType;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::problem::{Item, Problem};
use crate::wire::json;

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

/// What of a JSON schema is an example.
#[derive(Deserialize)]
struct SchemaIn<'a> {
    #[serde(borrow)]
    example: Option<&'a RawValue>,
    #[serde(borrow)]
    examples: Option<Vec<&'a RawValue>>,
}

/// The example that the newest schema of an event type carries, byte for byte. `examples` comes before `example`.
pub fn example(event_type: &EventType, index: usize) -> Result<Bytes, Problem> {
    let schemas = event_type.schemas.as_deref().unwrap_or("{}");
    let versions: BTreeMap<String, &RawValue> = json::read(schemas.as_bytes())?;
    let newest = versions.into_iter().max_by_key(|(version, _)| (version.parse::<u64>().ok(), version.clone()));
    let schema = newest.and_then(|(_, schema)| serde_json::from_str::<SchemaIn<'_>>(schema.get()).ok());
    let refused = |field: &str, why: String| Problem::misfit(vec![Item::in_body(field, "no_example", why)]);
    let Some(SchemaIn { example, examples }) = schema else {
        return Err(refused(
            "eventType",
            format!("the event type {:?} has no schema with an example", event_type.name),
        ));
    };
    let found = match (examples, example) {
        (Some(examples), _) if !examples.is_empty() => {
            let count = examples.len();
            *examples.get(index).ok_or_else(|| refused("exampleIndex", format!("the schema has {count} examples")))?
        }
        (_, Some(example)) => example,
        (_, None) => {
            return Err(refused("eventType", format!("the schema of {:?} carries no example", event_type.name)));
        }
    };
    Ok(Bytes::copy_from_slice(found.get().as_bytes()))
}
