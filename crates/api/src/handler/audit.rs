//! `/audit`

use axum::extract::State;
use ringup_core::id::AuditId;

use super::{Answer, Shared, ok};
use crate::extract::Caller;
use crate::wire::audit::{AuditEntryOut, AuditParams};
use crate::wire::list::{ListOut, Listing};
use crate::wire::query::Query;

/// List the audit log
///
/// Who changed what, when, from where, and what it was before; newest first. An operator's key sees all of it, a key of one
/// environment what was done there, and whoever reaches one application what was done in it. Of secrets it says that they
/// changed, and nothing else.
#[utoipa::path(
    get,
    path = "/audit",
    operation_id = "ringup.audit.list",
    tag = "Audit",
    params(Listing, AuditParams),
    responses((status = 200, body = ListOut<AuditEntryOut>)),
)]
pub async fn list(State(api): Shared, Caller(who): Caller, query: Query) -> Answer {
    let listing = Listing::of(&query)?;
    let asked = AuditParams::of(&query)?;
    let (after, order, rows_max) = listing.search(|id| id.parse::<AuditId>().ok())?;
    let page = api.app.audit(&who, asked, after, order, rows_max).await?;
    let page = listing.page(page, |entry| entry.id.to_string());
    Ok(ok(&page.out(|entry| {
        let environment = entry.environment.and_then(|key| api.app.environment_name(key));
        AuditEntryOut::of(entry, environment)
    })))
}
