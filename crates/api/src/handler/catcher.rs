//! `/app/{account}/catcher`: making catchers, reading what they caught, verifying signatures.

use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::request::Parts;
use ringup_app::{CaughtFormat, Reader, caught_as};
use ringup_core::id::CatcherId;
use ringup_core::limits::PAGE_ROWS_MAX;
use secrecy::ExposeSecret as _;
use std::sync::Arc;

use super::{Answer, Shared, done, made, ok};
use crate::Api;
use crate::extract::{Body, Caller, Names, bearer_token};
use crate::problem::{Item, Problem};
use crate::wire::catcher::{
    CatcherIn, CatcherOut, CatcherPatch, DiagnosisOut, ReadTokenOut, RequestDetail, RequestOut, RequestsOut, ScriptIn,
    VerifyIn,
};
use crate::wire::json;
use crate::wire::list::{ListOut, Listing};
use crate::wire::query::{Query, refused};

/// The longest that a request may wait for others, in seconds: below the time limit of any request.
const WAIT_SECS_MAX: u64 = 50;

/// Whoever may read one catcher: with a key, or with the catcher's own read token.
pub enum Looker {
    Key(Caller),
    Token(String),
}

impl Looker {
    fn reader(&self) -> Reader<'_> {
        match self {
            Looker::Key(Caller(who)) => Reader::Owner(who),
            Looker::Token(token) => Reader::Token(token),
        }
    }
}

impl FromRequestParts<Arc<Api>> for Looker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Looker, Problem> {
        match bearer_token(parts).filter(|token| Reader::is_token(token)) {
            Some(token) => Ok(Looker::Token(token.to_owned())),
            None => Caller::from_request_parts(parts, api).await.map(Looker::Key),
        }
    }
}

/// List catchers
#[utoipa::path(
    get,
    path = "/app/{app_id}/catcher",
    operation_id = "ringup.catcher.list",
    tag = "Catcher",
    params(Listing),
    responses((status = 200, body = ListOut<CatcherOut>)),
)]
pub async fn list(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>, query: Query) -> Answer {
    let listing = Listing::of(&query)?;
    let catchers = api.app.catchers(&who, &account).await?;
    let page = listing.cut(catchers, |view| view.catcher.id, |id| id.parse::<CatcherId>().ok())?;
    Ok(ok(&page.out(CatcherOut::of)))
}

/// Create a catcher
///
/// A receiver that shows what it gets and answers as its script says. Its `url` can be an endpoint's at once.
#[utoipa::path(
    post,
    path = "/app/{app_id}/catcher",
    operation_id = "ringup.catcher.create",
    tag = "Catcher",
    request_body = CatcherIn,
    responses((status = 201, body = CatcherOut)),
)]
pub async fn create(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>, Body(body): Body) -> Answer {
    let draft = json::read_if_any::<CatcherIn>(&body)?.draft();
    let new = api.app.create_catcher(&who, &account, draft).await?;
    Ok(made(true, &CatcherOut::of(&new.view).with_read_token(new.read_token.expose_secret())))
}

/// Get a catcher
#[utoipa::path(
    get,
    path = "/app/{app_id}/catcher/{catcher_id}",
    operation_id = "ringup.catcher.get",
    tag = "Catcher",
    responses((status = 200, body = CatcherOut)),
)]
pub async fn get(State(api): Shared, Caller(who): Caller, Names([account, catcher]): Names<2>) -> Answer {
    Ok(ok(&CatcherOut::of(&api.app.catcher(&who, &account, &catcher).await?)))
}

/// Change a catcher
///
/// A changed script begins anew.
#[utoipa::path(
    patch,
    path = "/app/{app_id}/catcher/{catcher_id}",
    operation_id = "ringup.catcher.patch",
    tag = "Catcher",
    request_body = CatcherPatch,
    responses((status = 200, body = CatcherOut)),
)]
pub async fn patch(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, catcher]): Names<2>,
    Body(body): Body,
) -> Answer {
    let patch = json::read::<CatcherPatch>(&body)?;
    let view = api.app.edit_catcher(&who, &account, &catcher, |draft| patch.apply(draft)).await?;
    Ok(ok(&CatcherOut::of(&view)))
}

