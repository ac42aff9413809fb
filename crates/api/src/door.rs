//! What every request passes: a name for it, a time limit, a line in the log, and an answer even if we fail.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue};
use http_body::Body as _;
use ringup_app::{Origin, Peer, Principal, RequestId};
use tokio::time::{Instant, timeout};
use tracing::{Level, enabled, error, event, warn};

use crate::Api;
use crate::problem::{Inside, Problem};
use crate::route;
use crate::visit::Visit;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Characters of a request's id that somebody else gave.
const REQUEST_ID_CHARS_MAX: usize = 128;

/// The longest we work on one request. Whoever asked has given up long before.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);

/// Between lines about requests that could not be served.
const UNSERVED_EVERY: Duration = Duration::from_secs(1);

/// Names fields of a request that look like a misspelt one: `metdata (metadata?)`.
pub const MISSPELT: HeaderName = HeaderName::from_static("ringup-unknown-fields");

pub async fn door(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let id = given(&request).unwrap_or_else(|| made(api.app.random_bytes()));
    let is_watched = route::is_health(request.uri().path());
    let line = (!is_watched && api.plan.request_log.is_on()).then(|| Line::of(&request));
    let place = if is_watched { Ok(None) } else { api.limits.enter().map(Some) };
    let origin =
        Origin { address: request.extensions().get().map(|Peer(address)| *address), request: RequestId::of(text(&id)) };
    let visit = Arc::new(Visit::of(origin));
    let mut response = match place {
        Ok(_place) => served(&id, visit.go(next.run(request))).await,
        Err(busy) => busy.into_response(),
    };
    if let Some(inside) = response.extensions_mut().remove::<Inside>() {
        api.unserved.note(&id, &inside);
    }
    if let Some(misspelt) = visit.misspelt_text() {
        response.headers_mut().insert(MISSPELT, misspelt);
    }
    if let Some(line) = line {
        line.write(api.plan.request_log, &id, visit.who(), &response);
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The answer, whatever happens, within the time limit.
async fn served(id: &HeaderValue, work: impl Future<Output = Response>) -> Response {
    match timeout(REQUEST_TIME_MAX, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            error!(request_id = text(id), panic = words(panic.as_ref()), "a request met a defect");
            Problem::defect().into_response()
        }
        Err(_) => Problem::took_too_long().into_response(),
    }
}

/// Whether each request has a line in the log of the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RequestLog {
    Off,
    /// For whoever looks closely: it costs a little at every request.
    #[default]
    Debug,
    Info,
}

impl RequestLog {
    fn is_on(self) -> bool {
        match self {
            RequestLog::Off => false,
            RequestLog::Debug => enabled!(Level::DEBUG),
            RequestLog::Info => enabled!(Level::INFO),
        }
    }
}

/// Requests that could not be served: the log gets one line a second, or a full disk would be filled by saying so.
#[derive(Default)]
pub struct Unserved(Mutex<(Option<Instant>, u64)>);

impl Unserved {
    fn note(&self, id: &HeaderValue, inside: &Inside) {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (said_at, silent) = &mut *guard;
        if said_at.is_some_and(|at| at.elapsed() < UNSERVED_EVERY) {
            *silent += 1;
            return;
        }
        *said_at = Some(Instant::now());
        let more = std::mem::take(silent);
        drop(guard);
        let request_id = text(id);
        match inside {
            Inside::Unavailable(why) => warn!(request_id, why, more, "requests cannot be served now"),
            Inside::Broken(why) => error!(request_id, why, more, "the store is damaged"),
        }
    }
}

/// What the log says of a request, gathered before it is taken apart. Nothing in it is secret: no query, no body, and of
/// the headers only these.
struct Line {
    method: http::Method,
    path: String,
    route: Option<MatchedPath>,
    body_bytes: Option<HeaderValue>,
    agent: Option<HeaderValue>,
    began: Instant,
}

impl Line {
    fn of(request: &Request) -> Line {
        let header = |name| request.headers().get(name).cloned();
        Line {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            route: request.extensions().get().cloned(),
            body_bytes: header(http::header::CONTENT_LENGTH),
            agent: header(http::header::USER_AGENT),
            began: Instant::now(),
        }
    }

    fn write(self, log: RequestLog, id: &HeaderValue, who: Option<Principal>, response: &Response) {
        macro_rules! line {
            ($level:expr) => {
                event!(
                    $level,
                    request_id = text(id),
                    method = %self.method,
                    path = self.path,
                    route = self.route.as_ref().map(MatchedPath::as_str),
                    key = who.and_then(|who| who.key()).map(tracing::field::display),
                    environment = who.map(|who| who.name().environment()),
                    status = response.status().as_u16(),
                    duration_us = self.began.elapsed().as_micros(),
                    body_bytes = self.body_bytes.as_ref().map(text),
                    answer_bytes = response.body().size_hint().exact(),
                    agent = self.agent.as_ref().map(text),
                    "answered"
                )
            };
        }
        match log {
            RequestLog::Off => {}
            RequestLog::Debug => line!(Level::DEBUG),
            RequestLog::Info => line!(Level::INFO),
        }
    }
}

/// The id that the request brought, if it can be repeated safely.
pub fn given(request: &Request) -> Option<HeaderValue> {
    let value = request.headers().get(REQUEST_ID)?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/' | b'+');
    let fits = (1..=REQUEST_ID_CHARS_MAX).contains(&value.len()) && value.as_bytes().iter().all(is_plain);
    fits.then(|| value.clone())
}

/// An id of our own.
pub fn made(random: [u8; 12]) -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    let mut text = Vec::with_capacity(4 + 2 * random.len());
    text.extend_from_slice(b"req_");
    text.extend(random.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).expect("letters and digits are header text")
}

fn text(id: &HeaderValue) -> &str {
    id.to_str().unwrap_or_default()
}

fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}
