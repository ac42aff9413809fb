//! `/app/{account}/endpoint/{endpoint}/authorization`, and the dialect's `oauth` and `mtls`.

use axum::extract::State;
use ringup_app::AppError;
use ringup_core::authorization::{Authorization, Certificate, Scheme, Secret};

use super::{Answer, Shared, done, ok};
use crate::extract::{Body, Caller, Names};
use crate::wire::authorization::{
    AuthorizationIn, AuthorizationOut, MtlsConfigIn, MtlsConfigOut, MtlsOut, OauthConfigIn, OauthConfigOut, OauthOut,
    TokenTriedOut,
};
use crate::wire::json;

/// Get the authorisation of an endpoint
///
/// Its kind and a fingerprint of what it keeps secret.
#[utoipa::path(
    get,
    path = "/app/{app_id}/endpoint/{endpoint_id}/authorization",
    operation_id = "ringup.endpoint.get-authorization",
    tag = "Endpoint",
    responses((status = 200, body = AuthorizationOut)),
)]
pub async fn get(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    Ok(ok(&AuthorizationOut::of(&api.app.authorization(&who, &account, &endpoint)?)))
}

/// Set the authorisation of an endpoint
///
/// What is sent with each delivery so that the receiver knows who calls. Secrets are not shown again.
#[utoipa::path(
    put,
    path = "/app/{app_id}/endpoint/{endpoint_id}/authorization",
    operation_id = "ringup.endpoint.set-authorization",
    tag = "Endpoint",
    request_body = AuthorizationIn,
    responses((status = 200, body = AuthorizationOut)),
)]
pub async fn put(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    Body(body): Body,
) -> Answer {
    let change = json::read::<AuthorizationIn>(&body)?.change()?;
    let edit = |authorization: &mut Authorization| {
        change.apply(authorization);
        Ok(())
    };
    let view = api.app.edit_authorization(&who, &account, &endpoint, edit).await?;
    Ok(ok(&AuthorizationOut::of(&view)))
}

/// Remove the authorisation of an endpoint
#[utoipa::path(
    delete,
    path = "/app/{app_id}/endpoint/{endpoint_id}/authorization",
    operation_id = "ringup.endpoint.delete-authorization",
    tag = "Endpoint",
    responses((status = 204)),
)]
pub async fn delete(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    let edit = |authorization: &mut Authorization| {
        *authorization = Authorization::default();
        Ok(())
    };
    api.app.edit_authorization(&who, &account, &endpoint, edit).await?;
    Ok(done())
}

/// Try to get a token
///
/// As a delivery would, from the token server that is set. The token is not shown and not kept.
#[utoipa::path(
    post,
    path = "/app/{app_id}/endpoint/{endpoint_id}/authorization/try",
    operation_id = "ringup.endpoint.try-authorization",
    tag = "Endpoint",
    responses((status = 200, body = TokenTriedOut)),
)]
pub async fn try_token(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    Ok(ok(&TokenTriedOut::of(&api.app.try_authorization(&who, &account, &endpoint).await?)))
}

/// Get the OAuth configuration of an endpoint
#[utoipa::path(
    get,
    path = "/app/{app_id}/endpoint/{endpoint_id}/oauth",
    operation_id = "v1.endpoint.get-oauth",
    tag = "Endpoint",
    responses((status = 200, body = OauthConfigOut)),
)]
pub async fn oauth(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    let view = api.app.authorization(&who, &account, &endpoint)?;
    let config = OauthConfigOut::of(&view).ok_or_else(|| not_set("OAuth configuration of", &endpoint))?;
    Ok(ok(&config))
}

/// Set the OAuth configuration of an endpoint
#[utoipa::path(
    put,
    path = "/app/{app_id}/endpoint/{endpoint_id}/oauth",
    operation_id = "v1.endpoint.set-oauth-config",
    tag = "Endpoint",
    request_body = OauthConfigIn,
    responses((status = 204)),
)]
pub async fn set_oauth(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    Body(body): Body,
) -> Answer {
    let oauth = json::read::<OauthConfigIn>(&body)?.oauth()?;
    let edit = |authorization: &mut Authorization| {
        authorization.scheme = Scheme::OAuth(Box::new(oauth));
        Ok(())
    };
    api.app.edit_authorization(&who, &account, &endpoint, edit).await?;
    Ok(done())
}

