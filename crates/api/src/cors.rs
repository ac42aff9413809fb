//! Whether scripts of other sites may ask: only those of the sites that the operator names.

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Method};
use tower_http::cors::CorsLayer;

use crate::door::{MISSPELT, REQUEST_ID};
use crate::extract::{ENVIRONMENT, IDEMPOTENCY_KEY};

/// How long a browser may remember what it was told.
const REMEMBERED_FOR: Duration = Duration::from_hours(1);

/// Headers that SDKs send besides.
const OF_SDKS: [HeaderName; 2] = [HeaderName::from_static("svix-req-id"), HeaderName::from_static("svix-retry-count")];

pub fn layer(origins: &[HeaderValue]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let ours = [HeaderName::from_static(ENVIRONMENT), HeaderName::from_static(IDEMPOTENCY_KEY), REQUEST_ID];
    let sent = [AUTHORIZATION, CONTENT_TYPE].into_iter().chain(ours).chain(OF_SDKS);
    let layer = CorsLayer::new()
        .allow_origin(origins.to_vec())
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(sent.collect::<Vec<_>>())
        .expose_headers([REQUEST_ID, RETRY_AFTER, MISSPELT])
        .max_age(REMEMBERED_FOR);
    Some(layer)
}
