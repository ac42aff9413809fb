//! What a script says, done on the socket.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use ringup_app::{App, Caught};
use ringup_core::catcher::{Action, FixedBody, WAIT_MAX};
use tokio::time::{Instant, sleep, sleep_until};

use super::super::socket::{Ending, Grip};

/// Bytes of one piece of a large answer, and the time between two pieces of a slow one.
const PIECE_BYTES: usize = 16 * 1024;
const PIECE_EVERY: Duration = Duration::from_millis(100);

/// What a stalled answer announces; half of it is sent.
const STALL_BYTES: usize = 64;

/// No HTTP, whoever reads it: not a status line, not even text.
const GARBAGE: &[u8] = b"\xff\xfe\x00\x01 this is not HTTP \r\n\x80\x81\x00garbage\r\n\r\n";

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Answers as the catcher decided. `came` is the request's body, for an echo.
pub(super) async fn answer(
    app: Arc<App>,
    caught: Caught,
    token: &str,
    parts: &Parts,
    came: Bytes,
    grip: Option<Grip>,
    came_at: Instant,
) -> Response {
    let answer = caught.answer.clone();
    let fixed = caught.body.clone();
    let mut stamp = Stamping { app, caught, came_at, is_over: false };
    let Some(grip) = grip else {
        // Only where requests come without a connection, as in tests of routes.
        return text(StatusCode::NOT_IMPLEMENTED, "there is no connection to answer on");
    };
    if !pause(&grip, answer.delay).await {
        return stopping(&grip);
    }
    match answer.action {
        Action::Status { status, retry_after, body_bytes } => {
            let mut response = of_status(status, fixed, body_bytes);
            if let Some(secs) = retry_after {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(secs));
            }
            stamp.over();
            response
        }
        Action::Echo => {
            let is_json =
                parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
            stamp.over();
            with(StatusCode::OK, if is_json { JSON } else { TEXT }, Body::from(came))
        }
        Action::Loyalty => {
            let event = parts.headers.get("ringup-event").and_then(|name| name.to_str().ok());
            let (status, said) = ringup_loyalty::honest(parts.uri.path(), event, &came);
            stamp.over();
            with(StatusCode::from_u16(status).unwrap_or(StatusCode::OK), JSON, Body::from(said))
        }
        Action::Timeout { wait } => {
            pause(&grip, wait).await;
            stamp.over();
            ended(&grip, Ending::Close)
        }
        Action::Reset => {
            stamp.over();
            ended(&grip, Ending::Reset)
        }
        Action::Drop => {
            stamp.over();
            ended(&grip, Ending::Close)
        }
        Action::Garbage => {
            stamp.over();
            ended(&grip, Ending::Raw(Bytes::from_static(GARBAGE)))
        }
        Action::Redirect { status } => {
            let mut response = of_status(status, fixed, None);
            // Only ever to ourselves, so that nobody can be sent anywhere from here.
            if let Ok(location) = HeaderValue::try_from(format!("/c/{token}/redirected")) {
                response.headers_mut().insert(LOCATION, location);
            }
            stamp.over();
            response
        }
        Action::Huge { body_bytes } => streamed(body_bytes as usize, PIECE_BYTES, Duration::ZERO, None, grip, stamp),
        Action::Slow { bytes_per_sec, body_bytes } => {
            let piece = (bytes_per_sec as usize / 10).max(1);
            let every = if bytes_per_sec < 10 { Duration::from_secs(1) / bytes_per_sec } else { PIECE_EVERY };
            streamed(body_bytes as usize, piece, every, None, grip, stamp)
        }
        Action::Stall { wait } => streamed(STALL_BYTES, STALL_BYTES / 2, Duration::ZERO, Some(wait), grip, stamp),
    }
}

fn of_status(status: u16, fixed: Option<FixedBody>, body_bytes: Option<u32>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let has_body = !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::RESET_CONTENT);
    match (body_bytes, fixed) {
        _ if !has_body => with(status, TEXT, Body::empty()),
        (Some(bytes), _) => with(status, TEXT, Body::from(vec![b'.'; bytes as usize])),
        (None, Some(FixedBody::Json(text))) => with(status, JSON, Body::from(text)),
        (None, Some(FixedBody::Text(text))) => with(status, TEXT, Body::from(text)),
        (None, None) => {
            text(status, if status.is_success() { "caught\n" } else { "caught, and answered as the script has it\n" })
        }
    }
}

/// A body of this many bytes, in pieces, with a pause before each but the first. With a stall, after the first piece
/// comes nothing for that long and then the end of the connection.
fn streamed(
    bytes: usize,
    piece: usize,
    every: Duration,
    stall: Option<Duration>,
    grip: Grip,
    stamp: Stamping,
) -> Response {
    struct Left {
        bytes: usize,
        is_first: bool,
        until: Instant,
        grip: Grip,
        stamp: Stamping,
    }
    let left = Left { bytes, is_first: true, until: Instant::now() + WAIT_MAX, grip, stamp };
    let pieces = stream::unfold(left, move |mut left| async move {
        if left.bytes == 0 {
            left.stamp.over();
            return None;
        }
        let pause = match (left.is_first, stall) {
            (true, _) => Duration::ZERO,
            (false, Some(stall)) => stall,
            (false, None) => every,
        };
        left.is_first = false;
        let goes_on = tokio::select! {
            () = sleep(pause), if !pause.is_zero() => stall.is_none(),
            () = std::future::ready(()), if pause.is_zero() => Instant::now() < left.until,
            () = left.grip.stopped() => false,
            () = sleep_until(left.until) => false,
        };
        if !goes_on {
            left.stamp.over();
            left.grip.end(Ending::Close);
            left.bytes = 0;
            // An end before the announced length; the connection is closed whatever is written.
            return Some((Err("ended early"), left));
        }
        let now = piece.min(left.bytes);
        left.bytes -= now;
        Some((Ok(Bytes::from(vec![b'.'; now])), left))
    });
    let mut response = with(StatusCode::OK, TEXT, Body::from_stream(pieces));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    response
}

/// Waits; answers whether the time passed, and not the server's.
async fn pause(grip: &Grip, wait: Duration) -> bool {
    if wait.is_zero() {
        return true;
    }
    tokio::select! {
        () = sleep(wait) => true,
        () = grip.stopped() => false,
    }
}

fn stopping(grip: &Grip) -> Response {
    ended(grip, Ending::Close)
}

/// Nothing of this is written: the connection ends when it would be.
fn ended(grip: &Grip, ending: Ending) -> Response {
    grip.end(ending);
    text(StatusCode::OK, "")
}

fn text(status: StatusCode, text: &'static str) -> Response {
    with(status, TEXT, Body::from(text))
}

fn with(status: StatusCode, kind: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Says how an answer ended, also when nobody waits for it any more.
struct Stamping {
    app: Arc<App>,
    caught: Caught,
    came_at: Instant,
    is_over: bool,
}

impl Stamping {
    fn over(&mut self) {
        if !self.is_over {
            self.is_over = true;
            self.app.caught(&self.caught, self.came_at.elapsed(), false);
        }
    }
}

impl Drop for Stamping {
    fn drop(&mut self) {
        if !self.is_over {
            self.app.caught(&self.caught, self.came_at.elapsed(), true);
        }
    }
}
