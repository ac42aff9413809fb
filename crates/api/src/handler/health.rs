//! Whether this server can be sent work.

use axum::extract::State;
use axum::response::Response;

use super::{Shared, done};
use crate::problem::Problem;

/// 204, or 503 with the reason. Needs no key.
pub async fn health(State(api): Shared) -> Result<Response, Problem> {
    (api.wellness)().map(|()| done()).map_err(|why| Problem::unavailable(&why))
}
