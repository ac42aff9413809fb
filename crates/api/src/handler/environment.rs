//! `/environment`, and event types taken from a document.

use axum::extract::State;

use super::{Answer, Shared, done, ok};
use crate::extract::{Body, Caller};
use crate::wire::event_type::EventTypeOut;
use crate::wire::import::{EnvironmentIn, EnvironmentOut, ImportIn, ImportOut};
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