/// Delete the OAuth configuration of an endpoint
#[utoipa::path(
    delete,
    path = "/app/{app_id}/endpoint/{endpoint_id}/oauth",
    operation_id = "v1.endpoint.delete-oauth-config",
    tag = "Endpoint",
    responses((status = 204)),
)]
pub async fn delete_oauth(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    let edit = |authorization: &mut Authorization| {
        authorization.oauth().ok_or_else(|| not_set("OAuth configuration of", &endpoint))?;
        authorization.scheme = Scheme::None;
        Ok(())
    };
    api.app.edit_authorization(&who, &account, &endpoint, edit).await?;
    Ok(done())
}

/// Get whether an endpoint uses OAuth, and how
#[utoipa::path(
    get,
    path = "/app/{app_id}/endpoint/{endpoint_id}/oauth-config",
    operation_id = "v1.endpoint.get-oauth-2",
    tag = "Endpoint",
    responses((status = 200, body = OauthOut)),
)]
pub async fn oauth_status(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    Ok(ok(&OauthOut::of(&api.app.authorization(&who, &account, &endpoint)?)))
}

/// Get the mTLS configuration of an endpoint
#[utoipa::path(
    get,
    path = "/app/{app_id}/endpoint/{endpoint_id}/mtls",
    operation_id = "v1.endpoint.get-mtls",
    tag = "Endpoint",
    responses((status = 200, body = MtlsConfigOut)),
)]
pub async fn mtls(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    let view = api.app.authorization(&who, &account, &endpoint)?;
    let config = MtlsConfigOut::of(&view).ok_or_else(|| not_set("mTLS configuration of", &endpoint))?;
    Ok(ok(&config))
}

/// Set the mTLS configuration of an endpoint
#[utoipa::path(
    put,
    path = "/app/{app_id}/endpoint/{endpoint_id}/mtls",
    operation_id = "v1.endpoint.set-mtls-config",
    tag = "Endpoint",
    request_body = MtlsConfigIn,
    responses((status = 204)),
)]
pub async fn set_mtls(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    Body(body): Body,
) -> Answer {
    let new = json::read::<MtlsConfigIn>(&body)?;
    let edit = |authorization: &mut Authorization| {
        authorization.certificate = Some(Certificate { pem: Secret::new(&new.identity) });
        Ok(())
    };
    api.app.edit_authorization(&who, &account, &endpoint, edit).await?;
    Ok(done())
}

/// Delete the mTLS configuration of an endpoint
#[utoipa::path(
    delete,
    path = "/app/{app_id}/endpoint/{endpoint_id}/mtls",
    operation_id = "v1.endpoint.delete-mtls-config",
    tag = "Endpoint",
    responses((status = 204)),
)]
pub async fn delete_mtls(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    let edit = |authorization: &mut Authorization| {
        authorization.certificate.take().map(drop).ok_or_else(|| not_set("mTLS configuration of", &endpoint))
    };
    api.app.edit_authorization(&who, &account, &endpoint, edit).await?;
    Ok(done())
}

/// Get whether an endpoint uses mTLS, and how
#[utoipa::path(
    get,
    path = "/app/{app_id}/endpoint/{endpoint_id}/mtls-config",
    operation_id = "v1.endpoint.get-mtls-2",
    tag = "Endpoint",
    responses((status = 200, body = MtlsOut)),
)]
pub async fn mtls_status(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    Ok(ok(&MtlsOut::of(&api.app.authorization(&who, &account, &endpoint)?)))
}

fn not_set(what: &'static str, endpoint: &str) -> AppError {
    AppError::NotFound { what, name: endpoint.to_owned() }
}
