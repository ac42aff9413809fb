//! `ANY /c/{write token}[/…]`: takes in whatever comes, and answers as the catcher's script has it, for real: a reset is
//! a reset, a trickle trickles.
//!
//! Whatever is answered is JSON or plain text under a policy that lets a browser do nothing with it, because a catcher
//! may be served where the console is. Every answer is bounded in bytes and time, and ends when the server stops.

mod answer;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use ringup_app::{App, AppError, Incoming};
use tokio::time::{Instant, timeout};

use crate::socket::{CATCHER_PATH, Grip};

/// The longest that a body may take to arrive, and what is read of it beyond what is kept, to say how much there was.
const BODY_TIME_MAX: Duration = Duration::from_secs(20);
const BODY_BYTES_READ_MAX: u64 = 32 * 1024 * 1024;

/// Routes to catchers, to be merged with others or served on an address of their own.
pub fn router(app: Arc<App>) -> Router {
    Router::new().route("/c/{token}", any(take)).route("/c/{token}/{*rest}", any(take)).with_state(app)
}

async fn take(State(app): State<Arc<App>>, request: Request) -> Response {
    let mut response = match taken(&app, request).await {
        Ok(response) => response,
        Err((status, why)) => (status, format!("{why}\n")).into_response(),
    };
    guard(&mut response);
    response
}

/// A refusal, in words for a terminal.
type Refusal = (StatusCode, String);

async fn taken(app: &Arc<App>, request: Request) -> Result<Response, Refusal> {
    let grip = request.extensions().get::<Grip>().cloned();
    let (parts, body) = request.into_parts();
    let token = parts.uri.path().strip_prefix(CATCHER_PATH).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let token = token.to_owned();
    let head = grip
        .as_ref()
        .and_then(Grip::take_head)
        .and_then(|head| lines(&head, &parts))
        .unwrap_or_else(|| written(&parts));
    let kept_max = app.catcher_body_bytes_max();
    let Ok(Some((body, body_bytes))) = timeout(BODY_TIME_MAX, collect(body, kept_max)).await else {
        return Err((StatusCode::BAD_REQUEST, "the body did not come to its end".to_owned()));
    };
    let came_at = Instant::now();
    let incoming = Incoming {
        method: parts.method.to_string(),
        target: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        version: format!("{:?}", parts.version),
        head,
        body: body.clone(),
        body_bytes,
        peer: grip.as_ref().map(Grip::peer),
    };
    let caught = app.catch(&token, incoming).await.map_err(|error| match error {
        AppError::NotFound { .. } => (StatusCode::NOT_FOUND, "there is no catcher at this address".to_owned()),
        error => (StatusCode::SERVICE_UNAVAILABLE, format!("not taken: {error}")),
    })?;
    Ok(answer::answer(app.clone(), caught, &token, &parts, body, grip, came_at).await)
}

/// At most so much is kept, and how much there was. `None` if it broke off.
async fn collect(mut body: axum::body::Body, kept_max: usize) -> Option<(Bytes, u64)> {
    let (mut kept, mut came) = (BytesMut::new(), 0_u64);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        came += data.len() as u64;
        let room = kept_max - kept.len();
        kept.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
        if came > BODY_BYTES_READ_MAX {
            break;
        }
    }
    Some((kept.freeze(), came))
}

/// The header lines of a recorded head, if it is that of this request.
fn lines(head: &Bytes, parts: &http::request::Parts) -> Option<Bytes> {
    let end = head.windows(2).position(|two| two == b"\r\n")?;
    let line = std::str::from_utf8(head.get(..end)?).ok()?;
    let target = parts.uri.path_and_query()?.as_str();
    let is_this = line.split(' ').take(2).eq([parts.method.as_str(), target]);
    let lines = head.slice(end + 2..head.len() - 2);
    (is_this && ringup_core::catcher::headers(&lines).count() == parts.headers.len()).then_some(lines)
}

/// Header lines as they were understood, where they were not recorded as they came.
fn written(parts: &http::request::Parts) -> Bytes {
    let mut head = BytesMut::new();
    for (name, value) in &parts.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    head.freeze()
}

/// Whatever a browser is shown here, it may do nothing with it.
fn guard(response: &mut Response) {
    const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_ROBOTS_TAG, "noindex"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain; charset=utf-8"));
}
