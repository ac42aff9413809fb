//! `/operator/…`: the whole server, for its operator alone.

use axum::extract::State;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use super::{Answer, Shared, ok};
use crate::extract::Caller;
use crate::wire::fleet::{AccountsOut, BackupOut, FleetOut, ProblemsOut, QueuesOut, SystemOut};
use crate::wire::node::NodesOut;
use crate::wire::query::Query;

/// Get the fleet's health
///
/// Rates, what waits and since when, the time to first attempts, the last hour by the minute. For operators.
#[utoipa::path(
    get,
    path = "/operator/fleet",
    operation_id = "ringup.fleet.get",
    tag = "Operator",
    responses((status = 200, body = FleetOut)),
)]
pub async fn get(State(api): Shared, Caller(who): Caller) -> Answer {
    Ok(ok(&FleetOut::of(&api.app.fleet(&who).await?)))
}

/// Get what waits, lane by lane
///
/// The most waiting first, at most 100, with the breaker of each; and the retries of the next hour by the minute. For
/// operators.
#[utoipa::path(
    get,
    path = "/operator/queue",
    operation_id = "ringup.fleet.queues",
    tag = "Operator",
    responses((status = 200, body = QueuesOut)),
)]
pub async fn queues(State(api): Shared, Caller(who): Caller) -> Answer {
    Ok(ok(&QueuesOut::of(&api.app.queues(&who).await?)))
}

/// Get the accounts of all environments by their load
///
/// The most waiting first, then the most failed in the last hour, at most 200. For operators.
#[utoipa::path(
    get,
    path = "/operator/account",
    operation_id = "ringup.fleet.accounts",
    tag = "Operator",
    params(("find" = Option<String>, Query, description = "Only those whose name, uid or id contains it.")),
    responses((status = 200, body = AccountsOut)),
)]
pub async fn accounts(State(api): Shared, Caller(who): Caller, query: Query) -> Answer {
    Ok(ok(&AccountsOut::of(&api.app.loads(&who, query.one("find")).await?)))
}

/// Get what failed in the last hour, by host and cause
///
/// Looks into the newest failures of the 100 endpoints with the most. For operators.
#[utoipa::path(
    get,
    path = "/operator/problem",
    operation_id = "ringup.fleet.problems",
    tag = "Operator",
    responses((status = 200, body = ProblemsOut)),
)]
pub async fn problems(State(api): Shared, Caller(who): Caller) -> Answer {
    Ok(ok(&ProblemsOut::of(&api.app.problems(&who).await?)))
}

/// Get the nodes and their shards
///
/// Which nodes share the work, which of them are heard of, and which has which of the 64 shards that accounts fall into. For
/// operators.
#[utoipa::path(
    get,
    path = "/operator/node",
    operation_id = "ringup.fleet.nodes",
    tag = "Operator",
    responses((status = 200, body = NodesOut)),
)]
pub async fn nodes(State(api): Shared, Caller(who): Caller) -> Answer {
    Ok(ok(&NodesOut::of(&api.app.nodes(&who).await?)))
}

/// Get the process and its data
///
/// Version, configuration with origins, data folder, disk. Secrets are masked. For operators.
#[utoipa::path(
    get,
    path = "/operator/system",
    operation_id = "ringup.system.get",
    tag = "Operator",
    responses((status = 200, body = SystemOut)),
)]
pub async fn system(State(api): Shared, Caller(who): Caller) -> Answer {
    Ok(ok(&SystemOut::of(&api.app.system(&who).await?)))
}

/// Back up
///
/// Copies all that is stored into a new folder within `store.backup_dir`, while everything goes on. Answers when the copy is
/// on the disk. For operators.
#[utoipa::path(
    post,
    path = "/operator/backup",
    operation_id = "ringup.system.backup",
    tag = "Operator",
    responses((status = 200, body = BackupOut)),
)]
pub async fn back_up(State(api): Shared, Caller(who): Caller) -> Answer {
    Ok(ok(&BackupOut::of(&api.app.back_up(&who).await?)))
}

/// Take along a support bundle
///
/// Text that says how the server stands: figures, hosts, ids and the configuration; no secret, payload, header or path of a
/// URL. For operators.
#[utoipa::path(
    get,
    path = "/operator/support-bundle",
    operation_id = "ringup.system.support-bundle",
    tag = "Operator",
    responses((status = 200, description = "A file.", body = String, content_type = "text/plain")),
)]
pub async fn support_bundle(State(api): Shared, Caller(who): Caller) -> Answer {
    let mut response = Response::new(api.app.support_bundle(&who).await?.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"ringup-support.txt\""));
    Ok(response)
}
