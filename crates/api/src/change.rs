//! What changes the configuration is carried through, and done once.
//!
//! Whoever asks may hang up while a change is being stored. It is carried through all the same, or what is stored and
//! what is seen would differ. And SDKs ask again when an answer was lost on the way: a POST with the idempotency key of
//! an earlier one is answered as that was, without being done again.
//!
//! Answers are remembered in memory, for [`KEPT_FOR`] and [`ANSWERS_MAX`] requests: enough for repetitions, which come
//! within seconds. Publishing does not pass here; its keys are stored with the events.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body as AnyBody;
use axum::extract::{FromRequest as _, FromRequestParts as _, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use http_body_util::BodyExt as _;
use ringup_app::{AppError, CallerName, Principal};
use tokio::time::Instant;
use tracing::error;

use crate::Api;
use crate::extract::{Body, Caller, IdempotencyKey};
use crate::problem::Problem;
use crate::visit::Visit;

/// How long an answer is remembered.
const KEPT_FOR: Duration = Duration::from_hours(1);

/// How many are; about a kilobyte each.
const ANSWERS_MAX: usize = 1_024;

/// Characters of an idempotency key here: those of SDKs have about forty.
const KEY_CHARS_MAX: usize = 256;

/// Around every route that changes the configuration.
pub async fn carried(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let work = async move {
        if request.method() == Method::POST {
            once(&api, request, next).await.unwrap_or_else(Problem::into_response)
        } else {
            next.run(request).await
        }
    };
    let visit = Visit::current();
    tokio::spawn(async move { visit.go(work).await }).await.unwrap_or_else(|error| {
        error!(%error, "a change met a defect");
        Problem::defect().into_response()
    })
}

async fn once(api: &Arc<Api>, request: Request, next: Next) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let IdempotencyKey(key) = IdempotencyKey::from_request_parts(&mut parts, api).await?;
    let Some(key) = key.filter(|key| key.len() <= KEY_CHARS_MAX) else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    // Before the body, so that nobody unknown fills our memory.
    let Caller(who) = Caller::from_request_parts(&mut parts, api).await?;
    let Body(body) = Body::from_request(Request::from_parts(parts.clone(), body), api).await?;
    let uri = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let fingerprint = api.answers.hasher.hash_one((&uri, &body));
    let place = api.answers.place(&who, key);
    let mut place = place.lock().await;
    match place.as_ref().filter(|kept| kept.at.elapsed() < KEPT_FOR) {
        Some(kept) if kept.fingerprint == fingerprint => return Ok(kept.again()),
        Some(_) => {
            let why = "the idempotency key was used for another request".to_owned();
            return Err(AppError::Conflict(why).into());
        }
        None => {}
    }
    let response = next.run(Request::from_parts(parts, AnyBody::from(body))).await;
    if response.status().is_server_error() {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Problem::defect())?.to_bytes();
    *place = Some(Kept { at: Instant::now(), fingerprint, status: head.status, body: body.clone() });
    Ok(Response::from_parts(head, AnyBody::from(body)))
}

/// The answers given so far.
#[derive(Default)]
pub struct Answers {
    hasher: RandomState,
    kept: Mutex<Places>,
}

/// Whoever comes with the same key waits here until the first has its answer.
type Place = Arc<tokio::sync::Mutex<Option<Kept>>>;
type Name = (CallerName, String);

#[derive(Default)]
struct Places {
    by_name: HashMap<Name, Place>,
    /// Oldest first.
    names: VecDeque<Name>,
}

struct Kept {
    at: Instant,
    fingerprint: u64,
    status: StatusCode,
    body: Bytes,
}

impl Answers {
    fn place(&self, who: &Principal, key: String) -> Place {
        let mut places = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (who.name(), key);
        if let Some(place) = places.by_name.get(&name) {
            return place.clone();
        }
        if places.names.len() >= ANSWERS_MAX
            && let Some(oldest) = places.names.pop_front()
        {
            places.by_name.remove(&oldest);
        }
        places.names.push_back(name.clone());
        places.by_name.entry(name).or_default().clone()
    }
}

impl Kept {
    fn again(&self) -> Response {
        let mut response = (self.status, self.body.clone()).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}
