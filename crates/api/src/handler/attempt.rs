//! `/app/{account}/attempt`

use axum::extract::State;
use ringup_app::view::{Page, PageRequest, StoredAttempt};
use ringup_core::id::AttemptId;
use ringup_core::key::AccountKey;

use super::{Answer, Shared, ok};
use crate::Api;
use crate::extract::{Caller, Names};
use crate::problem::Problem;
use crate::wire::attempt::{AttemptOut, AttemptQuery, filter};
use crate::wire::list::{ListOut, Listing};
use crate::wire::query::Query;

/// List the attempts of a message
///
/// Newest first unless asked otherwise.
#[utoipa::path(
    get,
    path = "/app/{app_id}/attempt/msg/{msg_id}",
    operation_id = "v1.message-attempt.list-by-msg",
    tag = "Message Attempt",
    params(Listing, AttemptQuery, ("endpoint_id" = Option<String>, Query, description = "Only those to this endpoint: its id or uid.")),
    responses((status = 200, body = ListOut<AttemptOut>)),
    extensions(("x-ringup" = json!("extended"))),
)]
pub async fn of_message(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, event]): Names<2>,
    query: Query,
) -> Answer {
    let (listing, request) = asked(&query)?;
    let key = api.app.account(&who, &account)?.account.key;
    let page = match filter(&query)? {
        Some(filter) => {
            let endpoint = query.one("endpoint_id");
            api.app.attempts_of_event(&who, &account, &event, endpoint, filter, request).await?
        }
        None => api.app.event(&who, &account, &event).await.map(|_| nothing())?,
    };
    Ok(answer(&api, key, &listing, page))
}

/// List the attempts to an endpoint
///
/// Newest first unless asked otherwise.
#[utoipa::path(
    get,
    path = "/app/{app_id}/attempt/endpoint/{endpoint_id}",
    operation_id = "v1.message-attempt.list-by-endpoint",
    tag = "Message Attempt",
    params(Listing, AttemptQuery),
    responses((status = 200, body = ListOut<AttemptOut>)),
    extensions(("x-ringup" = json!("extended"))),
)]
pub async fn of_endpoint(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    query: Query,
) -> Answer {
    let (listing, request) = asked(&query)?;
    let key = api.app.account(&who, &account)?.account.key;
    let page = match filter(&query)? {
        Some(filter) => api.app.attempts_of_endpoint(&who, &account, &endpoint, filter, request).await?,
        None => api.app.endpoint(&who, &account, &endpoint).map(|_| nothing())?,
    };
    Ok(answer(&api, key, &listing, page))
}

/// Get an attempt
#[utoipa::path(
    get,
    path = "/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}",
    operation_id = "v1.message-attempt.get",
    tag = "Message Attempt",
    responses((status = 200, body = AttemptOut)),
    extensions(("x-ringup" = json!("extended"))),
)]
pub async fn get(State(api): Shared, Caller(who): Caller, Names([account, event, attempt]): Names<3>) -> Answer {
    let key = api.app.account(&who, &account)?.account.key;
    let found = api.app.attempt(&who, &account, &event, &attempt).await?;
    Ok(ok(&AttemptOut::of(&found, api.app.endpoint_id(key, found.endpoint))))
}

/// List the attempts of a message, as SDKs before 1.0 ask
#[utoipa::path(
    get,
    path = "/app/{app_id}/msg/{msg_id}/attempt",
    operation_id = "ringup.message-attempt.list-by-msg-of-old",
    tag = "Message Attempt",
    params(Listing, AttemptQuery, ("endpoint_id" = Option<String>, Query, description = "Only those to this endpoint: its id or uid.")),
    responses((status = 200, body = ListOut<AttemptOut>)),
    extensions(("x-ringup-instead" = json!("v1.message-attempt.list-by-msg"))),
)]
pub async fn of_message_of_old(api: Shared, caller: Caller, names: Names<2>, query: Query) -> Answer {
    of_message(api, caller, names, query).await
}

/// List the attempts to an endpoint, as SDKs before 1.0 ask
#[utoipa::path(
    get,
    path = "/app/{app_id}/endpoint/{endpoint_id}/attempt",
    operation_id = "ringup.message-attempt.list-by-endpoint-of-old",
    tag = "Message Attempt",
    params(Listing, AttemptQuery),
    responses((status = 200, body = ListOut<AttemptOut>)),
    extensions(("x-ringup-instead" = json!("v1.message-attempt.list-by-endpoint"))),
)]
pub async fn of_endpoint_of_old(api: Shared, caller: Caller, names: Names<2>, query: Query) -> Answer {
    of_endpoint(api, caller, names, query).await
}

fn asked(query: &Query) -> Result<(Listing, PageRequest), Problem> {
    let listing = Listing::of(query)?;
    let request = listing.request(|id| id.parse::<AttemptId>().ok().map(|id| id.tick()))?;
    Ok((listing, request))
}

fn nothing() -> Page<StoredAttempt> {
    Page { rows: Vec::new(), done: true }
}

fn answer(api: &Api, account: AccountKey, listing: &Listing, page: Page<StoredAttempt>) -> axum::response::Response {
    let page = listing.page(page, |attempt| attempt.id.to_string());
    ok(&page.out(|attempt| AttemptOut::of(attempt, api.app.endpoint_id(account, attempt.endpoint))))
}
