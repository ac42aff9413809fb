//! `/auth`: portal access and sessions.

use std::time::Duration;

use axum::extract::State;
use ringup_app::{AppError, Principal};
use secrecy::ExposeSecret as _;

use super::{Answer, Shared, done, ok};
use crate::Api;
use crate::extract::{Body, Caller, Names};
use crate::wire::auth::{ExpireAllIn, PortalAccessIn, PortalAccessOut, WhoamiOut};
use crate::wire::json;

/// Get portal access
///
/// A token for pages of your own, and a link that lets a person into the console, once and within the hour. Both reach
/// this application only, and end at the latest after `expiry`.
#[utoipa::path(
    post,
    path = "/auth/app-portal-access/{app_id}",
    operation_id = "v1.authentication.app-portal-access",
    tag = "Authentication",
    request_body = PortalAccessIn,
    responses((status = 200, body = PortalAccessOut)),
)]
pub async fn portal(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>, Body(body): Body) -> Answer {
    access(&api, &who, &account, json::read_if_any::<PortalAccessIn>(&body)?).await
}

/// Get portal access
#[utoipa::path(
    post,
    path = "/auth/dashboard-access/{app_id}",
    operation_id = "v1.authentication.dashboard-access",
    tag = "Authentication",
    responses((status = 200, body = PortalAccessOut)),
    extensions(("x-ringup-instead" = json!("v1.authentication.app-portal-access"))),
)]
pub async fn dashboard(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>) -> Answer {
    access(&api, &who, &account, PortalAccessIn::default()).await
}

async fn access(api: &Api, who: &Principal, account: &str, mut asked: PortalAccessIn) -> Answer {
    if let Some(application) = asked.application.take()
        && matches!(api.app.account(who, account), Err(AppError::NotFound { .. }))
    {
        let mut draft = application.draft();
        // The token is for what the path names.
        draft.uid = Some(account.to_owned());
        api.app.get_or_create_account(who, draft).await?;
    }
    let access = api.app.open_portal(who, account, asked.draft()).await?;
    let url = format!("{}/link/{}", api.plan.public_url, access.link.expose_secret());
    Ok(ok(&PortalAccessOut { token: access.token.expose_secret(), url }))
}

/// Who am I
#[utoipa::path(
    get,
    path = "/auth/whoami",
    operation_id = "v1.authentication.whoami",
    tag = "Authentication",
    responses((status = 200, body = WhoamiOut)),
    extensions(("x-ringup" = json!("extended"))),
)]
pub async fn whoami(State(api): Shared, Caller(who): Caller) -> Answer {
    Ok(ok(&WhoamiOut::from(api.app.who_am_i(&who))))
}

/// Log out
///
/// Ends the portal token that asks. A key is not logged out: revoke it.
#[utoipa::path(
    post,
    path = "/auth/logout",
    operation_id = "v1.authentication.logout",
    tag = "Authentication",
    responses((status = 204, description = "The token opens nothing any more.")),
)]
pub async fn logout(State(api): Shared, Caller(who): Caller) -> Answer {
    api.app.log_out(&who).await?;
    Ok(done())
}

/// End all portal access
///
/// Of this application, or of some of its sessions.
#[utoipa::path(
    post,
    path = "/auth/app/{app_id}/expire-all",
    operation_id = "v1.authentication.expire-all",
    tag = "Authentication",
    request_body = ExpireAllIn,
    responses((status = 204, description = "They end, at once or when it was said.")),
)]
pub async fn expire_all(
    State(api): Shared,
    Caller(who): Caller,
    Names([account]): Names<1>,
    Body(body): Body,
) -> Answer {
    let asked = json::read_if_any::<ExpireAllIn>(&body)?;
    let sessions = asked.session_ids.unwrap_or_default();
    api.app.end_sessions(&who, &account, &sessions, Duration::from_secs(asked.expiry.unwrap_or_default())).await?;
    Ok(done())
}
