//! `/app/{account}/log`: attempts to all endpoints, found by a search.

use std::time::Duration;

use axum::extract::State;
use http::StatusCode;
use ringup_app::{LOG_WAIT_MAX, LogAsk, ResendDraft};
use ringup_core::id::AttemptId;
use ringup_core::search::Search;

use super::{Answer, Shared, ok, with};
use crate::extract::{Body, Caller, Names};
use crate::problem::{Item, Problem};
use crate::wire::json;
use crate::wire::list::Listing;
use crate::wire::log::{LogListOut, ResendEstimateOut, ResendIn, Searching, only_onward};
use crate::wire::query::Query;
use crate::wire::task::{DryRun, TaskBegunOut};

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

/// Send again what a search finds
///
/// Every delivery whose newest attempt the search finds now is sent once more, at a pace, across restarts. A dry run
/// counts them.
#[utoipa::path(
    post,
    path = "/app/{app_id}/log/resend",
    operation_id = "ringup.log.resend",
    tag = "Message Attempt",
    params(DryRun),
    request_body = ResendIn,
    responses(
        (status = 200, description = "A dry run: what it would come to.", body = ResendEstimateOut),
        (status = 202, description = "The task began.", body = TaskBegunOut),
    ),
)]
pub async fn resend(
    State(api): Shared,
    Caller(who): Caller,
    Names([account]): Names<1>,
    query: Query,
    Body(body): Body,
) -> Answer {
    let body = json::read::<ResendIn>(&body)?;
    let search = Search::parse(&body.query).map_err(|problem| {
        let place = vec!["body".to_owned(), "query".to_owned(), problem.character.to_string()];
        Problem::misfit(vec![Item { place, why: problem.to_string(), rule: "search" }])
    })?;
    let draft = ResendDraft { search: &search, rate: body.rate };
    if query.flag("dry_run", false)? {
        return Ok(ok(&ResendEstimateOut::of(&api.app.estimate_resend(&who, &account, draft).await?)));
    }
    let task = api.app.begin_resend(&who, &account, draft).await?;
    Ok(with(StatusCode::ACCEPTED, &TaskBegunOut::of(&task)))
}
