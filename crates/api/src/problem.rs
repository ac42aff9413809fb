//! The only place that turns errors into words: `{"code", "detail"}`, and for what makes no sense
//! `{"detail": [{"loc", "msg", "type"}]}`.
//!
//! SDKs repeat on 5xx and on nothing else, so 5xx stands only for what may succeed later.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use ringup_app::{AppError, Fault};
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::json;

/// Seconds after which to ask again when the store could not take it.
const RETRY_AFTER_SECS: u64 = 1;

/// An answer that is not what was asked for.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Detail,
    retry_after_secs: Option<u64>,
    /// For the log only.
    inside: Option<Inside>,
}

#[derive(Debug)]
enum Detail {
    Text(String),
    Items(Vec<Item>),
}

/// What is wrong with one part of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// From the outside in: `body`, `channels`, `0`.
    pub place: Vec<String>,
    pub why: String,
    pub rule: &'static str,
}

/// What someone may have to act upon; travels with the answer to where the request's id is known.
#[derive(Clone, Debug)]
pub enum Inside {
    /// Passes by itself.
    Unavailable(String),
    /// Does not.
    Broken(String),
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Problem {
        let again = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_SECS);
        Problem { status, code, detail: Detail::Text(detail.into()), retry_after_secs: again, inside: None }
    }

    /// The body is not JSON.
    pub fn malformed(why: String) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "malformed_json", why)
    }

    /// The request is readable and makes no sense.
    pub fn misfit(items: Vec<Item>) -> Problem {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Problem { status, code: "validation", detail: Detail::Items(items), retry_after_secs: None, inside: None }
    }

    pub fn too_large(bytes_max: usize) -> Problem {
        let why = format!("the body is larger than {bytes_max} bytes, the most that is taken here");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", why)
    }

    pub fn unauthenticated(why: &str) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "authentication_failed", why)
    }

    pub fn no_such_path(path: &str) -> Problem {
        let path: String = path.chars().take(256).collect();
        Problem::new(StatusCode::NOT_FOUND, "not_found", format!("there is nothing at {path}"))
    }

    pub fn method_not_allowed(method: &http::Method) -> Problem {
        let why = format!("{method} is not possible here");
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", why)
    }

    /// What others have and we do not.
    pub fn not_implemented(what: &str, instead: &str) -> Problem {
        let why = format!("{what} is not implemented here; {instead}");
        Problem::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", why)
    }

    pub fn broken_off() -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "body_broken_off", "the body ended before its end")
    }

    pub fn body_too_slow() -> Problem {
        Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "the body took too long to arrive")
    }

    /// Nothing was begun: too much else is being done.
    pub fn busy(requests_max: usize) -> Problem {
        let why = format!("{requests_max} requests are being served, the most at a time; ask again");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", why)
    }

    /// Nothing was begun: this key asks for too much.
    pub fn too_many(limit: &str, wait: Duration) -> Problem {
        let why = format!("this key may make {limit}; ask again after `Retry-After`");
        let wait = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", why);
        Problem { retry_after_secs: Some(wait.max(1)), ..problem }
    }

    /// We took too long. What was asked may still happen.
    pub fn took_too_long() -> Problem {
        Problem::unavailable("it took too long; what was asked for may have happened")
    }

    pub fn unavailable(why: &str) -> Problem {
        let inside = Some(Inside::Unavailable(why.to_owned()));
        Problem { inside, ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", why) }
    }

    pub fn defect() -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "a mistake of ours; the log knows more")
    }

    /// The answer to one event of a batch.
    pub fn within_batch(&self) -> ProblemOut<'_> {
        ProblemOut { status: Some(self.status.as_u16()), ..self.out() }
    }

    fn out(&self) -> ProblemOut<'_> {
        let (code, detail) = match &self.detail {
            Detail::Text(text) => (Some(self.code), DetailOut::Text(text)),
            Detail::Items(items) => (None, DetailOut::Items(items.iter().map(ItemOut::of).collect())),
        };
        ProblemOut { status: None, code, detail }
    }
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Problem {
        match error {
            AppError::Unauthenticated(why) => Problem::unauthenticated(why),
            AppError::Forbidden(why) => Problem::new(StatusCode::FORBIDDEN, "forbidden", why),
            AppError::NotFound { what, name } => {
                Problem::new(StatusCode::NOT_FOUND, "not_found", format!("{what} {name:?} not found"))
            }
            AppError::Conflict(why) => Problem::new(StatusCode::CONFLICT, "conflict", why),
            AppError::Invalid(faults) => Problem::misfit(faults.into_iter().map(Item::of).collect()),
            AppError::Unavailable(why) => Problem::unavailable(&format!("try again later: {why}")),
            AppError::Corrupt(why) => {
                let shown = "the store is damaged and takes nothing until the operator acts";
                let inside = Some(Inside::Broken(why.to_string()));
                Problem { inside, ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", shown) }
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, json::write(&self.out())).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after_secs {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(inside) = self.inside {
            response.extensions_mut().insert(inside);
        }
        response
    }
}

impl Item {
    /// About a body as a whole.
    pub fn body(rule: &'static str, why: String) -> Item {
        Item { place: vec!["body".to_owned()], why, rule }
    }

    pub fn in_body(field: &str, rule: &'static str, why: String) -> Item {
        Item { place: vec!["body".to_owned(), field.to_owned()], why, rule }
    }

    fn of(fault: Fault) -> Item {
        let outside = match fault.field {
            // The store said so, which does not know where it stood.
            "" => Vec::new(),
            "idempotency_key" => vec!["header".to_owned(), "idempotency-key".to_owned()],
            field => match field.strip_prefix("query.") {
                Some(name) => vec!["query".to_owned(), name.to_owned()],
                None => std::iter::once("body".to_owned()).chain(place(field)).collect(),
            },
        };
        Item { place: outside.into_iter().chain(fault.part).collect(), why: fault.why, rule: fault.rule }
    }
}

/// Where a field stands on the wire.
fn place(field: &str) -> Vec<String> {
    let parts: &[&str] = match field {
        "question_schema" => &["question", "schema"],
        "question_sample" => &["question", "sample"],
        "answer_schema" => &["answer", "schema"],
        "answer_sample" => &["answer", "sample"],
        "fresh_ms" => &["cache", "freshMs"],
        "stale_ms" => &["cache", "staleMs"],
        "refusal_statuses" => &["refusal", "statuses"],
        "refusal_reason" => &["refusal", "reason"],
        field => return vec![camel(field)],
    };
    parts.iter().map(|part| (*part).to_owned()).collect()
}

/// The wire's spelling of a field.
fn camel(field: &str) -> String {
    let mut words = field.split('_');
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        text.push_str(&first.to_ascii_uppercase());
        text.push_str(rest);
    }
    text
}

/// A refusal.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    detail: DetailOut<'a>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum DetailOut<'a> {
    Text(&'a str),
    Items(Vec<ItemOut<'a>>),
}

#[derive(Debug, Serialize, ToSchema)]
struct ItemOut<'a> {
    loc: &'a [String],
    msg: &'a str,
    #[serde(rename = "type")]
    rule: &'a str,
}

impl<'a> ItemOut<'a> {
    fn of(item: &'a Item) -> ItemOut<'a> {
        ItemOut { loc: &item.place, msg: &item.why, rule: item.rule }
    }
}
