//! What handlers are handed: who asks, the names in the path, the body within its bound.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::request::Parts;
use http_body_util::BodyExt as _;
use ringup_app::Principal;
use tokio::time::timeout;

use crate::Api;
use crate::problem::Problem;
use crate::visit::Visit;

/// The header in which an operator names the environment to act in.
pub const ENVIRONMENT: &str = "ringup-environment";

/// The header by which a repeated publish is recognised.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The longest that a body may take to arrive: a till on a poor line needs seconds, not minutes.
const BODY_TIME_MAX: Duration = Duration::from_secs(20);

/// What is still read of a body that is too large, so that who sends it gets to read why. Beyond it the connection ends.
const DRAIN_BYTES_MAX: u64 = 32 * 1024 * 1024;
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

/// Whoever asks, known by a bearer token.
pub struct Caller(pub Principal);

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Caller, Problem> {
        let visit = Visit::current();
        if let Some(who) = visit.who() {
            return Ok(Caller(who));
        }
        let header = |name: &str| parts.headers.get(name).map(|value| value.to_str());
        let token = match header(AUTHORIZATION.as_str()) {
            Some(Ok(value)) => bearer(value),
            Some(Err(_)) => None,
            None => return Err(Problem::unauthenticated("send the key as `Authorization: Bearer KEY`")),
        };
        let token = token.ok_or_else(|| Problem::unauthenticated("expected `Authorization: Bearer KEY`"))?;
        let environment = header(ENVIRONMENT).transpose().unwrap_or(Some(""));
        let who = api.app.admit(token, environment).await?.from(visit.origin());
        visit.admit(who, api.limits.admit(&who)?);
        Ok(Caller(who))
    }
}

/// The token that a request brings, of whatever kind.
pub fn bearer_token(parts: &Parts) -> Option<&str> {
    parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Words of the path that stand for names, each with its place among them: see [`crate::twin`].
#[derive(Clone, Debug)]
pub struct Words(pub Arc<[(usize, String)]>);

/// The names in the path, in their order. What they name may have been made by another process a moment ago, which is
/// seen to for whoever was admitted before.
pub struct Names<const N: usize>(pub [String; N]);

impl<const N: usize> FromRequestParts<Arc<Api>> for Names<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Names<N>, Problem> {
        let not_a_name = |path: &str| Problem::no_such_path(path);
        let params = RawPathParams::from_request_parts(parts, api).await;
        let params = params.map_err(|_| not_a_name(parts.uri.path()))?;
        let named = |wanted: &str| params.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
        if let (Some(who), Some(account)) = (Visit::current().who(), named("app_id")) {
            api.app.look_for(&who, account, named("endpoint_id")).await;
        }
        let mut names: Vec<String> = params.iter().map(|(_, value)| value.to_owned()).collect();
        for (place, word) in parts.extensions.get::<Words>().iter().flat_map(|words| words.0.iter()) {
            names.insert(*place, word.clone());
        }
        Ok(Names(names.try_into().expect("the route has as many names as its handler asks for")))
    }
}

/// The idempotency key, where there is one.
pub struct IdempotencyKey(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<IdempotencyKey, Problem> {
        let value = parts.headers.get(IDEMPOTENCY_KEY);
        // What is not ASCII becomes what the check refuses.
        Ok(IdempotencyKey(value.map(|value| value.to_str().unwrap_or(" ").to_owned())))
    }
}

/// The body of an ordinary request.
pub struct Body(pub Bytes);

/// The body of a batch.
pub struct BatchBody(pub Bytes);

impl FromRequest<Arc<Api>> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Body, Problem> {
        body(request, api.plan.body_bytes_max).await.map(Body)
    }
}

impl FromRequest<Arc<Api>> for BatchBody {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<BatchBody, Problem> {
        body(request, api.plan.batch_bytes_max).await.map(BatchBody)
    }
}

async fn body(request: Request, bytes_max: usize) -> Result<Bytes, Problem> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let mut body = request.into_body();
    if length.is_some_and(|length| length > bytes_max as u64) {
        drain(&mut body, length.unwrap_or(u64::MAX)).await;
        return Err(Problem::too_large(bytes_max));
    }
    match timeout(BODY_TIME_MAX, collect(&mut body, bytes_max)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => {
            drain(&mut body, 0).await;
            Err(Problem::too_large(bytes_max))
        }
        Ok(Err(_)) => Err(Problem::broken_off()),
        Err(_) => Err(Problem::body_too_slow()),
    }
}

/// `None` beyond the bound. A body that comes in one piece is not copied.
async fn collect(body: &mut axum::body::Body, bytes_max: usize) -> Result<Option<Bytes>, axum::Error> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if first.len() + all.len() + data.len() > bytes_max {
            return Ok(None);
        }
        if all.is_empty() && first.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    Ok(Some(if all.is_empty() { first } else { all.freeze() }))
}

async fn drain(body: &mut axum::body::Body, announced: u64) {
    if announced > DRAIN_BYTES_MAX {
        return;
    }
    let read = async {
        let mut left = DRAIN_BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            let read = frame.data_ref().map_or(0, Bytes::len) as u64;
            left = match left.checked_sub(read) {
                Some(left) => left,
                None => return,
            };
        }
    };
    // Whether all of it was read makes no difference to the answer.
    let _ = timeout(DRAIN_TIME_MAX, read).await;
}
