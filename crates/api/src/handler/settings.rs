//! `/app/{account}/settings` and `/app/{account}/endpoint/{endpoint}/settings`

use axum::extract::State;
use ringup_app::Principal;

use super::{Answer, Shared, ok};
use crate::Api;
use crate::extract::{Body, Caller, Names};
use crate::wire::json;
use crate::wire::settings::{SettingsIn, SettingsOut};

/// Get the settings of an application
///
/// What is in force, each value with who says so.
#[utoipa::path(
    get,
    path = "/app/{app_id}/settings",
    operation_id = "ringup.application.get-settings",
    tag = "Settings",
    responses((status = 200, body = SettingsOut)),
)]
pub async fn of_account(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>) -> Answer {
    Ok(ok(&SettingsOut::of(&api.app.settings(&who, &account, None)?)))
}

/// Get the settings of an endpoint
///
/// What is in force, each value with who says so.
#[utoipa::path(
    get,
    path = "/app/{app_id}/endpoint/{endpoint_id}/settings",
    operation_id = "ringup.endpoint.get-settings",
    tag = "Settings",
    responses((status = 200, body = SettingsOut)),
)]
pub async fn of_endpoint(State(api): Shared, Caller(who): Caller, Names([account, endpoint]): Names<2>) -> Answer {
    Ok(ok(&SettingsOut::of(&api.app.settings(&who, &account, Some(&endpoint))?)))
}

/// Replace the settings of an application
///
/// What is not there is inherited.
#[utoipa::path(
    put,
    path = "/app/{app_id}/settings",
    operation_id = "ringup.application.set-settings",
    tag = "Settings",
    request_body = SettingsIn,
    responses((status = 200, body = SettingsOut)),
)]
pub async fn put_account(
    State(api): Shared,
    Caller(who): Caller,
    Names([account]): Names<1>,
    Body(body): Body,
) -> Answer {
    change(&api, &who, &account, None, &body, true).await
}

/// Change settings of an application
///
/// A field that is not there stays as it is; null inherits.
#[utoipa::path(
    patch,
    path = "/app/{app_id}/settings",
    operation_id = "ringup.application.patch-settings",
    tag = "Settings",
    request_body = SettingsIn,
    responses((status = 200, body = SettingsOut)),
)]
pub async fn patch_account(
    State(api): Shared,
    Caller(who): Caller,
    Names([account]): Names<1>,
    Body(body): Body,
) -> Answer {
    change(&api, &who, &account, None, &body, false).await
}

/// Replace the settings of an endpoint
///
/// What is not there is inherited.
#[utoipa::path(
    put,
    path = "/app/{app_id}/endpoint/{endpoint_id}/settings",
    operation_id = "ringup.endpoint.set-settings",
    tag = "Settings",
    request_body = SettingsIn,
    responses((status = 200, body = SettingsOut)),
)]
pub async fn put_endpoint(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    Body(body): Body,
) -> Answer {
    change(&api, &who, &account, Some(&endpoint), &body, true).await
}

/// Change settings of an endpoint
///
/// A field that is not there stays as it is; null inherits.
#[utoipa::path(
    patch,
    path = "/app/{app_id}/endpoint/{endpoint_id}/settings",
    operation_id = "ringup.endpoint.patch-settings",
    tag = "Settings",
    request_body = SettingsIn,
    responses((status = 200, body = SettingsOut)),
)]
pub async fn patch_endpoint(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    Body(body): Body,
) -> Answer {
    change(&api, &who, &account, Some(&endpoint), &body, false).await
}

async fn change(
    api: &Api,
    who: &Principal,
    account: &str,
    endpoint: Option<&str>,
    body: &[u8],
    replaced: bool,
) -> Answer {
    let new = json::read::<SettingsIn>(body)?;
    let now = api.app.now();
    let view = api
        .app
        .edit_settings(who, account, endpoint, |settings| {
            if replaced { new.replace(settings, now) } else { new.apply(settings, now) }
        })
        .await?;
    Ok(ok(&SettingsOut::of(&view)))
}
