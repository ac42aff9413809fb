//! Examples of payloads: an event type's own, else the guide's, else one made from its schema.

use std::collections::BTreeMap;

use bytes::Bytes;
use ringup_core::account::EventType;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::app::App;
use crate::error::{AppError, Fault};
use crate::guide;
use crate::principal::Principal;
use crate::schema::newest;

/// Levels of a payload that is made from a schema: below them everything is left out.
const LEVELS_MAX: usize = 12;

/// Where an example comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleOrigin {
    /// The event type's schema carries it.
    Own,
    /// The guide has one of this name.
    Guide,
    /// Made from the schema: right in its shape, without meaning.
    Made,
}

impl SampleOrigin {
    pub fn word(self) -> &'static str {
        match self {
            SampleOrigin::Own => "own",
            SampleOrigin::Guide => "guide",
            SampleOrigin::Made => "made",
        }
    }
}

/// A payload to show or to try with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    pub payload: Bytes,
    pub origin: SampleOrigin,
}

/// What of a JSON schema is an example.
#[derive(Deserialize)]
struct Examples<'a> {
    #[serde(borrow)]
    example: Option<&'a RawValue>,
    #[serde(borrow)]
    examples: Option<Vec<&'a RawValue>>,
}

impl App {
    /// An example of an event type that is registered here or known to the guide. `index` picks one of several.
    pub fn sample(&self, principal: &Principal, event_type: &str, index: usize) -> Result<Sample, AppError> {
        let registered = match self.event_type(principal, event_type) {
            Err(AppError::NotFound { .. }) if guide::named(event_type).is_some() => None,
            found => Some(found?),
        };
        let declared = registered.as_ref().and_then(|registered| registered.hook.as_ref()?.question_sample.clone());
        if let Some(declared) = declared {
            return Ok(Sample { payload: declared.into(), origin: SampleOrigin::Own });
        }
        let schemas = registered.as_ref().and_then(|registered| registered.schemas.as_deref()).unwrap_or("{}");
        if let Some(payload) = own(schemas, index)? {
            return Ok(Sample { payload, origin: SampleOrigin::Own });
        }
        if let Some(known) = guide::named(event_type) {
            let payload = Bytes::from_static(known.sample().as_bytes());
            return Ok(Sample { payload, origin: SampleOrigin::Guide });
        }
        let made = registered.as_deref().and_then(made);
        let made = made.map(|payload| Sample { payload, origin: SampleOrigin::Made });
        made.ok_or_else(|| {
            let why = format!("the event type {event_type:?} has no schema to make an example from");
            Fault::new("event_type", "no_example", why).into()
        })
    }
}

/// The example that the newest schema carries, byte for byte. `examples` comes before `example`.
fn own(schemas: &str, index: usize) -> Result<Option<Bytes>, AppError> {
    let versions: BTreeMap<String, &RawValue> = serde_json::from_str(schemas).unwrap_or_default();
    let schema = newest(&versions).and_then(|(_, schema)| serde_json::from_str::<Examples<'_>>(schema.get()).ok());
    let Some(Examples { example, examples }) = schema else { return Ok(None) };
    let found =
        match examples {
            Some(examples) if !examples.is_empty() => {
                let count = examples.len();
                Some(*examples.get(index).ok_or_else(|| {
                    Fault::new("example_index", "no_example", format!("the schema has {count} examples"))
                })?)
            }
            _ => example,
        };
    // What is no object cannot be a payload.
    let found = found.filter(|found| found.get().starts_with('{'));
    Ok(found.map(|found| Bytes::copy_from_slice(found.get().as_bytes())))
}

fn made(event_type: &EventType) -> Option<Bytes> {
    let versions: BTreeMap<String, Value> = serde_json::from_str(event_type.schemas.as_deref()?).ok()?;
    let (_, schema) = newest(&versions)?;
    let made = instance(schema, schema, 0);
    made.is_object().then(|| Bytes::from(made.to_string()))
}

/// A value of the shape that a schema asks for, as far as its plain keywords say: with its own examples where it has some.
/// References are looked up in `root`.
pub fn example_of(root: &Value, schema: &Value) -> Value {
    instance(root, schema, 0)
}

/// A value of the shape that a schema asks for, as far as its plain keywords say.
fn instance(root: &Value, schema: &Value, level: usize) -> Value {
    let said = |word: &str| schema.get(word).filter(|value| !value.is_null());
    if let Some(fixed) = said("const").or_else(|| said("default")).or_else(|| said("example")) {
        return fixed.clone();
    }
    let first = |word: &str| said(word).and_then(|list| list.get(0));
    if let Some(one) = first("examples").or_else(|| first("enum")) {
        return one.clone();
    }
    if level >= LEVELS_MAX {
        return Value::Null;
    }
    if let Some(to) = said("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix('#')) {
        return root.pointer(to).map_or(Value::Null, |found| instance(root, found, level + 1));
    }
    if let Some(one) = first("oneOf").or_else(|| first("anyOf")).or_else(|| first("allOf")) {
        return instance(root, one, level + 1);
    }
    let kind = said("type").and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str()));
    match kind {
        Some("object") => object(root, schema, level),
        None if schema.get("properties").is_some() => object(root, schema, level),
        Some("array") => {
            let item = said("items").map(|items| instance(root, items, level + 1));
            let count = said("minItems").and_then(Value::as_u64).unwrap_or(1).min(8);
            Value::Array((0..count).filter_map(|_| item.clone()).collect())
        }
        Some("integer" | "number") => said("minimum").cloned().unwrap_or_else(|| Value::from(0)),
        Some("boolean") => Value::Bool(false),
        Some("null") => Value::Null,
        _ => Value::from(text(schema)),
    }
}

fn object(root: &Value, schema: &Value, level: usize) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let members = properties.into_iter().flatten();
    Value::Object(members.map(|(name, of)| (name.clone(), instance(root, of, level + 1))).collect::<Map<_, _>>())
}

fn text(schema: &Value) -> String {
    let of_format = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "2026-01-31T09:30:00Z",
        Some("date") => "2026-01-31",
        Some("time") => "09:30:00Z",
        Some("email") => "someone@example.com",
        Some("uri") => "https://example.com/",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        _ => "text",
    };
    let least = schema.get("minLength").and_then(Value::as_u64).and_then(|least| usize::try_from(least).ok());
    let missing = least.unwrap_or_default().min(256).saturating_sub(of_format.len());
    format!("{of_format}{}", "x".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    #[test]
    fn an_example_is_made_in_the_shape_that_is_asked_for() {
        let schema = serde_json::json!({
            "type": "object",
            "required": ["id", "lines", "kind", "at"],
            "properties": {
                "id": { "type": "string", "minLength": 9 },
                "kind": { "enum": ["sale", "return"] },
                "at": { "type": "string", "format": "date-time" },
                "total": { "type": "number", "minimum": 3 },
                "lines": { "type": "array", "minItems": 2, "items": { "$ref": "#/$defs/line" } },
                "self": { "$ref": "#" },
            },
            "$defs": { "line": { "type": "object", "properties": { "qty": { "type": "integer" }, "note": { "type": ["string", "null"] } } } },
        });
        let mut flat = schema.clone();
        flat["properties"].as_object_mut().expect("an object").remove("self");
        let made = instance(&flat, &flat, 0).to_string();
        let compiled = Schema::of_versions(&serde_json::json!({ "1": flat }).to_string()).expect("a schema");
        assert_eq!(compiled.expect("there is one").misfits(made.as_bytes()), [], "{made}");
        // One that goes on for ever ends all the same.
        assert!(instance(&schema, &schema, 0).is_object());
    }
}
