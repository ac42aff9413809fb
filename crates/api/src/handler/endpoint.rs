//! `/app/{account}/endpoint`

use std::time::Duration;

use axum::extract::State;
use ringup_core::id::EndpointId;
use secrecy::ExposeSecret as _;

use super::{Answer, Shared, done, made, ok};
use crate::extract::{Body, Caller, Names};
use crate::wire::endpoint::{
    EndpointIn, EndpointOut, EndpointPatch, HeadersIn, HeadersOut, HeadersPatchIn, RotateIn, SecretOut,
};
use crate::wire::json;
use crate::wire::list::Listing;
use crate::wire::query::Query;

pub async fn list(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>, query: Query) -> Answer {
    let listing = Listing::of(&query)?;
    let endpoints = api.app.endpoints(&who, &account)?;
    let page = listing.cut(endpoints, |view| view.endpoint.id, |id| id.parse::<EndpointId>().ok())?;
    Ok(ok(&page.out(|view| EndpointOut::of(view))))
}

pub async fn create(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>, Body(body): Body) -> Answer {
    let new = json::read::<EndpointIn>(&body)?.new_endpoint();
    let view = api.app.create_endpoint(&who, &account, new).await?;
    Ok(made(true, &EndpointOut::of(&view)))
}

pub async fn get(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    let view = api.app.endpoint(&who, &account, &endpoint)?;
    Ok(ok(&EndpointOut::of(&view)))
}

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

pub async fn delete(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    api.app.delete_endpoint(&who, &account, &endpoint).await?;
    Ok(done())
}

pub async fn secret(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    let secret = api.app.secret(&who, &account, &endpoint)?;
    Ok(ok(&SecretOut { key: secret.expose_secret() }))
}

pub async fn rotate(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    Body(body): Body,
) -> Answer {
    let rotate = json::read_if_any::<RotateIn>(&body)?;
    let grace = rotate.grace_period_seconds.map(Duration::from_secs);
    api.app.rotate_secret(&who, &account, &endpoint, rotate.key.as_deref(), grace).await?;
    Ok(done())
}

pub async fn headers(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    Ok(ok(&HeadersOut::of(&api.app.endpoint(&who, &account, &endpoint)?.endpoint)))
}

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
