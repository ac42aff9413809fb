//! A catalogue as it stands in a file.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value, json};

/// Bytes of a file: every event type that an environment can hold is far below.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Levels of references that are followed; what lies deeper is taken to be anything.
const LEVELS_MAX: usize = 32;

/// Event types by name.
#[derive(Debug, Default)]
pub struct Catalog(pub BTreeMap<String, Kind>);

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Kind {
    pub family: String,
    pub summary: String,
    pub archived: bool,
    pub deprecated: bool,
    /// The newest version, with references resolved; an object without members if there is none.
    pub schema: Value,
    pub example: Option<Value>,
}

impl Catalog {
    pub fn read(path: &Path) -> anyhow::Result<Catalog> {
        let place = || path.display().to_string();
        let mut text = String::new();
        let file = std::fs::File::open(path).with_context(place)?;
        file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).with_context(place)?;
        ensure!(text.len() as u64 <= FILE_BYTES_MAX, "{}: more than {FILE_BYTES_MAX} bytes", path.display());
        let value: Value = serde_json::from_str(&text).with_context(place)?;
        Catalog::of(&value).with_context(place)
    }

    pub fn of(value: &Value) -> anyhow::Result<Catalog> {
        if let Some(listed) = value["eventTypes"].as_array() {
            return listed.iter().map(registered).collect::<anyhow::Result<_>>().map(Catalog);
        }
        let Some(webhooks) = value["webhooks"].as_object() else {
            bail!("it has neither `eventTypes`, as `ringup catalog export` writes it, nor the `webhooks` of OpenAPI");
        };
        Ok(Catalog(webhooks.iter().map(|(name, item)| (name.clone(), webhook(value, &item["post"]))).collect()))
    }
}

/// As the API lists an event type.
fn registered(one: &Value) -> anyhow::Result<(String, Kind)> {
    let name = one["name"].as_str().context("an event type without a name")?;
    let empty = Map::new();
    let versions = one["schemas"].as_object().unwrap_or(&empty);
    // By number where they are numbers, as the server chooses.
    let newest = versions.iter().max_by_key(|(version, _)| (version.parse::<u64>().ok(), version.as_str()));
    let schema = newest.map_or_else(|| json!({}), |(_, schema)| resolved(schema, schema, 0));
    let kind = Kind {
        family: text(&one["groupName"]),
        summary: text(&one["description"]),
        archived: one["archived"] == true,
        deprecated: one["deprecated"] == true,
        example: schema["examples"].get(0).or_else(|| schema.get("example")).cloned(),
        schema,
    };
    Ok((name.to_owned(), kind))
}

fn webhook(document: &Value, operation: &Value) -> Kind {
    let content = &operation["requestBody"]["content"]["application/json"];
    Kind {
        family: text(&operation["x-family"]),
        summary: [text(&operation["description"]), text(&operation["summary"])]
            .into_iter()
            .find(|t| !t.is_empty())
            .unwrap_or_default(),
        archived: false,
        deprecated: operation["deprecated"] == true,
        schema: resolved(document, &content["schema"], 0),
        example: content.get("example").cloned(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A schema with what it refers to within the document in its place.
fn resolved(document: &Value, schema: &Value, level: usize) -> Value {
    if level >= LEVELS_MAX {
        return json!({});
    }
    match schema {
        Value::Object(members) => match members.get("$ref").and_then(Value::as_str) {
            Some(to) => {
                let target = to.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
                target.map_or_else(|| json!({}), |target| resolved(document, target, level + 1))
            }
            None => members.iter().map(|(name, of)| (name.clone(), resolved(document, of, level + 1))).collect(),
        },
        Value::Array(parts) => parts.iter().map(|part| resolved(document, part, level + 1)).collect(),
        _ if schema.is_null() && level == 0 => json!({}),
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_file_are_read() {
        let exported = json!({ "eventTypes": [{ "name": "sale", "groupName": "sales", "description": "Sold.",
            "schemas": { "9": { "type": "string" }, "10": { "type": "object", "examples": [{ "a": 1 }] } } }] });
        let read = Catalog::of(&exported).expect("it is one");
        let sale = &read.0["sale"];
        assert_eq!(
            (sale.family.as_str(), sale.schema["type"].as_str()),
            ("sales", Some("object")),
            "the newest version"
        );
        assert_eq!(sale.example, Some(json!({ "a": 1 })));
        let document = json!({
            "webhooks": { "sale": { "post": { "requestBody": { "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/Sale" } } } } } } },
            "components": { "schemas": { "Sale": { "type": "object", "properties": { "next": { "$ref": "#/components/schemas/Sale" } } } } },
        });
        let read = Catalog::of(&document).expect("it is one");
        assert_eq!(read.0["sale"].schema["properties"]["next"]["type"], "object", "one that holds itself ends");
        assert!(Catalog::of(&json!({ "paths": {} })).is_err());
    }
}
