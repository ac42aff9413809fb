//! What every page passes: where a form came from, a time limit, headers that bind the browser, and a page even if we fail.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt as _;
use http::header::{CACHE_CONTROL, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ringup_app::{Origin, Peer, RequestId};
use tokio::time::timeout;
use tracing::error;

use crate::Web;
use crate::error_page::{self, Failure};
use crate::prefs::Prefs;

/// The longest we work on one page. A stream begins within it and may go on.
const PAGE_TIME_MAX: Duration = Duration::from_secs(60);

/// Nothing but our own files, no inline script or style, and HTML only through the policy in `script/policy.js`.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types default";

/// By it a line of the audit log is found again.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const HEADERS: [(HeaderName, &str); 5] = [
    (http::header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (http::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (http::header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

pub async fn front(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(&format!("req_{}", URL_SAFE_NO_PAD.encode(web.app.random_bytes::<12>())));
    let address = request.extensions().get().map(|Peer(address)| *address);
    request.extensions_mut().insert(Origin { address, request: id });
    let prefs = Prefs::of(request.headers());
    let is_ours = is_safe(request.method()) || is_from_us(request.headers());
    let mut response = if is_ours {
        match timeout(PAGE_TIME_MAX, AssertUnwindSafe(next.run(request)).catch_unwind()).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => {
                error!("a page met a defect");
                Failure::Defect.into_response()
            }
            Err(_) => Failure::TooSlow.into_response(),
        }
    } else {
        Failure::Forged.into_response()
    };
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        response = error_page::render(&failure, &prefs, web.app.now());
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(id) = id.and_then(|id| HeaderValue::try_from(id.as_str()).ok()) {
        headers.insert(REQUEST_ID, id);
    }
    // Pages show what only this visitor may see.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Whether a browser says that the request was made by one of our own pages. Whoever says nothing is refused: forms are
/// for browsers, programs have the API.
fn is_from_us(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = text(&ORIGIN).and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    origin.is_some() && origin == text(&HOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &'static str)], expected: bool) {
        let pairs =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        assert_eq!(is_from_us(&pairs.collect()), expected, "{headers:?}");
    }

    #[test]
    fn only_our_own_pages_send_forms() {
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "same-site")], false);
        check(&[("sec-fetch-site", "cross-site"), ("origin", "http://a"), ("host", "a")], false);
        check(&[("origin", "https://ringup.example"), ("host", "ringup.example")], true);
        check(&[("origin", "https://evil.example"), ("host", "ringup.example")], false);
        check(&[("origin", "null"), ("host", "ringup.example")], false);
        check(&[("host", "ringup.example")], false);
    }
}
