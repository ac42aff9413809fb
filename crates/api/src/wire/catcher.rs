//! `catcher`: a built-in receiver, and the requests it caught. Ours; Svix has none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
pub use ringup_app::CaughtRequest as RequestOut;
use ringup_app::diagnosis::{Diagnosis, Mark, Verdict};
use ringup_app::{CatcherDraft, CatcherView};
use ringup_core::catcher::FixedBody;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::patch::Patch;
use crate::wire::time;

/// What a catcher is made from. All of it may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CatcherIn {
    /// For people; says nothing about the URL.
    name: Option<String>,
    /// What is answered: `200` unless said otherwise.
    #[schema(example = "503 x2, 200")]
    script: Option<String>,
    /// The body of answers whose size the script does not say.
    answer: Option<AnswerBody>,
    /// Id or uid of the endpoint whose secret checks signatures. Not needed if an endpoint has the catcher's URL.
    endpoint_id: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CatcherPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    script: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<AnswerBody>)]
    answer: Patch<AnswerBody>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    endpoint_id: Patch<String>,
}

/// Never HTML.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnswerBody {
    /// `json` or `text`.
    #[serde(rename = "type")]
    kind: AnswerKind,
    body: String,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AnswerKind {
    Json,
    Text,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScriptIn {
    #[schema(example = "503 x2, 200")]
    script: String,
}

impl From<AnswerBody> for FixedBody {
    fn from(answer: AnswerBody) -> FixedBody {
        match answer.kind {
            AnswerKind::Json => FixedBody::Json(answer.body),
            AnswerKind::Text => FixedBody::Text(answer.body),
        }
    }
}

impl From<&FixedBody> for AnswerBody {
    fn from(body: &FixedBody) -> AnswerBody {
        match body {
            FixedBody::Json(text) => AnswerBody { kind: AnswerKind::Json, body: text.clone() },
            FixedBody::Text(text) => AnswerBody { kind: AnswerKind::Text, body: text.clone() },
        }
    }
}

impl CatcherIn {
    pub fn draft(self) -> CatcherDraft {
        CatcherDraft {
            name: self.name.unwrap_or_default(),
            script: self.script.unwrap_or_default(),
            body: self.answer.map(FixedBody::from),
            endpoint: self.endpoint_id,
        }
    }
}

impl CatcherPatch {
    pub fn apply(self, draft: &mut CatcherDraft) {
        self.name.over(&mut draft.name);
        self.script.over(&mut draft.script);
        self.answer.map(FixedBody::from).onto(&mut draft.body);
        self.endpoint_id.onto(&mut draft.endpoint);
    }
}

impl ScriptIn {
    pub fn apply(self, draft: &mut CatcherDraft) {
        draft.script = self.script;
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CatcherOut {
    id: String,
    name: String,
    /// Where requests are sent. Whoever has it may send, and sees nothing.
    url: String,
    /// As it is understood.
    script: String,
    /// Its steps, in order.
    steps: Vec<String>,
    /// The step that the next request of the event seen last meets; null after the last one.
    next_step: Option<usize>,
    /// Requests since the script began.
    requests: u64,
    /// Where chance begins; the same seed gives the same run.
    seed: u64,
    #[schema(required)]
    answer: Option<AnswerBody>,
    #[schema(required)]
    endpoint_id: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// Reads and empties this catcher without a key, as `Authorization: Bearer`. Shown when it is made, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    read_token: Option<String>,
}

impl CatcherOut {
    pub fn of(view: &CatcherView) -> CatcherOut {
        let catcher = &view.catcher;
        CatcherOut {
            id: catcher.id.to_string(),
            name: catcher.name.clone(),
            url: view.url.clone(),
            script: catcher.script.to_string(),
            steps: catcher.script.steps().iter().map(ToString::to_string).collect(),
            next_step: view.turn.next,
            requests: view.turn.requests,
            seed: catcher.script.seed.unwrap_or(catcher.seed),
            answer: catcher.body.as_ref().map(AnswerBody::from),
            endpoint_id: catcher.endpoint.map(|id| id.to_string()),
            created_at: time::text(catcher.created_at),
            updated_at: time::text(catcher.updated_at),
            read_token: None,
        }
    }

    pub fn with_read_token(self, token: &str) -> CatcherOut {
        CatcherOut { read_token: Some(token.to_owned()), ..self }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadTokenOut<'a> {
    pub read_token: &'a str,
}

/// Requests, and where to go on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestsOut {
    pub data: Vec<RequestOut>,
    /// For `after`, to go on with what comes next.
    pub cursor: u64,
    /// Whether as many came as were waited for.
    pub done: bool,
}

/// One request, with every step of the check of its signature.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestDetail {
    #[serde(flatten)]
    pub request: RequestOut,
    pub diagnosis: DiagnosisOut,
}

/// Why a signature holds or does not.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosisOut {
    /// `valid`, or the word for what is wrong.
    verdict: &'static str,
    says: String,
    /// What would make it valid, for `body_changed`: `line_end_added`, `line_end_removed`, `line_ends`,
    /// `byte_order_mark`, `reserialised`.
    #[schema(required)]
    change: Option<&'static str>,
    steps: Vec<StepOut>,
    /// The signed bytes are these, and the body behind them.
    #[schema(required)]
    signed_prefix: Option<String>,
    /// All signed bytes.
    #[schema(required)]
    signed_base64: Option<String>,
    /// The signature that would be right.
    #[schema(required)]
    expected: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepOut {
    /// `headers`, `timestamp`, `versions`, `signature` or `age`.
    name: &'static str,
    /// `passed`, `failed` or `skipped`.
    mark: &'static str,
    /// What was looked at.
    found: String,
}

impl DiagnosisOut {
    pub fn of(diagnosis: &Diagnosis, body: &[u8]) -> DiagnosisOut {
        let step = |step: &ringup_app::diagnosis::Step| StepOut {
            name: step.name,
            mark: match step.mark {
                Mark::Passed => "passed",
                Mark::Failed => "failed",
                Mark::Skipped => "skipped",
            },
            found: step.found.clone(),
        };
        let prefix = diagnosis.signed_prefix.as_deref();
        DiagnosisOut {
            verdict: diagnosis.verdict.word(),
            says: diagnosis.verdict.says(),
            change: match diagnosis.verdict {
                Verdict::BodyChanged(change) => Some(change.word()),
                _ => None,
            },
            steps: diagnosis.steps.iter().map(step).collect(),
            signed_prefix: prefix.map(str::to_owned),
            signed_base64: prefix.map(|prefix| STANDARD.encode([prefix.as_bytes(), body].concat())),
            expected: diagnosis.expected.clone(),
        }
    }
}

/// What to verify. A secret that is given is used for this answer and never kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifyIn {
    /// Header lines as they came, or a map of them.
    pub headers: std::collections::BTreeMap<String, String>,
    /// The body as text.
    pub body: Option<String>,
    /// The body's bytes, where they are not text.
    pub body_base64: Option<String>,
    /// `whsec_…`
    pub secret: Option<String>,
    /// An endpoint whose secrets are used instead.
    pub endpoint_id: Option<String>,
}
