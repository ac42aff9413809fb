//! `event-type`.

use std::time::Duration;

use ringup_app::EventTypeDraft;
use ringup_core::account::EventType;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::problem::{Item, Problem};
use crate::wire::patch::Patch;
use crate::wire::{json, time};

/// An event type.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventTypeIn {
    /// In the path, when it is replaced.
    #[schema(value_type = String)]
    name: Option<String>,
    description: String,
    group_name: Option<String>,
    archived: Option<bool>,
    deprecated: Option<bool>,
    feature_flag: Option<String>,
    /// The name that newer SDKs know; the first one counts.
    feature_flags: Option<Vec<String>>,
    /// JSON Schemas by version.
    #[schema(value_type = Option<Object>)]
    schemas: Option<Box<RawValue>>,
}

/// `EventTypeUpdate`: as [`EventTypeIn`], without the name.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what `EventTypeIn` reads when its name is in the path")]
pub struct EventTypeUpdate {
    description: String,
    group_name: Option<String>,
    archived: Option<bool>,
    deprecated: Option<bool>,
    feature_flag: Option<String>,
    feature_flags: Option<Vec<String>>,
    #[schema(value_type = Option<Object>)]
    schemas: (),
}

/// `EventTypePatch`.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventTypePatch {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    description: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    group_name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    archived: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    deprecated: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    feature_flag: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    feature_flags: Patch<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    schemas: Patch<Box<RawValue>>,
}

/// `EventTypeOut`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventTypeOut<'a> {
    name: &'a str,
    description: &'a str,
    group_name: Option<&'a str>,
    archived: bool,
    deprecated: bool,
    feature_flag: Option<&'a str>,
    feature_flags: Option<[&'a str; 1]>,
    #[schema(value_type = Option<Object>)]
    schemas: Option<&'a RawValue>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// `RetryScheduleInOut`: one repeat after each pause.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetryScheduleInOut {
    #[schema(max_items = 100)]
    retry_schedule: Option<Vec<PauseInOut>>,
}

/// `Duration`.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
struct PauseInOut {
    #[schema(maximum = 86_400)]
    secs: u64,
    #[schema(maximum = 999_999_999)]
    nanos: u32,
}

impl RetryScheduleInOut {
    pub fn of(pauses: Option<&[Duration]>) -> RetryScheduleInOut {
        let out = |pause: &Duration| PauseInOut { secs: pause.as_secs(), nanos: pause.subsec_nanos() };
        RetryScheduleInOut { retry_schedule: pauses.map(|pauses| pauses.iter().map(out).collect()) }
    }

    pub fn pauses(self) -> Result<Option<Vec<Duration>>, Problem> {
        let read = |PauseInOut { secs, nanos }| match nanos {
            0..1_000_000_000 => Ok(Duration::new(secs, nanos)),
            _ => {
                let why = "`nanos` is at most 999999999: more are seconds".to_owned();
                Err(Problem::misfit(vec![Item::in_body("retrySchedule", "range", why)]))
            }
        };
        self.retry_schedule.map(|pauses| pauses.into_iter().map(read).collect()).transpose()
    }
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
        let first = self.feature_flags.map(|flags| flags.into_iter().next());
        self.feature_flag.map(Some).or(first).over(&mut draft.feature_flag);
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
