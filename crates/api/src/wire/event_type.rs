//! `event-type`.

use ringup_app::EventTypeDraft;
use ringup_core::account::EventType;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::wire::patch::Patch;
use crate::wire::{json, time};

/// `EventTypeIn` and `EventTypeUpdate`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventTypeIn {
    /// In the path, when it is replaced.
    name: Option<String>,
    description: String,
    group_name: Option<String>,
    archived: Option<bool>,
    deprecated: Option<bool>,
    feature_flag: Option<String>,
    /// The name that newer SDKs know; the first one counts.
    feature_flags: Option<Vec<String>>,
    schemas: Option<Box<RawValue>>,
}

/// `EventTypePatch`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EventTypePatch {
    description: Patch<String>,
    group_name: Patch<String>,
    archived: Patch<bool>,
    deprecated: Patch<bool>,
    feature_flag: Patch<String>,
    schemas: Patch<Box<RawValue>>,
}

/// `EventTypeOut`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventTypeOut<'a> {
    name: &'a str,
    description: &'a str,
    group_name: Option<&'a str>,
    archived: bool,
    deprecated: bool,
    feature_flag: Option<&'a str>,
    feature_flags: Option<[&'a str; 1]>,
    schemas: Option<&'a RawValue>,
    created_at: String,
    updated_at: String,
}

impl EventTypeIn {
    pub fn name(&mut self) -> Option<String> {
        self.name.take()
    }

    pub fn draft(self) -> EventTypeDraft {
        let flags = self.feature_flags.unwrap_or_default();
        EventTypeDraft {
            description: self.description,
            group: self.group_name,
            archived: self.archived.unwrap_or_default(),
            deprecated: self.deprecated.unwrap_or_default(),
            feature_flag: self.feature_flag.or_else(|| flags.into_iter().next()),
            schemas: self.schemas.map(text),
        }
    }
}

impl EventTypePatch {
    pub fn apply(self, draft: &mut EventTypeDraft) {
        self.description.over(&mut draft.description);
        self.group_name.onto(&mut draft.group);
        self.archived.over(&mut draft.archived);
        self.deprecated.over(&mut draft.deprecated);
        self.feature_flag.onto(&mut draft.feature_flag);
        self.schemas.map(text).onto(&mut draft.schemas);
    }
}

impl<'a> EventTypeOut<'a> {
    pub fn of(event_type: &'a EventType, with_schemas: bool) -> EventTypeOut<'a> {
        let schemas = event_type.schemas.as_deref().filter(|_| with_schemas);
        EventTypeOut {
            name: &event_type.name,
            description: &event_type.description,
            group_name: event_type.group.as_deref(),
            archived: event_type.archived,
            deprecated: event_type.deprecated,
            feature_flag: event_type.feature_flag.as_deref(),
            feature_flags: event_type.feature_flag.as_deref().map(|flag| [flag]),
            schemas: schemas.and_then(|text| json::stored(text.as_bytes())),
            created_at: time::text(event_type.created_at),
            updated_at: time::text(event_type.updated_at),
        }
    }
}

fn text(schemas: Box<RawValue>) -> String {
    Box::<str>::from(schemas).into()
}
