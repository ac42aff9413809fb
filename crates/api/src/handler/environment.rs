//! `/environment`, and event types taken from a document.

use axum::extract::State;

use super::{Answer, Shared, done, ok};
use crate::extract::{Body, Caller};
use crate::wire::event_type::EventTypeOut;
use crate::wire::import::{EnvironmentIn, EnvironmentOut, ImportIn, ImportOut};
use crate::wire::query::Query;
use crate::wire::validation::{ValidationIn, ValidationOut};
use crate::wire::{json, time};

/// Export an environment
///
/// Its event types, archived ones included.
#[utoipa::path(
    post,
    path = "/environment/export",
    operation_id = "v1.environment.export",
    tag = "Environment",
    responses((status = 200, body = EnvironmentOut)),
)]
pub async fn export(State(api): Shared, Caller(who): Caller) -> Answer {
    let event_types = api.app.event_types(&who)?;
    Ok(ok(&EnvironmentOut {
        version: 1,
        created_at: time::text(api.app.now()),
        event_types: event_types.iter().map(|event_type| EventTypeOut::of(event_type, true)).collect(),
        settings: None,
        connectors: [],
    }))
}

/// Import an environment
///
/// Adds and changes what is in it; removes nothing. All of it is checked first, and what could not be kept is refused.
#[utoipa::path(
    post,
    path = "/environment/import",
    operation_id = "v1.environment.import",
    tag = "Environment",
    request_body = EnvironmentIn,
    responses((status = 204, description = "Done.")),
)]
pub async fn import(State(api): Shared, Caller(who): Caller, Body(body): Body) -> Answer {
    let drafts = json::read::<EnvironmentIn>(&body)?.drafts()?;
    api.app.import_event_types(&who, drafts, false, false).await?;
    Ok(done())
}

/// Import event types from an OpenAPI document
///
/// From its `webhooks`. References are followed within the document and nowhere else.
#[utoipa::path(
    post,
    path = "/event-type/import/openapi",
    operation_id = "v1.event-type.import-openapi",
    tag = "Event Type",
    request_body = ImportIn,
    responses((status = 200, body = ImportOut)),
)]
pub async fn import_openapi(State(api): Shared, Caller(who): Caller, Body(body): Body) -> Answer {
    let asked = json::read::<ImportIn>(&body)?;
    let modified = api.app.import_event_types(&who, asked.drafts()?, asked.replace_all, asked.dry_run).await?;
    Ok(ok(&ImportOut::of(modified)))
}

/// Get what happens to payloads that do not fit
#[utoipa::path(
    get,
    path = "/environment/validation",
    operation_id = "ringup.environment.get-validation",
    tag = "Environment",
    responses((status = 200, body = ValidationOut)),
)]
pub async fn validation(State(api): Shared, Caller(who): Caller) -> Answer {
    Ok(ok(&ValidationOut::of(api.app.validation(&who)?)))
}

/// Set what happens to payloads that do not fit
///
/// From the next message on. `warn` accepts them and notes what is wrong, `strict` refuses them with every place that is
/// wrong, `off` does not look.
#[utoipa::path(
    put,
    path = "/environment/validation",
    operation_id = "ringup.environment.set-validation",
    tag = "Environment",
    request_body = ValidationIn,
    responses((status = 200, body = ValidationOut)),
)]
pub async fn set_validation(State(api): Shared, Caller(who): Caller, Body(body): Body) -> Answer {
    let validation = json::read::<ValidationIn>(&body)?.validation()?;
    api.app.set_validation(&who, validation).await?;
    Ok(ok(&ValidationOut::of(validation)))
}

/// Register the guide's event types
///
/// Those that this environment does not have; those it has stay as they are. Answers the names of what was registered.
#[utoipa::path(
    post,
    path = "/event-type/import/guide",
    operation_id = "ringup.event-type.import-guide",
    tag = "Event Type",
    params(("dry_run" = Option<bool>, Query, description = "Only say what would be registered.")),
    responses((status = 200, body = ImportOut)),
)]
pub async fn import_guide(State(api): Shared, Caller(who): Caller, query: Query) -> Answer {
    let dry_run = query.flag("dry_run", false)?;
    Ok(ok(&ImportOut::of(api.app.load_guide(&who, dry_run).await?)))
}
