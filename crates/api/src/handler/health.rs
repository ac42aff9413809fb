//! Whether this server can be sent work.

use axum::extract::State;
use axum::response::Response;

use super::{Shared, done};
use crate::problem::Problem;

/// Whether this server can be sent work
///
/// Needs no key.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "v1.health.get",
    tag = "Health",
    security(()),
    responses((status = 204, description = "It can.")),
)]
pub async fn health(State(api): Shared) -> Result<Response, Problem> {
    (api.wellness)().map(|()| done()).map_err(|why| Problem::unavailable(&why))
}

/// As `/health`
#[utoipa::path(
    get,
    path = "/health/ping",
    operation_id = "ringup.health.ping",
    tag = "Health",
    security(()),
    responses((status = 204, description = "It can.")),
)]
pub async fn ping(api: Shared) -> Result<Response, Problem> {
    health(api).await
}
