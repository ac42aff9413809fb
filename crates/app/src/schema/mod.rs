//! Schemas of event types: checked when they are registered, compiled once, asked of each payload.
//!
//! Numbers are compared by their spelling, never as floats; what is said of a payload never quotes it. References that lead
//! out of the schema are refused, and patterns run in linear time, so that a schema is no way to call out or to stall.

mod keyword;
mod parse;
mod value;

use std::collections::BTreeMap;

use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use serde_json::Value;

use value::{Exact, Spelled};

/// Bytes of all schemas of one event type.
pub const SCHEMAS_BYTES_MAX: usize = 256 * 1024;

/// What is said of one payload at most.
pub const MISFITS_MAX: usize = 32;

/// Bytes of what is said of one place.
const WHY_BYTES_MAX: usize = 300;

/// A schema, compiled.
pub struct Schema(Validator<Spelled>);

/// One way in which a payload is not as its schema says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Where in the payload, as a JSON pointer; empty for all of it.
    pub pointer: String,
    /// Never quotes the payload.
    pub why: String,
}

/// What is wrong with a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFault {
    /// Where in the schemas by version, as a JSON pointer.
    pub pointer: String,
    pub why: String,
}

impl Schema {
    /// The newest version in the JSON text of schemas by version; `None` where there is none.
    pub fn of_versions(text: &str) -> Result<Option<Schema>, SchemaFault> {
        let versions = versions(text)?;
        let Some((version, schema)) = newest(&versions) else { return Ok(None) };
        compile(version, schema).map(Some)
    }

    /// All ways in which a payload is not as the schema says, at most [`MISFITS_MAX`]. The payload is JSON.
    pub fn misfits(&self, payload: &[u8]) -> Vec<Misfit> {
        let Some(parsed) = parse::parse(payload) else {
            let why = "a text in it has an escape that stands for no character".to_owned();
            return vec![Misfit { pointer: String::new(), why }];
        };
        if self.0.is_valid(&parsed) {
            return Vec::new();
        }
        let misfit = |error: jsonschema::ValidationError<'_>| Misfit {
            pointer: error.instance_path().to_string(),
            why: cut(error.masked().to_string()),
        };
        self.0.iter_errors(&parsed).take(MISFITS_MAX).map(misfit).collect()
    }
}

/// Checks the JSON text of schemas by version, every one of them.
pub fn check(text: &str) -> Result<(), SchemaFault> {
    if text.len() > SCHEMAS_BYTES_MAX {
        let why = format!("schemas have at most {SCHEMAS_BYTES_MAX} bytes, these have {}", text.len());
        return Err(SchemaFault { pointer: String::new(), why });
    }
    let exact = parse::parse(text.as_bytes());
    for (version, schema) in versions(text)? {
        if let Some(exact) = exact.as_ref().and_then(|exact| exact.member(&version)) {
            vet(exact, &format!("/{}", escape(&version)))?;
        }
        compile(&version, &schema)?;
    }
    Ok(())
}

/// The version that payloads are held against: the highest number, else the last word.
pub(crate) fn newest<T>(versions: &BTreeMap<String, T>) -> Option<(&str, &T)> {
    let newest = versions.iter().max_by_key(|(version, _)| (version.parse::<u64>().ok(), version.as_str()));
    newest.map(|(version, schema)| (version.as_str(), schema))
}

fn versions(text: &str) -> Result<BTreeMap<String, Value>, SchemaFault> {
    serde_json::from_str(text)
        .map_err(|error| SchemaFault { pointer: String::new(), why: format!("an object, schemas by version: {error}") })
}

fn compile(version: &str, schema: &Value) -> Result<Schema, SchemaFault> {
    let options = jsonschema::options_for::<Spelled>()
        .with_retriever(Nowhere)
        .with_pattern_options(PatternOptions::regex())
        .with_keyword("minimum", keyword::minimum)
        .with_keyword("maximum", keyword::maximum)
        .with_keyword("exclusiveMinimum", keyword::exclusive_minimum)
        .with_keyword("exclusiveMaximum", keyword::exclusive_maximum)
        .with_keyword("multipleOf", keyword::multiple_of)
        .with_keyword("const", keyword::constant)
        .with_keyword("enum", keyword::choice);
    options.build(schema).map(Schema).map_err(|error| SchemaFault {
        pointer: format!("/{}{}", escape(version), error.instance_path()),
        why: cut(error.to_string()),
    })
}

/// What the validator would not refuse: numbers with more digits than it holds, and references that lead out.
fn vet(schema: &Exact<'_>, at: &str) -> Result<(), SchemaFault> {
    let fault = |why: String| Err(SchemaFault { pointer: at.to_owned(), why });
    match schema {
        Exact::Number(text) if !value::survives(text) => {
            fault("a number in a schema has at most 15 digits, so that it can be held exactly".to_owned())
        }
        Exact::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| vet(item, &format!("{at}/{index}")))
        }
        Exact::Object(members) => {
            let away = members.iter().find(|(name, to)| {
                matches!(name.as_ref(), "$ref" | "$dynamicRef" | "$recursiveRef")
                    && matches!(to, Exact::Text(to) if !to.starts_with('#'))
            });
            if let Some((_, Exact::Text(to))) = away {
                let to: String = to.chars().take(100).collect();
                return fault(format!(
                    "the reference {to:?} leads out of the schema; it is not followed: put what it names into `$defs`"
                ));
            }
            // An example is shown, not compared with.
            members
                .iter()
                .filter(|(name, _)| !matches!(name.as_ref(), "example" | "examples" | "default"))
                .try_for_each(|(name, member)| vet(member, &format!("{at}/{}", escape(name))))
        }
        Exact::Null | Exact::Bool(_) | Exact::Number(_) | Exact::Text(_) => Ok(()),
    }
}

/// Source: RFC 6901, §4.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn cut(mut text: String) -> String {
    let end = text.floor_char_boundary(WHY_BYTES_MAX.min(text.len()));
    text.truncate(end);
    text
}

/// Nothing is fetched.
struct Nowhere;

impl Retrieve for Nowhere {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("{uri} is not fetched: put what it names into `$defs`").into())
    }
}

#[cfg(test)]
mod tests;
