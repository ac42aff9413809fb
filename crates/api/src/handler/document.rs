//! What this API can do, for programs.

use std::sync::LazyLock;

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::describe;
use crate::wire::json;

/// Some hundred kilobytes, the same for everybody.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| json::write(&describe::document()).into());

/// This document
///
/// Needs no key. It is also at `/openapi.json`.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "ringup.openapi.get",
    tag = "Health",
    security(()),
    responses((status = 200, description = "An OpenAPI 3.1 document.", body = Object)),
)]
pub async fn openapi() -> Response {
    let mut response = DOCUMENT.clone().into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
