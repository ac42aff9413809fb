//! `/app/{account}/endpoint`

use std::time::Duration;

use axum::extract::State;
use bytes::Bytes;
use http::StatusCode;
use ringup_app::Publish;
use ringup_core::id::EndpointId;
use secrecy::ExposeSecret as _;

use super::{Answer, Shared, done, made, ok, with};
use crate::extract::{Body, Caller, Names};
use crate::wire::check::EndpointCheckOut;
use crate::wire::endpoint::{
    EndpointIn, EndpointOut, EndpointPatch, HeadersIn, HeadersOut, HeadersPatchIn, RotateIn, SecretOut,
};
use crate::wire::example::{ExampleIn, ExampleOut, PING, PING_PAYLOAD};
use crate::wire::json;
use crate::wire::list::{ListOut, Listing};
use crate::wire::message::MessageOut;
use crate::wire::query::Query;
use crate::wire::subscription::{TryIn, TryOut};

/// List endpoints
#[utoipa::path(
    get,
    path = "/app/{app_id}/endpoint",
    operation_id = "v1.endpoint.list",
    tag = "Endpoint",
    params(Listing),
    responses((status = 200, body = ListOut<EndpointOut>)),
)]
pub async fn list(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>, query: Query) -> Answer {
    let listing = Listing::of(&query)?;
    let endpoints = api.app.endpoints(&who, &account)?;
    let page = listing.cut(endpoints, |view| view.endpoint.id, |id| id.parse::<EndpointId>().ok())?;
    Ok(ok(&page.out(|view| EndpointOut::of(view))))
}

/// Create an endpoint
///
/// The URL must be one that may be called: the rule it breaks is named.
#[utoipa::path(
    post,
    path = "/app/{app_id}/endpoint",
    operation_id = "v1.endpoint.create",
    tag = "Endpoint",
    request_body = EndpointIn,
    responses((status = 201, description = "It was made.", body = EndpointOut)),
)]
pub async fn create(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>, Body(body): Body) -> Answer {
    let new = json::read::<EndpointIn>(&body)?.new_endpoint();
    let view = api.app.create_endpoint(&who, &account, new).await?;
    Ok(made(true, &EndpointOut::of(&view)))
}

/// Get an endpoint
#[utoipa::path(
    get,
    path = "/app/{app_id}/endpoint/{endpoint_id}",
    operation_id = "v1.endpoint.get",
    tag = "Endpoint",
    responses((status = 200, body = EndpointOut)),
)]
pub async fn get(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    let view = api.app.endpoint(&who, &account, &endpoint)?;
    Ok(ok(&EndpointOut::of(&view)))
}

/// Replace an endpoint, or create it
///
/// What is not there is emptied, except uid, secret and headers.
#[utoipa::path(
    put,
    path = "/app/{app_id}/endpoint/{endpoint_id}",
    operation_id = "v1.endpoint.upsert",
    tag = "Endpoint",
    request_body = EndpointIn,
    responses((status = 200, description = "It was there.", body = EndpointOut), (status = 201, description = "It was made.", body = EndpointOut)),
)]
pub async fn put(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    Body(body): Body,
) -> Answer {
    let new = json::read::<EndpointIn>(&body)?;
    let (view, was_made) = api.app.put_endpoint(&who, &account, &endpoint, |draft| new.replace(draft)).await?;
    Ok(made(was_made, &EndpointOut::of(&view)))
}

/// Change an endpoint
///
/// A field that is not there stays as it is; null empties it.
#[utoipa::path(
    patch,
    path = "/app/{app_id}/endpoint/{endpoint_id}",
    operation_id = "v1.endpoint.patch",
    tag = "Endpoint",
    request_body = EndpointPatch,
    responses((status = 200, body = EndpointOut)),
)]
pub async fn patch(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    Body(body): Body,
) -> Answer {
    let patch = json::read::<EndpointPatch>(&body)?;
    let view = api.app.edit_endpoint(&who, &account, &endpoint, |draft| patch.apply(draft)).await?;
    Ok(ok(&EndpointOut::of(&view)))
}

/// Delete an endpoint
///
/// What waits for it is cancelled.
#[utoipa::path(
    delete,
    path = "/app/{app_id}/endpoint/{endpoint_id}",
    operation_id = "v1.endpoint.delete",
    tag = "Endpoint",
    responses((status = 204, description = "Done.")),
)]
pub async fn delete(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    api.app.delete_endpoint(&who, &account, &endpoint).await?;
    Ok(done())
}

/// Try a subscription on what came lately
///
/// How many of the newest messages it would have matched. Changes nothing.
#[utoipa::path(
    post,
    path = "/app/{app_id}/filter/try",
    operation_id = "ringup.filter.try",
    tag = "Endpoint",
    request_body = TryIn,
    responses((status = 200, body = TryOut)),
)]
pub async fn try_filter(
    State(api): Shared,
    Caller(who): Caller,
    Names([account]): Names<1>,
    Body(body): Body,
) -> Answer {
    let draft = json::read::<TryIn>(&body)?.draft();
    Ok(ok(&TryOut::of(&api.app.try_subscription(&who, &account, &draft).await?)))
}

