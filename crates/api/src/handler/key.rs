//! `/key`

use axum::extract::State;
use ringup_app::view::KnownKey;
use ringup_core::id::KeyId;
use secrecy::ExposeSecret as _;

use super::{Answer, Shared, done, made, ok};
use crate::Api;
use crate::extract::{Body, Caller, Names};
use crate::wire::auth::{KeyIn, KeyOut, NewKeyOut};
use crate::wire::json;
use crate::wire::list::{ListOut, Listing};
use crate::wire::query::Query;

/// List keys
///
/// Those of the environment, or for an operator all there are. Revoked ones stay listed.
#[utoipa::path(
    get,
    path = "/key",
    operation_id = "ringup.key.list",
    tag = "Authentication",
    params(Listing),
    responses((status = 200, body = ListOut<KeyOut>)),
)]
pub async fn list(State(api): Shared, Caller(who): Caller, query: Query) -> Answer {
    let listing = Listing::of(&query)?;
    let keys = api.app.keys(&who)?;
    let page = listing.cut(keys, |known| known.key.id, |id| id.parse::<KeyId>().ok())?;
    Ok(ok(&page.out(|known| out(&api, known))))
}

/// Create a key
///
/// It is shown this once: only a digest of it is kept. It can have no scope that its maker does not have.
#[utoipa::path(
    post,
    path = "/key",
    operation_id = "ringup.key.create",
    tag = "Authentication",
    request_body = KeyIn,
    responses((status = 201, description = "It was made.", body = NewKeyOut)),
)]
pub async fn create(State(api): Shared, Caller(who): Caller, Body(body): Body) -> Answer {
    let own = api.app.own_environment(&who).map(|environment| environment.name.clone()).unwrap_or_default();
    let request = json::read::<KeyIn>(&body)?.request(&own)?;
    let new = api.app.create_key(&who, request).await?;
    let known = api.app.key(&who, &new.key.id.to_string())?;
    Ok(made(true, &NewKeyOut { about: out(&api, &known), key: new.token.expose_secret() }))
}

/// Get a key
#[utoipa::path(
    get,
    path = "/key/{key_id}",
    operation_id = "ringup.key.get",
    tag = "Authentication",
    responses((status = 200, body = KeyOut)),
)]
pub async fn get(State(api): Shared, Caller(who): Caller, Names([key]): Names<1>) -> Answer {
    Ok(ok(&out(&api, &*api.app.key(&who, &key)?)))
}

/// Revoke a key
///
/// It opens nothing from then on, nor does any session that it was exchanged for.
#[utoipa::path(
    delete,
    path = "/key/{key_id}",
    operation_id = "ringup.key.revoke",
    tag = "Authentication",
    responses((status = 204, description = "It is revoked.")),
)]
pub async fn revoke(State(api): Shared, Caller(who): Caller, Names([key]): Names<1>) -> Answer {
    api.app.revoke_key(&who, &key).await?;
    Ok(done())
}

fn out(api: &Api, known: &KnownKey) -> KeyOut {
    let place = api.app.place_of_key(known);
    KeyOut::of(known, place.environment, place.account)
}
