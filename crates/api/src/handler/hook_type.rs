//! `/hook-type`: which hooks there are. Ours; Svix has none.

use axum::extract::State;

use super::{Answer, Shared, done, made, ok};
use crate::extract::{Body, Caller, Names};
use crate::wire::hook_type::{HookTypeIn, HookTypeOut, HookTypesOut};
use crate::wire::json;

/// List hook types
///
/// Those that are built in, then those that are declared, by name.
#[utoipa::path(
    get,
    path = "/hook-type",
    operation_id = "ringup.hook-type.list",
    tag = "Hook Type",
    responses((status = 200, body = HookTypesOut)),
)]
pub async fn list(State(api): Shared, Caller(who): Caller) -> Answer {
    let all = api.app.hook_types(&who)?;
    Ok(ok(&HookTypesOut::of(&all)))
}

/// Get a hook type
#[utoipa::path(
    get,
    path = "/hook-type/{hook_type_name}",
    operation_id = "ringup.hook-type.get",
    tag = "Hook Type",
    responses((status = 200, body = HookTypeOut)),
)]
pub async fn get(State(api): Shared, Caller(who): Caller, Names([name]): Names<1>) -> Answer {
    let found = api.app.hook_type(&who, &name)?;
    Ok(ok(&HookTypeOut::of(&found)))
}

/// Declare a hook, or change what is declared
///
/// From then on applications can set it and ask it like those that are built in. Its questions are events of a type of its
/// name, so the event type is made with it. What is changed holds from the next question on; answers that were kept are
/// forgotten. The mode cannot change while applications have set the hook.
#[utoipa::path(
    put,
    path = "/hook-type/{hook_type_name}",
    operation_id = "ringup.hook-type.set",
    tag = "Hook Type",
    request_body = HookTypeIn,
    responses((status = 200, description = "It was there.", body = HookTypeOut), (status = 201, description = "It was made.", body = HookTypeOut)),
)]
pub async fn put(State(api): Shared, Caller(who): Caller, Names([name]): Names<1>, Body(body): Body) -> Answer {
    let draft = json::read::<HookTypeIn>(&body)?.draft()?;
    let (found, was_made) = api.app.put_hook_type(&who, &name, draft).await?;
    Ok(made(was_made, &HookTypeOut::of(&found)))
}

/// Remove a declared hook
///
/// Refused with 409 while applications have set it.
#[utoipa::path(
    delete,
    path = "/hook-type/{hook_type_name}",
    operation_id = "ringup.hook-type.delete",
    tag = "Hook Type",
    responses((status = 204)),
)]
pub async fn delete(State(api): Shared, Caller(who): Caller, Names([name]): Names<1>) -> Answer {
    api.app.delete_hook_type(&who, &name).await?;
    Ok(done())
}
