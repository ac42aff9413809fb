//! `/operational-webhook/endpoint`

use std::time::Duration;

use axum::extract::State;
use ringup_core::id::EndpointId;
use secrecy::ExposeSecret as _;

use super::{Answer, Shared, done, made, ok};
use crate::extract::{Body, Caller, Names};
use crate::wire::endpoint::{EndpointIn, EndpointOut, HeadersIn, HeadersOut, RotateIn, SecretOut};
use crate::wire::json;
use crate::wire::list::{ListOut, Listing};
use crate::wire::query::Query;

/// Verbs on endpoints take an account's name, and do not ask for it here.
const NO_NAME: &str = "";

/// List operational webhook endpoints
#[utoipa::path(
    get,
    path = "/operational-webhook/endpoint",
    operation_id = "v1.operational-webhook.endpoint.list",
    tag = "Operational Webhook",
    params(Listing),
    responses((status = 200, body = ListOut<EndpointOut>)),
)]
pub async fn list(State(api): Shared, Caller(who): Caller, query: Query) -> Answer {
    let listing = Listing::of(&query)?;
    let endpoints = api.app.operational_endpoints(&who)?;
    let page = listing.cut(endpoints, |view| view.endpoint.id, |id| id.parse::<EndpointId>().ok())?;
    Ok(ok(&page.out(|view| EndpointOut::of(view))))
}

/// Create an operational webhook endpoint
///
/// It hears of the environment's endpoints that change and of messages that do not arrive, signed and repeated like any
/// event.
#[utoipa::path(
    post,
    path = "/operational-webhook/endpoint",
    operation_id = "v1.operational-webhook.endpoint.create",
    tag = "Operational Webhook",
    request_body = EndpointIn,
    responses((status = 201, description = "It was made.", body = EndpointOut)),
)]
pub async fn create(State(api): Shared, Caller(who): Caller, Body(body): Body) -> Answer {
    let new = json::read::<EndpointIn>(&body)?.new_endpoint();
    let who = api.app.operational_to_be(&who).await?;
    let view = api.app.create_endpoint(&who, NO_NAME, new).await?;
    Ok(made(true, &EndpointOut::of(&view)))
}

/// Get an operational webhook endpoint
#[utoipa::path(
    get,
    path = "/operational-webhook/endpoint/{endpoint_id}",
    operation_id = "v1.operational-webhook.endpoint.get",
    tag = "Operational Webhook",
    responses((status = 200, body = EndpointOut)),
)]
pub async fn get(State(api): Shared, Caller(who): Caller, Names([endpoint]): Names<1>) -> Answer {
    let who = api.app.operational(&who);
    let view = api.app.endpoint(&who, NO_NAME, &endpoint)?;
    Ok(ok(&EndpointOut::of(&view)))
}

/// Create or replace an operational webhook endpoint
#[utoipa::path(
    put,
    path = "/operational-webhook/endpoint/{endpoint_id}",
    operation_id = "v1.operational-webhook.endpoint.upsert",
    tag = "Operational Webhook",
    request_body = EndpointIn,
    responses((status = 200, body = EndpointOut), (status = 201, description = "It was made.", body = EndpointOut)),
)]
pub async fn put(State(api): Shared, Caller(who): Caller, Names([endpoint]): Names<1>, Body(body): Body) -> Answer {
    let new = json::read::<EndpointIn>(&body)?;
    let who = api.app.operational_to_be(&who).await?;
    let (view, was_made) = api.app.put_endpoint(&who, NO_NAME, &endpoint, |draft| new.replace(draft)).await?;
    Ok(made(was_made, &EndpointOut::of(&view)))
}

/// Delete an operational webhook endpoint
#[utoipa::path(
    delete,
    path = "/operational-webhook/endpoint/{endpoint_id}",
    operation_id = "v1.operational-webhook.endpoint.delete",
    tag = "Operational Webhook",
    responses((status = 204, description = "Done.")),
)]
pub async fn delete(State(api): Shared, Caller(who): Caller, Names([endpoint]): Names<1>) -> Answer {
    let who = api.app.operational(&who);
    api.app.delete_endpoint(&who, NO_NAME, &endpoint).await?;
    Ok(done())
}

/// Get the secret of an operational webhook endpoint
#[utoipa::path(
    get,
    path = "/operational-webhook/endpoint/{endpoint_id}/secret",
    operation_id = "v1.operational-webhook.endpoint.get-secret",
    tag = "Operational Webhook",
    responses((status = 200, body = SecretOut)),
)]
pub async fn secret(State(api): Shared, Caller(who): Caller, Names([endpoint]): Names<1>) -> Answer {
    let who = api.app.operational(&who);
    let secret = api.app.secret(&who, NO_NAME, &endpoint).await?;
    Ok(ok(&SecretOut { key: secret.expose_secret() }))
}

/// Rotate the secret of an operational webhook endpoint
///
/// The old one signs along for the grace period, a day unless said otherwise.
#[utoipa::path(
    post,
    path = "/operational-webhook/endpoint/{endpoint_id}/secret/rotate",
    operation_id = "v1.operational-webhook.endpoint.rotate-secret",
    tag = "Operational Webhook",
    request_body = Option<RotateIn>,
    responses((status = 204, description = "Done.")),
)]
pub async fn rotate(State(api): Shared, Caller(who): Caller, Names([endpoint]): Names<1>, Body(body): Body) -> Answer {
    let who = api.app.operational(&who);
    let rotate = json::read_if_any::<RotateIn>(&body)?;
    let grace = rotate.grace_period_seconds.map(Duration::from_secs);
    api.app.rotate_secret(&who, NO_NAME, &endpoint, rotate.secret(), grace).await?;
    Ok(done())
}

/// Get the headers that are sent to an operational webhook endpoint
///
/// Values that open a door are not shown, only their names.
#[utoipa::path(
    get,
    path = "/operational-webhook/endpoint/{endpoint_id}/headers",
    operation_id = "v1.operational-webhook.endpoint.get-headers",
    tag = "Operational Webhook",
    responses((status = 200, body = HeadersOut)),
)]
pub async fn headers(State(api): Shared, Caller(who): Caller, Names([endpoint]): Names<1>) -> Answer {
    let who = api.app.operational(&who);
    Ok(ok(&HeadersOut::of(&api.app.endpoint(&who, NO_NAME, &endpoint)?.endpoint)))
}

/// Replace the headers that are sent to an operational webhook endpoint
#[utoipa::path(
    put,
    path = "/operational-webhook/endpoint/{endpoint_id}/headers",
    operation_id = "v1.operational-webhook.endpoint.set-headers",
    tag = "Operational Webhook",
    request_body = HeadersIn,
    responses((status = 204, description = "Done.")),
)]
pub async fn put_headers(
    State(api): Shared,
    Caller(who): Caller,
    Names([endpoint]): Names<1>,
    Body(body): Body,
) -> Answer {
    let who = api.app.operational(&who);
    let new = json::read::<HeadersIn>(&body)?;
    api.app.edit_headers(&who, NO_NAME, &endpoint, |headers| new.replace(headers)).await?;
    Ok(done())
}
