//! Counts: `/app/{account}/endpoint/{endpoint}/stats` and `/stats`

use axum::extract::State;

use super::{Answer, Shared, ok};
use crate::extract::{Caller, Names};
use crate::wire::query::{Query, Since};
use crate::wire::stats::{AttemptStatsOut, EndpointCountOut, EndpointStatsOut};

/// Get an endpoint's counts
///
/// Over 28 days at most, which is also what is counted unless said otherwise.
#[utoipa::path(
    get,
    path = "/app/{app_id}/endpoint/{endpoint_id}/stats",
    operation_id = "v1.endpoint.get-stats",
    tag = "Endpoint",
    params(Since),
    responses((status = 200, body = EndpointStatsOut)),
)]
pub async fn of_endpoint(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    query: Query,
) -> Answer {
    let (since, until) = (query.moment("since")?, query.moment("until")?);
    let stats = api.app.endpoint_stats(&who, &account, &endpoint, since, until).await?;
    Ok(ok(&EndpointStatsOut::of(stats)))
}

/// Get an endpoint's attempts by how they ended
///
/// Over 28 days at most, which is also what is counted unless said otherwise.
#[utoipa::path(
    get,
    path = "/app/{app_id}/endpoint/{endpoint_id}/attempt-stats",
    operation_id = "v1.endpoint.get-attempt-stats",
    tag = "Endpoint",
    params(Since),
    responses((status = 200, body = AttemptStatsOut)),
)]
pub async fn of_attempts(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    query: Query,
) -> Answer {
    let (since, until) = (query.moment("since")?, query.moment("until")?);
    let stats = api.app.attempt_stats(&who, &account, &endpoint, since, until).await?;
    Ok(ok(&AttemptStatsOut::of(stats)))
}

/// Count endpoints
///
/// Of all applications of the environment.
#[utoipa::path(
    get,
    path = "/stats/endpoint/count",
    operation_id = "v1.statistics.endpoint-count",
    tag = "Statistics",
    responses((status = 200, body = EndpointCountOut)),
)]
pub async fn endpoint_count(State(api): Shared, Caller(who): Caller) -> Answer {
    let (active, disabled) = api.app.endpoint_count(&who)?;
    Ok(ok(&EndpointCountOut { active, disabled }))
}