/// Delete a catcher
///
/// With all that it caught.
#[utoipa::path(
    delete,
    path = "/app/{app_id}/catcher/{catcher_id}",
    operation_id = "ringup.catcher.delete",
    tag = "Catcher",
    responses((status = 204)),
)]
pub async fn delete(State(api): Shared, Caller(who): Caller, Names([account, catcher]): Names<2>) -> Answer {
    api.app.delete_catcher(&who, &account, &catcher).await?;
    Ok(done())
}

/// Set a catcher's script
///
/// `503 x2, 200` answers every event's first two requests with 503 and then with 200. A script that cannot be read is
/// answered with the place underlined.
#[utoipa::path(
    put,
    path = "/app/{app_id}/catcher/{catcher_id}/script",
    operation_id = "ringup.catcher.set-script",
    tag = "Catcher",
    request_body = ScriptIn,
    responses((status = 200, body = CatcherOut)),
)]
pub async fn script(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, catcher]): Names<2>,
    Body(body): Body,
) -> Answer {
    let script = json::read::<ScriptIn>(&body)?;
    let view = api.app.edit_catcher(&who, &account, &catcher, |draft| script.apply(draft)).await?;
    Ok(ok(&CatcherOut::of(&view)))
}

/// Start a catcher's script anew
#[utoipa::path(
    post,
    path = "/app/{app_id}/catcher/{catcher_id}/restart",
    operation_id = "ringup.catcher.restart",
    tag = "Catcher",
    responses((status = 200, body = CatcherOut)),
)]
pub async fn restart(State(api): Shared, Caller(who): Caller, Names([account, catcher]): Names<2>) -> Answer {
    Ok(ok(&CatcherOut::of(&api.app.restart_catcher(&who, &account, &catcher).await?)))
}

/// Make a new read token
///
/// The one before it opens nothing any more.
#[utoipa::path(
    post,
    path = "/app/{app_id}/catcher/{catcher_id}/read-token",
    operation_id = "ringup.catcher.rotate-read-token",
    tag = "Catcher",
    responses((status = 200, body = ReadTokenOut)),
)]
pub async fn read_token(State(api): Shared, Caller(who): Caller, Names([account, catcher]): Names<2>) -> Answer {
    let token = api.app.rotate_read_token(&who, &account, &catcher).await?;
    Ok(ok(&ReadTokenOut { read_token: token.expose_secret() }))
}

/// Read what was caught
///
/// After a number, oldest first, with bodies. With `wait`, answers once `count` requests are there or the time is over:
/// what a test asks after it has caused them. A catcher's read token is enough.
#[utoipa::path(
    get,
    path = "/app/{app_id}/catcher/{catcher_id}/request",
    operation_id = "ringup.catcher.request.list",
    tag = "Catcher",
    params(
        ("after" = Option<u64>, Query, description = "The `cursor` of an earlier answer; 0 begins with the oldest."),
        ("count" = Option<u64>, Query, description = "How many to wait for, 1 unless said otherwise."),
        ("wait" = Option<String>, Query, description = "How long to wait for them, such as `30s`; at most 50 s."),
    ),
    responses((status = 200, body = RequestsOut)),
)]
pub async fn requests(State(api): Shared, looker: Looker, Names([account, catcher]): Names<2>, query: Query) -> Answer {
    let after = query.number("after", 0, u64::MAX)?.unwrap_or(0);
    let count = query.number("count", 1, PAGE_ROWS_MAX as u64)?.unwrap_or(1);
    let wait = query.one("wait").map(seconds).transpose()?.unwrap_or_default();
    let count = usize::try_from(count).unwrap_or(1);
    let waited = api.app.await_captures(looker.reader(), &account, &catcher, after, count, wait).await?;
    let cursor = waited.rows.last().map_or(after, |row| row.capture.number);
    let data = waited.rows.iter().map(RequestOut::of).collect();
    Ok(ok(&RequestsOut { data, cursor, done: waited.complete }))
}

/// Read one request, with why its signature holds or does not
#[utoipa::path(
    get,
    path = "/app/{app_id}/catcher/{catcher_id}/request/{number}",
    operation_id = "ringup.catcher.request.get",
    tag = "Catcher",
    responses((status = 200, body = RequestDetail)),
)]
pub async fn request(State(api): Shared, looker: Looker, Names([account, catcher, number]): Names<3>) -> Answer {
    let number = numbered(&number)?;
    let (listed, diagnosis) = api.app.one_capture(looker.reader(), &account, &catcher, number).await?;
    let diagnosis = DiagnosisOut::of(&diagnosis, &listed.capture.body);
    Ok(ok(&RequestDetail { request: RequestOut::of(&listed), diagnosis }))
}