/// Check that an endpoint can be reached
///
/// Looks up the name, connects, checks the certificate, fetches a token where one is needed, and sends a signed
/// `ringup.ping` that is stored nowhere. Takes at most ten seconds, and ten more for a token.
#[utoipa::path(
    post,
    path = "/app/{app_id}/endpoint/{endpoint_id}/check",
    operation_id = "ringup.endpoint.check",
    tag = "Endpoint",
    responses((status = 200, body = EndpointCheckOut)),
)]
pub async fn check(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    Ok(ok(&EndpointCheckOut::of(&api.app.check_endpoint(&who, &account, &endpoint).await?)))
}

/// Get the signing secret of an endpoint
#[utoipa::path(
    get,
    path = "/app/{app_id}/endpoint/{endpoint_id}/secret",
    operation_id = "v1.endpoint.get-secret",
    tag = "Endpoint",
    responses((status = 200, body = SecretOut)),
)]
pub async fn secret(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    let secret = api.app.secret(&who, &account, &endpoint).await?;
    Ok(ok(&SecretOut { key: secret.expose_secret() }))
}

/// Rotate the signing secret of an endpoint
///
/// The old one signs along until the grace period ends. The answer is the new secret, for whoever may see it: newer SDKs
/// read it, older ones pass over it.
#[utoipa::path(
    post,
    path = "/app/{app_id}/endpoint/{endpoint_id}/secret/rotate",
    operation_id = "v1.endpoint.rotate-secret",
    tag = "Endpoint",
    request_body = Option<RotateIn>,
    responses((status = 200, body = SecretOut), (status = 204, description = "Done; the key may not see secrets.")),
    extensions(("x-ringup" = json!("extended"))),
)]
pub async fn rotate(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    Body(body): Body,
) -> Answer {
    let rotate = json::read_if_any::<RotateIn>(&body)?;
    let grace = rotate.grace_period_seconds.map(Duration::from_secs);
    let secret = api.app.rotate_secret(&who, &account, &endpoint, rotate.secret(), grace).await?;
    Ok(secret.map_or_else(done, |secret| ok(&SecretOut { key: secret.expose_secret() })))
}

/// Send an example
///
/// To this endpoint alone, whatever it subscribes to. `svix.ping` always works. Any other type is sent as the example in
/// its schema says, else as the guide's sample of this name, else as one made from its schema, unless the request brings a
/// payload of its own; `example` says which.
#[utoipa::path(
    post,
    path = "/app/{app_id}/endpoint/{endpoint_id}/send-example",
    operation_id = "v1.endpoint.send-example",
    tag = "Endpoint",
    request_body = ExampleIn,
    responses((status = 202, description = "It is durable and on its way.", body = ExampleOut)),
    extensions(("x-ringup" = json!("extended"))),
)]
pub async fn send_example(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    Body(body): Body,
) -> Answer {
    let asked = json::read::<ExampleIn>(&body)?;
    let (payload, example) = match (asked.payload, asked.event_type.as_str()) {
        (Some(given), _) => (Bytes::copy_from_slice(given.get().as_bytes()), "given"),
        (None, PING) => (Bytes::from_static(PING_PAYLOAD), "ping"),
        (None, name) => {
            let sample = api.app.sample(&who, name, asked.example_index)?;
            (sample.payload, sample.origin.word())
        }
    };
    let publish = Publish { event_type: &asked.event_type, payload, ..Publish::default() };
    let event = api.app.send_example(&who, &account, &endpoint, publish).await?;
    Ok(with(StatusCode::ACCEPTED, &ExampleOut { message: MessageOut::stored(&event, true), example }))
}

/// Get the headers that are sent to an endpoint
///
/// Values that open a door are not shown, only their names.
#[utoipa::path(
    get,
    path = "/app/{app_id}/endpoint/{endpoint_id}/headers",
    operation_id = "v1.endpoint.get-headers",
    tag = "Endpoint",
    responses((status = 200, body = HeadersOut)),
)]
pub async fn headers(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    Ok(ok(&HeadersOut::of(&api.app.endpoint(&who, &account, &endpoint)?.endpoint)))
}

/// Replace the headers that are sent to an endpoint
#[utoipa::path(
    put,
    path = "/app/{app_id}/endpoint/{endpoint_id}/headers",
    operation_id = "v1.endpoint.set-headers",
    tag = "Endpoint",
    request_body = HeadersIn,
    responses((status = 204, description = "Done.")),
)]
pub async fn put_headers(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    Body(body): Body,
) -> Answer {
    let new = json::read::<HeadersIn>(&body)?;
    api.app.edit_headers(&who, &account, &endpoint, |headers| new.replace(headers)).await?;
    Ok(done())
}

/// Change the headers that are sent to an endpoint
#[utoipa::path(
    patch,
    path = "/app/{app_id}/endpoint/{endpoint_id}/headers",
    operation_id = "v1.endpoint.patch-headers",
    tag = "Endpoint",
    request_body = HeadersPatchIn,
    responses((status = 204, description = "Done.")),
)]
pub async fn patch_headers(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    Body(body): Body,
) -> Answer {
    let patch = json::read::<HeadersPatchIn>(&body)?;
    api.app.edit_headers(&who, &account, &endpoint, |headers| patch.apply(headers)).await?;
    Ok(done())
}
