//! `hook`: whom an account asks, and what a till is told. Ours; Svix has none.

use std::time::Duration;

use ringup_app::view::EndpointView;
use ringup_app::{HookAnswer, HookDraft};
use ringup_core::hook::{Generation, HookPlan};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::problem::{Item, Problem};
use crate::wire::span::millis;

/// Whom a hook asks, and how.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookIn {
    #[schema(example = "https://points.example/member")]
    url: String,
    /// The URL that is asked now: a hook asks one alone, so another takes its place only by name.
    replaces: Option<String>,
    /// 100 to 30000; 5000 unless said otherwise.
    deadline_ms: Option<u64>,
    /// `newer` unless said otherwise, or `older`: which of the two published shapes of the question is sent.
    generation: Option<String>,
    /// What the till is told where nobody answers, such as `{"Point":0}`. Only for `fetchMemberPoint` and for hooks that are
    /// declared with `mayFallBack`.
    #[schema(value_type = Option<Object>)]
    fallback: Option<Box<RawValue>>,
    /// Who is told of a sale that was rewarded and is voided afterwards. Only for `orderComplete`.
    #[schema(example = "https://points.example/reversal")]
    reversal_url: Option<String>,
    /// After how long without an answer the app is asked a second time, and the first good answer counts: 10 or more, and
    /// less than the deadline. Only for hooks that read; never unless said.
    hedge_ms: Option<u64>,
    disabled: Option<bool>,
}

impl HookIn {
    pub fn draft(self) -> Result<HookDraft, Problem> {
        let generation = match self.generation.as_deref() {
            None => Generation::default(),
            Some(word) => Generation::from_word(word).ok_or_else(|| {
                let why = "expected newer or older".to_owned();
                Problem::misfit(vec![Item::in_body("generation", "word", why)])
            })?,
        };
        Ok(HookDraft {
            url: self.url,
            replaces: self.replaces,
            deadline: self.deadline_ms.map(Duration::from_millis),
            generation,
            fallback: self.fallback.map(|fallback| fallback.get().to_owned()),
            reversal: self.reversal_url,
            hedge: self.hedge_ms.map(Duration::from_millis),
            disabled: self.disabled.unwrap_or(false),
        })
    }
}

#[derive(Serialize, ToSchema)]
pub struct HooksOut<'a> {
    data: Vec<HookOut<'a>>,
}

impl<'a> HooksOut<'a> {
    pub fn of(views: impl IntoIterator<Item = &'a EndpointView>) -> HooksOut<'a> {
        HooksOut { data: views.into_iter().filter_map(HookOut::of).collect() }
    }
}

/// A hook that is set.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookOut<'a> {
    name: &'a str,
    url: &'a str,
    /// Its secret, headers, authorisation and settings are those of this endpoint.
    endpoint_id: String,
    deadline_ms: u64,
    generation: &'static str,
    #[schema(value_type = Option<Object>)]
    fallback: Option<&'a RawValue>,
    reversal_url: Option<&'a str>,
    hedge_ms: Option<u64>,
    disabled: bool,
}

impl<'a> HookOut<'a> {
    pub fn of(view: &'a EndpointView) -> Option<HookOut<'a>> {
        let HookPlan { name, deadline, generation, fallback, reversal, hedge } =
            view.endpoint.subscription.hook.as_ref()?;
        Some(HookOut {
            name,
            url: &view.endpoint.url,
            endpoint_id: view.endpoint.id.to_string(),
            deadline_ms: millis(*deadline),
            generation: generation.word(),
            fallback: fallback.as_deref().and_then(|fallback| serde_json::from_str(fallback).ok()),
            reversal_url: reversal.as_deref(),
            hedge_ms: hedge.map(millis),
            disabled: view.endpoint.stopped.is_some(),
        })
    }
}

/// The question, as the published contract has it. Texts of the contract may be empty, none may be missing.
#[derive(ToSchema)]
#[schema(value_type = Object, example = json!({"Outlet": "Kemang", "Phone": "081234567890", "Email": "", "Code": ""}))]
#[expect(dead_code, reason = "described here, and read by the contract of the hook")]
pub struct QuestionIn(Box<RawValue>);

/// What the till is told, and by whom.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookAnswerOut {
    /// `live`, `cache`, `fallback`, `refused` or `failed`.
    kind: &'static str,
    /// Under the names of the contract, numbers as the app wrote them; null if it failed.
    #[schema(value_type = Option<Object>)]
    answer: Option<Box<RawValue>>,
    /// Why it is not a live answer: one word, listed in the truth table.
    cause: Option<&'static str>,
    /// The same for people; of a "no" the app's own reason, where the hook declares where it stands.
    reason: Option<String>,
    /// How old a kept answer is.
    age_ms: Option<u64>,
    took_ms: u64,
    /// The `webhook-id` of the call, by which the log has it; null where nobody was called.
    call_id: Option<String>,
    /// The app is asked again by the retry policy, and what it says is told by an event `loyaltyRewardSettled`, of a
    /// declared hook `hookSettled`. Only of hooks that write.
    queued: bool,
}

impl HookAnswerOut {
    pub fn of(answer: &HookAnswer) -> HookAnswerOut {
        let told = &answer.told;
        HookAnswerOut {
            kind: told.kind.word(),
            answer: told.reading.as_ref().and_then(|reading| RawValue::from_string(reading.to_json()).ok()),
            cause: told.failed.as_ref().map(|failed| failed.cause.word()),
            reason: told.failed.as_ref().map(ToString::to_string).or_else(|| answer.reason.clone()),
            age_ms: told.age.map(millis),
            took_ms: millis(answer.took),
            call_id: answer.call.map(|id| id.to_string()),
            queued: answer.queued,
        }
    }
}
