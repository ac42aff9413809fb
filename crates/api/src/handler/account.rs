//! `/app`

use axum::extract::State;
use ringup_core::id::AccountId;

use super::{Answer, Shared, done, made, ok};
use crate::extract::{Body, Caller, Names};
use crate::wire::account::{ApplicationIn, ApplicationOut, ApplicationPatch};
use crate::wire::json;
use crate::wire::list::{ListOut, Listing};
use crate::wire::query::Query;

/// List applications
///
/// By id, ascending unless asked otherwise.
#[utoipa::path(
    get,
    path = "/app",
    operation_id = "v1.application.list",
    tag = "Application",
    params(Listing),
    responses((status = 200, body = ListOut<ApplicationOut>)),
)]
pub async fn list(State(api): Shared, Caller(who): Caller, query: Query) -> Answer {
    let listing = Listing::of(&query)?;
    let accounts = api.app.accounts(&who)?;
    let page = listing.cut(accounts, |view| view.account.id, |id| id.parse::<AccountId>().ok())?;
    Ok(ok(&page.out(|view| ApplicationOut::of(view))))
}

/// Create an application
#[utoipa::path(
    post,
    path = "/app",
    operation_id = "v1.application.create",
    tag = "Application",
    params(("get_if_exists" = Option<bool>, Query, description = "Answer what has this uid, if there is one, and change nothing.")),
    request_body = ApplicationIn,
    responses((status = 200, description = "It was there.", body = ApplicationOut), (status = 201, description = "It was made.", body = ApplicationOut)),
)]
pub async fn create(State(api): Shared, Caller(who): Caller, query: Query, Body(body): Body) -> Answer {
    let get_if_exists = query.flag("get_if_exists", false)?;
    let draft = json::read::<ApplicationIn>(&body)?.draft();
    let (view, was_made) = if get_if_exists {
        api.app.get_or_create_account(&who, draft).await?
    } else {
        (api.app.create_account(&who, draft).await?, true)
    };
    Ok(made(was_made, &ApplicationOut::of(&view)))
}

/// Get an application
#[utoipa::path(
    get,
    path = "/app/{app_id}",
    operation_id = "v1.application.get",
    tag = "Application",
    responses((status = 200, body = ApplicationOut)),
)]
pub async fn get(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>) -> Answer {
    let view = api.app.account(&who, &account)?;
    Ok(ok(&ApplicationOut::of(&view)))
}

/// Replace an application, or create it
///
/// What is not there is emptied, except the uid.
#[utoipa::path(
    put,
    path = "/app/{app_id}",
    operation_id = "v1.application.upsert",
    tag = "Application",
    request_body = ApplicationIn,
    responses((status = 200, description = "It was there.", body = ApplicationOut), (status = 201, description = "It was made.", body = ApplicationOut)),
)]
pub async fn put(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>, Body(body): Body) -> Answer {
    let new = json::read::<ApplicationIn>(&body)?;
    let (view, was_made) = api.app.put_account(&who, &account, |draft| new.replace(draft)).await?;
    Ok(made(was_made, &ApplicationOut::of(&view)))
}

/// Change an application
///
/// A field that is not there stays as it is; null empties it.
#[utoipa::path(
    patch,
    path = "/app/{app_id}",
    operation_id = "v1.application.patch",
    tag = "Application",
    request_body = ApplicationPatch,
    responses((status = 200, body = ApplicationOut)),
)]
pub async fn patch(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>, Body(body): Body) -> Answer {
    let patch = json::read::<ApplicationPatch>(&body)?;
    let view = api.app.edit_account(&who, &account, |draft| patch.apply(draft)).await?;
    Ok(ok(&ApplicationOut::of(&view)))
}

/// Delete an application
///
/// Its endpoints go with it, and what waits for them is cancelled. What was sent stays in the log for as long as the log is kept.
#[utoipa::path(
    delete,
    path = "/app/{app_id}",
    operation_id = "v1.application.delete",
    tag = "Application",
    responses((status = 204, description = "Done.")),
)]
pub async fn delete(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>) -> Answer {
    api.app.delete_account(&who, &account).await?;
    Ok(done())
}
