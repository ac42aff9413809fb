//! A request that was caught, in the one form that the API answers and files have.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;

use super::export::moment;
use super::read::Listed;
use crate::diagnosis::Verdict;

/// A request that was caught.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RequestOut)]
#[serde(rename_all = "camelCase")]
pub struct CaughtRequest {
    /// Counts up in its catcher from 1. The cursor of lists.
    number: u64,
    #[schema(format = DateTime)]
    timestamp: String,
    method: String,
    /// Path and query.
    target: String,
    http_version: String,
    /// Names and values as they came, in order and with repeats.
    headers: Vec<[String; 2]>,
    /// The body as text; null if it is not UTF-8, or was left out.
    #[schema(required)]
    body: Option<String>,
    /// The same bytes, where they are not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    /// How many bytes came.
    body_bytes: u64,
    /// Whether more came than was kept.
    cut: bool,
    #[schema(required)]
    peer: Option<String>,
    /// Its `webhook-id`.
    #[schema(required)]
    event_id: Option<String>,
    /// If it is one of the application's events.
    #[schema(required)]
    event_type: Option<String>,
    /// The number of the first request with the same `webhook-id`; null for the first.
    #[schema(required)]
    retry_of: Option<u64>,
    /// `valid`, `unchecked`, `missing`, `malformed`, `wrong_secret`, `body_changed`, `too_old` or `too_new`.
    signature: &'static str,
    /// In one sentence.
    signature_says: String,
    /// What it was answered, as in a script.
    answer: String,
    #[schema(required)]
    step: Option<u32>,
    /// Microseconds until the answer was over; null while it is not.
    #[schema(required)]
    waited_us: Option<u64>,
    /// The caller went away before the answer was over.
    cut_short: bool,
}

impl CaughtRequest {
    pub fn of(listed: &Listed) -> CaughtRequest {
        let capture = &listed.capture;
        let verdict = Verdict::from_text(&capture.signature);
        let text = std::str::from_utf8(&capture.body).ok();
        let is_left_out = capture.body.is_empty() && capture.kept_bytes > 0;
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        CaughtRequest {
            number: capture.number,
            timestamp: moment(capture.at),
            method: capture.method.clone(),
            target: capture.target.clone(),
            http_version: capture.version.clone(),
            headers: capture.headers().map(|(name, value)| [lossy(name), lossy(value)]).collect(),
            body: text.filter(|_| !is_left_out).map(str::to_owned),
            body_base64: text.is_none().then(|| STANDARD.encode(&capture.body)),
            body_bytes: capture.body_bytes,
            cut: capture.is_cut(),
            peer: capture.peer.map(|peer| peer.to_string()),
            event_id: capture.event.clone(),
            event_type: listed.event_type.as_deref().map(str::to_owned),
            retry_of: capture.repeats,
            signature: verdict.word(),
            signature_says: verdict.says(),
            answer: capture.answer.clone(),
            step: capture.step,
            waited_us: capture.stamp.map(|stamp| stamp.waited_us),
            cut_short: capture.stamp.is_some_and(|stamp| stamp.cut_short),
        }
    }
}
