//! Event types taken from an OpenAPI document, and a whole environment's taken out and in.
//!
//! Only the document itself is read: a reference that leads out of it is refused.

use std::collections::BTreeSet;

use ringup_app::EventTypeDraft;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::problem::{Item, Problem};
use crate::wire::event_type::{EventTypeIn, EventTypeOut};

/// Webhooks of one document.
const WEBHOOKS_MAX: usize = 1_000;

/// `EventTypeImportOpenApiIn`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportIn {
    /// The document as an object.
    #[schema(value_type = Option<Object>)]
    spec: Option<Map<String, Value>>,
    /// The document as text, in JSON.
    spec_raw: Option<String>,
    /// Archive event types that are not in the document.
    #[serde(default)]
    pub replace_all: bool,
    /// Only say what would be changed.
    #[serde(default)]
    pub dry_run: bool,
}

/// `EventTypeImportOpenApiOut`.
#[derive(Serialize, ToSchema)]
pub struct ImportOut {
    data: ImportDataOut,
}

#[derive(Serialize, ToSchema)]
struct ImportDataOut {
    modified: Vec<String>,
}

/// `EnvironmentOut`. There are no connectors here, and settings belong to applications.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentOut<'a> {
    pub version: u32,
    #[schema(format = DateTime)]
    pub created_at: String,
    pub event_types: Vec<EventTypeOut<'a>>,
    #[schema(value_type = Option<Object>, required)]
    pub settings: Option<()>,
    #[schema(value_type = Vec<Object>)]
    pub connectors: [(); 0],
}

/// `EnvironmentIn`: what [`EnvironmentOut`] says.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentIn {
    event_types: Option<Vec<EventTypeIn>>,
    #[schema(value_type = Option<Object>)]
    settings: Option<Map<String, Value>>,
    #[schema(value_type = Option<Vec<Object>>)]
    connectors: Option<Vec<Value>>,
}

impl ImportOut {
    pub fn of(modified: Vec<String>) -> ImportOut {
        ImportOut { data: ImportDataOut { modified } }
    }
}

impl EnvironmentIn {
    /// What is to be registered. What could not be kept is refused rather than dropped.
    pub fn drafts(self) -> Result<Vec<(String, EventTypeDraft)>, Problem> {
        if self.settings.is_some_and(|settings| !settings.is_empty()) {
            return Err(refused("settings", "an environment has no settings here; they belong to applications"));
        }
        if self.connectors.is_some_and(|connectors| !connectors.is_empty()) {
            return Err(refused("connectors", "there are no connectors here"));
        }
        let named = |mut event_type: EventTypeIn| {
            let name = event_type.name().ok_or_else(|| refused("eventTypes", "each event type needs a `name`"))?;
            Ok((name, event_type.draft()))
        };
        self.event_types.unwrap_or_default().into_iter().map(named).collect()
    }
}

impl ImportIn {
    /// What the document's webhooks say, by name.
    pub fn drafts(&self) -> Result<Vec<(String, EventTypeDraft)>, Problem> {
        let document = match (&self.spec, &self.spec_raw) {
            (Some(spec), None) => Value::Object(spec.clone()),
            (None, Some(text)) => serde_json::from_str(text)
                .map_err(|error| refused("specRaw", &format!("it is not JSON: {error}; turn YAML into JSON first")))?,
            (None, None) | (Some(_), Some(_)) => {
                return Err(refused("spec", "either `spec` or `specRaw` is needed, not both"));
            }
        };
        let webhooks = document.get("webhooks").or_else(|| document.get("x-webhooks")).and_then(Value::as_object);
        let Some(webhooks) = webhooks else {
            return Err(refused("spec", "the document has no `webhooks` (or `x-webhooks`)"));
        };
        if webhooks.len() > WEBHOOKS_MAX {
            return Err(refused("spec", &format!("at most {WEBHOOKS_MAX} webhooks are possible")));
        }
        webhooks.iter().map(|(name, item)| Ok((name.clone(), draft(&document, name, item)?))).collect()
    }
}

fn draft(document: &Value, name: &str, item: &Value) -> Result<EventTypeDraft, Problem> {
    let operation = item.get("post").or_else(|| item.get("put"));
    let operation = operation.ok_or_else(|| refused("spec", &format!("the webhook {name:?} has no `post`")))?;
    let text = |field: &str| operation.get(field).and_then(Value::as_str);
    let schema = operation.pointer("/requestBody/content/application~1json/schema");
    let schemas = schema.map(|schema| with_definitions(document, schema)).transpose()?;
    let tag = || operation.pointer("/tags/0").and_then(Value::as_str);
    Ok(EventTypeDraft {
        description: text("description").or_else(|| text("summary")).unwrap_or_default().to_owned(),
        group: text("x-group-name").or_else(tag).map(str::to_owned),
        archived: false,
        deprecated: operation.get("deprecated").and_then(Value::as_bool).unwrap_or_default(),
        feature_flag: operation.pointer("/x-feature-flags/0").and_then(Value::as_str).map(str::to_owned),
        schemas: schemas.map(|schema| json!({ "1": schema }).to_string()),
    })
}

/// A schema with everything it refers to in its own `$defs`, so that it stands for itself.
fn with_definitions(document: &Value, schema: &Value) -> Result<Value, Problem> {
    let (mut schema, mut wanted) = (schema.clone(), BTreeSet::new());
    relocate(&mut schema, &mut wanted)?;
    let mut definitions = Map::new();
    while let Some(name) = wanted.pop_first() {
        if definitions.contains_key(&name) {
            continue;
        }
        let found = document.pointer("/components/schemas").and_then(|schemas| schemas.get(&name));
        let mut found = found
            .cloned()
            .ok_or_else(|| refused("spec", &format!("there is nothing at #/components/schemas/{name}")))?;
        relocate(&mut found, &mut wanted)?;
        definitions.insert(name, found);
    }
    // A schema that is nothing but a reference is the thing it refers to, unless that refers to itself.
    let own = schema.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix("#/$defs/")).map(str::to_owned);
    if let Some(own) = own
        && !refers_to(&definitions, &own)
        && let Some(definition) = definitions.remove(&own)
    {
        schema = definition;
    }
    if let Some(schema) = schema.as_object_mut().filter(|_| !definitions.is_empty()) {
        schema.insert("$defs".to_owned(), Value::Object(definitions));
    }
    Ok(schema)
}

/// Turns references to the document's components into such to `$defs`; notes which.
fn relocate(value: &mut Value, wanted: &mut BTreeSet<String>) -> Result<(), Problem> {
    match value {
        Value::Array(values) => values.iter_mut().try_for_each(|value| relocate(value, wanted)),
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get_mut("$ref") {
                let Some(name) = to.strip_prefix("#/components/schemas/").filter(|name| !name.contains('/')) else {
                    let why = format!("the reference {to:?} leads out of the document's schemas; it is not followed");
                    return Err(refused("spec", &why));
                };
                let name = name.to_owned();
                *to = format!("#/$defs/{name}");
                wanted.insert(name);
            }
            members.values_mut().try_for_each(|value| relocate(value, wanted))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn refers_to(definitions: &Map<String, Value>, name: &str) -> bool {
    let text = format!("\"#/$defs/{name}\"");
    definitions.values().any(|definition| definition.to_string().contains(&text))
}

fn refused(field: &str, why: &str) -> Problem {
    Problem::misfit(vec![Item::in_body(field, "import", why.chars().take(512).collect())])
}