/// Forget one request
#[utoipa::path(
    delete,
    path = "/app/{app_id}/catcher/{catcher_id}/request/{number}",
    operation_id = "ringup.catcher.request.delete",
    tag = "Catcher",
    responses((status = 204)),
)]
pub async fn forget(State(api): Shared, looker: Looker, Names([account, catcher, number]): Names<3>) -> Answer {
    let number = numbered(&number)?;
    if api.app.clear_captures(looker.reader(), &account, &catcher, Some(number)).await? == 0 {
        return Err(no_request(&number.to_string()));
    }
    Ok(done())
}

/// Empty a catcher
///
/// Numbers go on where they were.
#[utoipa::path(
    delete,
    path = "/app/{app_id}/catcher/{catcher_id}/request",
    operation_id = "ringup.catcher.request.delete-all",
    tag = "Catcher",
    responses((status = 204)),
)]
pub async fn clear(State(api): Shared, looker: Looker, Names([account, catcher]): Names<2>) -> Answer {
    api.app.clear_captures(looker.reader(), &account, &catcher, None).await?;
    Ok(done())
}

/// Take along what was caught
#[utoipa::path(
    get,
    path = "/app/{app_id}/catcher/{catcher_id}/export",
    operation_id = "ringup.catcher.export",
    tag = "Catcher",
    params(("format" = Option<String>, Query, description = "`har`, `jsonl`, `curl` or `http`; `har` unless said otherwise.")),
    responses((status = 200, description = "A file.", body = String, content_type = "application/octet-stream")),
)]
pub async fn export(State(api): Shared, looker: Looker, Names([account, catcher]): Names<2>, query: Query) -> Answer {
    let format = match query.one("format") {
        None => CaughtFormat::Har,
        Some(word) => {
            CaughtFormat::from_word(word).ok_or_else(|| refused("format", "choice", "har, jsonl, curl or http"))?
        }
    };
    let (view, rows) = api.app.all_captures(looker.reader(), &account, &catcher).await?;
    let mut response = Response::new(caught_as(format, &view.url, &rows).into());
    let name = format!("attachment; filename=\"{}.{}\"", view.catcher.id, format.word());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::try_from(name).expect("an id and a word are header text"));
    Ok(response)
}

/// Verify a signature
///
/// Says step by step why a received request's signature holds or does not, with the exact bytes that are signed.
#[utoipa::path(
    post,
    path = "/app/{app_id}/verify",
    operation_id = "ringup.signature.verify",
    tag = "Catcher",
    request_body = VerifyIn,
    responses((status = 200, body = DiagnosisOut)),
)]
pub async fn verify(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>, Body(body): Body) -> Answer {
    let wanted = json::read::<VerifyIn>(&body)?;
    let bytes = match (&wanted.body, &wanted.body_base64) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(text)) => {
            let why = "expected base64".to_owned();
            let place = vec!["body".to_owned(), "bodyBase64".to_owned()];
            let item = Item { place, why, rule: "base64" };
            STANDARD.decode(text).map_err(|_| Problem::misfit(vec![item]))?
        }
        (None, None) => Vec::new(),
    };
    let headers = wanted.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let endpoint = wanted.endpoint_id.as_deref();
    let diagnosis = api.app.verify(&who, &account, headers, &bytes, wanted.secret.as_deref(), endpoint)?;
    Ok(ok(&DiagnosisOut::of(&diagnosis, &bytes)))
}

fn seconds(text: &str) -> Result<Duration, Problem> {
    let number = text.strip_suffix('s').unwrap_or(text).parse().ok().filter(|secs| *secs <= WAIT_SECS_MAX);
    let why = format!("expected a time such as 30s, at most {WAIT_SECS_MAX}s");
    number.map(Duration::from_secs).ok_or_else(|| refused("wait", "span", &why))
}

fn numbered(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| no_request(text))
}

fn no_request(name: &str) -> Problem {
    Problem::from(ringup_app::AppError::NotFound { what: "request", name: name.chars().take(256).collect() })
}
