//! One function for each operation: reads the request, asks, writes the answer.

pub mod account;
pub mod attempt;
pub mod audit;
pub mod auth;
pub mod authorization;
pub mod catcher;
pub mod content;
pub mod document;
pub mod endpoint;
pub mod environment;
pub mod event_type;
pub mod fleet;
pub mod health;
pub mod hook;
pub mod hook_type;
pub mod key;
pub mod log;
pub mod message;
pub mod operational;
pub mod poll;
pub mod settings;
pub mod stats;
pub mod task;
pub mod why;

use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::problem::Problem;
use crate::wire::json;

type Shared = axum::extract::State<Arc<crate::Api>>;
type Answer = Result<Response, Problem>;

fn ok(answer: &impl Serialize) -> Response {
    with(StatusCode::OK, answer)
}

/// 201 for what was made, 200 for what was there.
fn made(was_made: bool, answer: &impl Serialize) -> Response {
    with(if was_made { StatusCode::CREATED } else { StatusCode::OK }, answer)
}

fn with(status: StatusCode, answer: &impl Serialize) -> Response {
    let mut response = (status, json::write(answer)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
