//! `/app/{account}/log`: attempts to all endpoints, found by a search.

use std::time::Duration;

use axum::extract::State;
use ringup_app::{LOG_WAIT_MAX, LogAsk};
use ringup_core::id::AttemptId;

use super::{Answer, Shared, ok};
use crate::extract::{Caller, Names};
use crate::wire::list::Listing;
use crate::wire::log::{LogListOut, Searching, only_onward};
use crate::wire::query::Query;

/// Search the log
///
/// Attempts to all endpoints of the application, newest first unless asked otherwise. A search that reaches its bound
/// answers what it found so far and how far it came; its iterator goes on from there. To follow the log as it grows, ask
/// in ascending order from `horizon` on, with `wait`.
#[utoipa::path(
    get,
    path = "/app/{app_id}/log",
    operation_id = "ringup.log.list",
    tag = "Message Attempt",
    params(Listing, Searching),
    responses((status = 200, body = LogListOut)),
)]
pub async fn list(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>, query: Query) -> Answer {
    let search = api.app.search(query.last("query").unwrap_or_default())?;
    only_onward(&query)?;
    let page = Listing::of(&query)?.request(|id| id.parse::<AttemptId>().ok().map(|id| id.tick()))?;
    let endpoint = query.one("endpoint_id");
    let wait = Duration::from_secs(query.number("wait", 0, LOG_WAIT_MAX.as_secs())?.unwrap_or(0));
    let found = api.app.await_log(&who, &account, LogAsk { search: &search, endpoint, page }, wait).await?;
    Ok(ok(&LogListOut::of(&found, query.one("iterator"))))
}
