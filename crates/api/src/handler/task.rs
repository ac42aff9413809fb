//! `/background-task`, and what begins one: `/app/{account}/endpoint/{endpoint}/recover` and its like.

use axum::extract::State;
use http::StatusCode;
use ringup_app::Principal;
use ringup_app::view::TaskFilter;
use ringup_core::id::TaskId;
use ringup_core::task::{Task, TaskKind};

use super::{Answer, Shared, ok, with};
use crate::Api;
use crate::extract::{Body, Caller, Names};
use crate::wire::json;
use crate::wire::list::{ListOut, Listing};
use crate::wire::query::{Query, refused};
use crate::wire::task::{DryRun, EstimateOut, ReplayIn, TaskBegunOut, TaskOut, kind_of, statuses_of};

/// Recover failed messages
///
/// Sends again what ended without success, at a pace if one is given. Goes on across restarts.
#[utoipa::path(
    post,
    path = "/app/{app_id}/endpoint/{endpoint_id}/recover",
    operation_id = "v1.endpoint.recover",
    tag = "Endpoint",
    params(DryRun),
    request_body = ReplayIn,
    responses(
        (status = 200, description = "A dry run: how many it would be.", body = EstimateOut),
        (status = 202, description = "The task began.", body = TaskBegunOut),
    ),
    extensions(("x-ringup" = json!("extended"))),
)]
pub async fn recover(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    query: Query,
    Body(body): Body,
) -> Answer {
    begin(&api, &who, [&account, &endpoint], TaskKind::Recover, &query, &body).await
}

/// Replay missing messages
///
/// Sends what the endpoint wants now and never got, because it was made or changed later.
#[utoipa::path(
    post,
    path = "/app/{app_id}/endpoint/{endpoint_id}/replay-missing",
    operation_id = "v1.endpoint.replay-missing",
    tag = "Endpoint",
    params(DryRun),
    request_body = ReplayIn,
    responses(
        (status = 200, description = "A dry run: how many it would be.", body = EstimateOut),
        (status = 202, description = "The task began.", body = TaskBegunOut),
    ),
    extensions(("x-ringup" = json!("extended"))),
)]
pub async fn replay_missing(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    query: Query,
    Body(body): Body,
) -> Answer {
    begin(&api, &who, [&account, &endpoint], TaskKind::ReplayMissing, &query, &body).await
}

/// Replay many messages
///
/// Sends again what went to the endpoint, delivered or not, narrowed as the body says.
#[utoipa::path(
    post,
    path = "/app/{app_id}/endpoint/{endpoint_id}/bulk-replay",
    operation_id = "v1.endpoint.bulk-replay",
    tag = "Endpoint",
    params(DryRun),
    request_body = ReplayIn,
    responses(
        (status = 200, description = "A dry run: how many it would be.", body = EstimateOut),
        (status = 202, description = "The task began.", body = TaskBegunOut),
    ),
    extensions(("x-ringup" = json!("extended"))),
)]
pub async fn bulk_replay(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    query: Query,
    Body(body): Body,
) -> Answer {
    begin(&api, &who, [&account, &endpoint], TaskKind::BulkReplay, &query, &body).await
}

/// Remove all payloads of an application
///
/// Of all messages that it has now, for good.
#[utoipa::path(
    post,
    path = "/app/{app_id}/msg/expunge-all-contents",
    operation_id = "v1.message.expunge-all-contents",
    tag = "Message",
    responses((status = 202, description = "The task began.", body = TaskBegunOut)),
)]
pub async fn expunge_all(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>) -> Answer {
    let task = api.app.expunge_all(&who, &account).await?;
    Ok(with(StatusCode::ACCEPTED, &TaskBegunOut::of(&task)))
}

async fn begin(
    api: &Api,
    who: &Principal,
    [account, endpoint]: [&str; 2],
    kind: TaskKind,
    query: &Query,
    body: &[u8],
) -> Answer {
    let draft = json::read::<ReplayIn>(body)?.draft()?;
    if query.flag("dry_run", false)? {
        let estimate = api.app.estimate_task(who, account, endpoint, kind, draft).await?;
        return Ok(ok(&EstimateOut::of(estimate)));
    }
    let task = api.app.begin_task(who, account, endpoint, kind, draft).await?;
    Ok(with(StatusCode::ACCEPTED, &TaskBegunOut::of(&task)))
}

/// List background tasks
///
/// Newest first unless asked otherwise. The newest thousand of each application are kept.
#[utoipa::path(
    get,
    path = "/background-task",
    operation_id = "v1.background-task.list",
    tag = "Background Task",
    params(
        Listing,
        ("status" = Option<String>, Query, description = "running, finished or failed."),
        ("task" = Option<String>, Query, description = "The kind of task, such as endpoint.recover."),
    ),
    responses((status = 200, body = ListOut<TaskOut>)),
)]
pub async fn list(State(api): Shared, Caller(who): Caller, query: Query) -> Answer {
    let listing = Listing::of(&query)?;
    let status = query
        .one("status")
        .map(|word| statuses_of(word).ok_or_else(|| refused("status", "word", "expected running, finished or failed")));
    let kind = query.one("task").map(|word| {
        let why = "expected endpoint.recover, endpoint.replay, endpoint.bulk-replay or application.purge_content";
        kind_of(word).ok_or_else(|| refused("task", "word", why))
    });
    let filter = TaskFilter { status: status.transpose()?, kind: kind.transpose()?, ..TaskFilter::default() };
    let (after, order, rows_max) = listing.search(|id| id.parse::<TaskId>().ok())?;
    let page = api.app.tasks(&who, filter, after, order, rows_max).await?;
    let page = listing.page(page, |task| task.id.to_string());
    Ok(ok(&page.out(|task| out(&api, task))))
}

/// Get a background task
///
/// With how far it is.
#[utoipa::path(
    get,
    path = "/background-task/{task_id}",
    operation_id = "v1.background-task.get",
    tag = "Background Task",
    responses((status = 200, body = TaskOut)),
)]
pub async fn get(State(api): Shared, Caller(who): Caller, Names([task]): Names<1>) -> Answer {
    let task = api.app.task(&who, &task).await?;
    Ok(ok(&out(&api, &task)))
}

/// Cancel a background task
///
/// What it brought back until then is sent.
#[utoipa::path(
    post,
    path = "/background-task/{task_id}/cancel",
    operation_id = "ringup.background-task.cancel",
    tag = "Background Task",
    responses((status = 200, description = "It has ended.", body = TaskOut)),
)]
pub async fn cancel(State(api): Shared, Caller(who): Caller, Names([task]): Names<1>) -> Answer {
    let task = api.app.cancel_task(&who, &task).await?;
    Ok(ok(&out(&api, &task)))
}

fn out(api: &Api, task: &Task) -> TaskOut {
    let account = api.app.account_id(task.account).map(|id| id.to_string());
    let endpoint = task.endpoint.and_then(|endpoint| api.app.endpoint_id(task.account, endpoint));
    TaskOut::of(task, account, endpoint.map(|id| id.to_string()))
}
