//! The request as it goes on the wire.

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use http_body_util::Full;
use ringup_core::signing::{self, HeaderNames};

use crate::request::{Outgoing, Question, Request};
use crate::sign;

/// Headers of our own: five of the message, two of the event, and at most two sets of three for the signature.
const OWN_HEADERS_MAX: usize = 13;

const WEBHOOK: [HeaderName; 3] = [
    HeaderName::from_static("webhook-id"),
    HeaderName::from_static("webhook-timestamp"),
    HeaderName::from_static("webhook-signature"),
];
const SVIX: [HeaderName; 3] = [
    HeaderName::from_static("svix-id"),
    HeaderName::from_static("svix-timestamp"),
    HeaderName::from_static("svix-signature"),
];

const EVENT: HeaderName = HeaderName::from_static("ringup-event");
const ATTEMPT: HeaderName = HeaderName::from_static("ringup-attempt");

/// Builds and signs the request. Answers are asked for uncompressed: what is logged is what was sent, and nothing can
/// be inflated beyond the cap.
pub(crate) fn build(outgoing: &Outgoing, user_agent: &HeaderValue) -> http::Request<Full<Bytes>> {
    match outgoing {
        Outgoing::Event(request) => event(request, user_agent),
        Outgoing::Question(question) => ask(question, user_agent),
    }
}

fn ask(question: &Question, user_agent: &HeaderValue) -> http::Request<Full<Bytes>> {
    let url = question.url.parts();
    let mut headers = HeaderMap::with_capacity(OWN_HEADERS_MAX + question.headers.len());
    headers.insert(HOST, url.authority.clone());
    headers.insert(USER_AGENT, user_agent.clone());
    headers.insert(CONTENT_TYPE, question.content_type.clone());
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    post(headers, &question.headers, &question.body, &url.target)
}

fn event(request: &Request, user_agent: &HeaderValue) -> http::Request<Full<Bytes>> {
    let url = request.url.parts();
    let mut headers = HeaderMap::with_capacity(OWN_HEADERS_MAX + request.headers.len());
    headers.insert(HOST, url.authority.clone());
    headers.insert(USER_AGENT, user_agent.clone());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    sign(request, &mut headers);
    // Names are checked when they are published; one that no header can carry is left out.
    if let Ok(event_type) = HeaderValue::from_str(&request.webhook.event_type) {
        headers.insert(EVENT, event_type);
    }
    headers.insert(ATTEMPT, HeaderValue::from(request.webhook.attempt));
    post(headers, &request.headers, &request.body, &url.target)
}

fn post(
    mut headers: HeaderMap,
    extra: &[(HeaderName, HeaderValue)],
    body: &Bytes,
    target: &Uri,
) -> http::Request<Full<Bytes>> {
    for (name, value) in extra {
        headers.insert(name.clone(), value.clone());
    }
    let mut message = http::Request::new(Full::new(body.clone()));
    *message.method_mut() = Method::POST;
    *message.uri_mut() = target.clone();
    *message.headers_mut() = headers;
    message
}

fn sign(request: &Request, headers: &mut HeaderMap) {
    let webhook = &request.webhook;
    let prefix = Bytes::from(signing::signed_prefix(&webhook.id, request.now));
    // `id.timestamp.`: the id is letters and digits, so the first dot ends it.
    let dot = prefix.iter().position(|byte| *byte == b'.').expect("the prefix has two dots");
    let part = |range| HeaderValue::from_maybe_shared(prefix.slice(range)).expect("an id and a number are ASCII");
    let values = [
        Some(part(0..dot)),
        Some(part(dot + 1..prefix.len() - 1)),
        sign::signature_header(&webhook.keys, &prefix, &request.body, request.now),
    ];
    let names: &[[HeaderName; 3]] = match webhook.names {
        HeaderNames::Webhook => &[WEBHOOK],
        HeaderNames::Svix => &[SVIX],
        HeaderNames::Both => &[WEBHOOK, SVIX],
    };
    for (name, value) in names.iter().flat_map(|set| set.iter().zip(&values)) {
        if let Some(value) = value {
            headers.insert(name.clone(), value.clone());
        }
    }
}
