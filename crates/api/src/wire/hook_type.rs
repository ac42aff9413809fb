//! `hook-type`: which hooks there are. Ours; Svix has none.

use std::time::Duration;

use ringup_app::{HookType, HookTypeDraft};
use ringup_core::hook::{HookRule, Mode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::problem::{Item, Problem};
use crate::wire::span::millis;
use crate::wire::{json, time};

/// A hook as it is declared.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookTypeIn {
    /// For people.
    #[schema(example = "Stock check")]
    title: String,
    /// When it is asked.
    description: Option<String>,
    /// `read`: it can be asked twice, and an answer that comes too late is of no use. `write`: it must arrive, and must not
    /// count twice.
    #[schema(example = "read")]
    mode: String,
    question: DocumentIn,
    answer: DocumentIn,
    cache: Option<CacheInOut>,
    refusal: Option<RefusalInOut>,
    /// Of a hook that writes: where in the question stands what makes it the same question, as a JSON pointer.
    #[schema(example = "/OrderId")]
    key: Option<String>,
    /// Whether an application may declare what the till is told where nobody answers.
    may_fall_back: Option<bool>,
}

/// A question or an answer: an object.
#[derive(Deserialize, ToSchema)]
struct DocumentIn {
    /// JSON Schema. What is not as it says is refused; a question with 422, an answer as a failure with the cause `schema`.
    #[schema(value_type = Object)]
    schema: Box<RawValue>,
    /// An example, which the schema must accept.
    #[schema(value_type = Option<Object>)]
    sample: Option<Box<RawValue>>,
}

/// How long an answer is kept. 0: never.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CacheInOut {
    /// It is told again for so long.
    #[serde(default)]
    #[schema(maximum = 3_600_000)]
    fresh_ms: u64,
    /// For so long after that it stands in for one that fails.
    #[serde(default)]
    #[schema(maximum = 86_400_000)]
    stale_ms: u64,
}

/// What is a valid "no".
#[derive(Deserialize, Serialize, ToSchema)]
struct RefusalInOut {
    /// With a JSON object as its body; 400 to 499, but not 408, 410 or 429.
    #[serde(default)]
    #[schema(max_items = 16)]
    statuses: Vec<u16>,
    /// Where in it the reason stands that the till is told, as a JSON pointer.
    #[schema(example = "/message")]
    reason: Option<String>,
}

impl HookTypeIn {
    pub fn draft(self) -> Result<HookTypeDraft, Problem> {
        let mode = Mode::from_word(&self.mode)
            .ok_or_else(|| Problem::misfit(vec![Item::in_body("mode", "word", "expected read or write".to_owned())]))?;
        let text = |json: Box<RawValue>| String::from(Box::<str>::from(json));
        let cache = self.cache.unwrap_or(CacheInOut { fresh_ms: 0, stale_ms: 0 });
        let refusal = self.refusal.unwrap_or(RefusalInOut { statuses: Vec::new(), reason: None });
        Ok(HookTypeDraft {
            title: self.title,
            description: self.description.unwrap_or_default(),
            mode,
            question_schema: text(self.question.schema),
            answer_schema: text(self.answer.schema),
            question_sample: self.question.sample.map(text),
            answer_sample: self.answer.sample.map(text),
            fresh: Duration::from_millis(cache.fresh_ms),
            stale: Duration::from_millis(cache.stale_ms),
            refusals: refusal.statuses,
            reason: refusal.reason,
            key: self.key,
            may_fall_back: self.may_fall_back.unwrap_or_default(),
        })
    }
}

#[derive(Serialize, ToSchema)]
pub struct HookTypesOut<'a> {
    data: Vec<HookTypeOut<'a>>,
}

impl<'a> HookTypesOut<'a> {
    pub fn of(all: &'a [HookType]) -> HookTypesOut<'a> {
        HookTypesOut { data: all.iter().map(HookTypeOut::of).collect() }
    }
}

/// A hook that applications can set.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookTypeOut<'a> {
    name: &'a str,
    title: &'a str,
    description: &'a str,
    /// It cannot be changed, and speaks both published generations whatever its schemas say.
    built_in: bool,
    mode: &'static str,
    question: DocumentOut<'a>,
    answer: DocumentOut<'a>,
    cache: CacheInOut,
    refusal: RefusalInOut,
    key: Option<&'a str>,
    may_fall_back: bool,
    /// Of a hook that writes: the type of the event that tells what the app gave.
    settled_event_type: Option<&'static str>,
    /// It is not offered any more.
    archived: bool,
    #[schema(format = DateTime)]
    created_at: Option<String>,
    #[schema(format = DateTime)]
    updated_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct DocumentOut<'a> {
    #[schema(value_type = Option<Object>)]
    schema: Option<&'a RawValue>,
    #[schema(value_type = Option<Object>)]
    sample: Option<&'a RawValue>,
}

impl<'a> HookTypeOut<'a> {
    pub fn of(found: &'a HookType) -> HookTypeOut<'a> {
        let HookRule { mode, key, cache, refusals, reason, may_fall_back, settled, reversible: _ } =
            &found.contract.rule;
        let document = |schema: &'a Option<String>, sample: &'a Option<String>| {
            let raw = |text: &'a Option<String>| text.as_deref().and_then(|text| json::stored(text.as_bytes()));
            DocumentOut { schema: raw(schema), sample: raw(sample) }
        };
        let (fresh, stale) = cache.unwrap_or_default();
        HookTypeOut {
            name: &found.contract.name,
            title: &found.title,
            description: &found.description,
            built_in: found.contract.is_published(),
            mode: mode.word(),
            question: document(&found.question_schema, &found.question_sample),
            answer: document(&found.answer_schema, &found.answer_sample),
            cache: CacheInOut { fresh_ms: millis(fresh), stale_ms: millis(stale) },
            refusal: RefusalInOut { statuses: refusals.to_vec(), reason: reason.as_deref().map(str::to_owned) },
            key: key.as_deref(),
            may_fall_back: *may_fall_back,
            settled_event_type: settled.map(|(event_type, _)| event_type),
            archived: found.archived,
            created_at: found.since.map(|(created, _)| time::text(created)),
            updated_at: found.since.map(|(_, updated)| time::text(updated)),
        }
    }
}
