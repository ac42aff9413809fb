//! What a JSON schema says, in a table: one line for each field, with the fields of fields below it.

use serde_json::Value;

use crate::markup::{Markup, prose};

/// Levels of fields that are shown; what lies deeper is on the page of the shape it belongs to, or in the example.
const LEVELS_MAX: usize = 4;

/// Fields that are shown.
const FIELDS_MAX: usize = 200;

pub struct Field {
    /// With the names of what it is in: `data[].id`.
    pub name: String,
    pub kind: String,
    pub is_required: bool,
    pub about: Markup,
}

/// What a reference leads to, else the value itself.
pub fn resolved<'a>(root: &'a Value, value: &'a Value) -> &'a Value {
    let mut value = value;
    // A reference to a reference ends; one to itself must, too.
    for _ in 0..LEVELS_MAX {
        let Some(to) = value["$ref"].as_str().and_then(|to| to.strip_prefix('#')) else { break };
        let Some(found) = root.pointer(to) else { break };
        value = found;
    }
    value
}

/// The fields of a body.
pub fn fields(root: &Value, schema: &Value) -> Vec<Field> {
    let mut found = Vec::new();
    collect(root, schema, "", 0, &mut found);
    found
}

fn collect(root: &Value, schema: &Value, prefix: &str, level: usize, found: &mut Vec<Field>) {
    let schema = resolved(root, schema);
    if level >= LEVELS_MAX {
        return;
    }
    let parts = ["oneOf", "anyOf", "allOf"].iter().filter_map(|word| schema[*word].as_array()).flatten();
    parts.for_each(|part| collect(root, part, prefix, level + 1, found));
    if let Some(items) = schema.get("items") {
        collect(root, items, &format!("{prefix}[]"), level + 1, found);
    }
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut properties: Vec<_> = schema["properties"].as_object().into_iter().flatten().collect();
    properties.sort_by_key(|(name, _)| !required.contains(&name.as_str()));
    for (name, field) in properties {
        if found.len() >= FIELDS_MAX {
            return;
        }
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        if found.iter().any(|known| known.name == path) {
            continue;
        }
        let said = [field, resolved(root, field)].into_iter().find_map(|schema| about(schema));
        found.push(Field {
            kind: kind(root, field),
            is_required: required.contains(&name.as_str()),
            about: prose(said.unwrap_or_default()),
            name: path.clone(),
        });
        collect(root, field, &path, level + 1, found);
    }
}

/// What a schema says of itself; for one that may be null, what the other half says.
fn about(schema: &Value) -> Option<&str> {
    let parts = schema["oneOf"].as_array().into_iter().flatten();
    schema["description"].as_str().or_else(|| parts.into_iter().find_map(|part| part["description"].as_str()))
}

/// A type in words: `integer, 1 to 250`, `array of string`, `one of "a", "b"`.
pub fn kind(root: &Value, schema: &Value) -> String {
    kind_at(root, schema, 0)
}

fn kind_at(root: &Value, schema: &Value, level: usize) -> String {
    let schema = resolved(root, schema);
    if level > LEVELS_MAX {
        return "…".to_owned();
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    if let Some(fixed) = schema.get("const") {
        return fixed.to_string();
    }
    if let Some(parts) = ["oneOf", "anyOf"].iter().find_map(|word| schema[*word].as_array()) {
        let mut kinds: Vec<String> = parts.iter().map(|part| kind_at(root, part, level + 1)).collect();
        kinds.dedup();
        return kinds.join(" | ");
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        Value::String(kind) => vec![kind.as_str()],
        _ if schema.get("properties").is_some() => vec!["object"],
        _ => vec!["any"],
    };
    let one = |kind: &&str| match *kind {
        "array" => format!("array of {}", kind_at(root, &schema["items"], level + 1)),
        "object" if schema["additionalProperties"].is_object() => {
            format!("map of {}", kind_at(root, &schema["additionalProperties"], level + 1))
        }
        kind => kind.to_owned() + &bounds(kind, schema),
    };
    kinds.iter().map(one).collect::<Vec<_>>().join(" | ")
}

/// The format and the bounds of one kind.
fn bounds(kind: &str, schema: &Value) -> String {
    let (least, most) = match kind {
        "string" => ("minLength", "maxLength"),
        "integer" | "number" => ("minimum", "maximum"),
        _ => return String::new(),
    };
    let format = schema["format"].as_str().filter(|_| kind == "string").map(|format| format!(" ({format})"));
    let unit = if kind == "string" { " characters" } else { "" };
    let range = match (schema.get(least), schema.get(most)) {
        (Some(least), Some(most)) => format!(", {least} to {most}{unit}"),
        (Some(least), None) if kind != "string" => format!(", at least {least}"),
        (None, Some(most)) => format!(", at most {most}{unit}"),
        _ => String::new(),
    };
    format.unwrap_or_default() + &range
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_are_words() {
        let root = json!({ "s": { "type": "object", "properties": {} } });
        for (schema, words) in [
            (json!({ "type": "integer", "minimum": 1, "maximum": 250 }), "integer, 1 to 250"),
            (json!({ "type": ["string", "null"], "maxLength": 9 }), "string, at most 9 characters | null"),
            (
                json!({ "type": "array", "items": { "type": "string", "format": "date-time" } }),
                "array of string (date-time)",
            ),
            (json!({ "enum": ["a", "b"] }), r#""a" | "b""#),
            (json!({ "oneOf": [{ "$ref": "#/s" }, { "type": "null" }] }), "object | null"),
            (json!({ "type": "object", "additionalProperties": { "type": "string" } }), "map of string"),
            (json!({}), "any"),
        ] {
            assert_eq!(kind(&root, &schema), words);
        }
    }

    #[test]
    fn fields_stand_below_what_they_are_in_and_a_circle_ends() {
        let root = json!({ "node": {
            "type": "object", "required": ["id"],
            "properties": { "id": { "type": "string" }, "next": { "$ref": "#/node" }, "rows": { "type": "array", "items": {
                "properties": { "n": { "type": "integer" } }
            } } },
        } });
        let found = fields(&root, &json!({ "$ref": "#/node" }));
        let names: Vec<&str> = found.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(&names[..3], ["id", "next", "next.id"]);
        assert!(names.contains(&"rows[].n"), "{names:?}");
        assert!(found.len() < 30 && found[0].is_required && !found[1].is_required, "{names:?}");
    }
}
