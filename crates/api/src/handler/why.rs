//! `/app/{account}/msg/{event}/why`, and what is behind a failure: the policies.

use axum::extract::State;

use super::{Answer, Shared, ok};
use crate::extract::{Caller, Names};
use crate::wire::policy::PoliciesOut;
use crate::wire::why::WhyOut;

/// Get why a message went where it went
///
/// For every endpoint of the application: sent, and how that stands, or the part of its subscription that the message did
/// not meet.
#[utoipa::path(
    get,
    path = "/app/{app_id}/msg/{msg_id}/why",
    operation_id = "ringup.message.why",
    tag = "Message",
    responses((status = 200, body = WhyOut)),
)]
pub async fn why(State(api): Shared, Caller(who): Caller, Names([account, event]): Names<2>) -> Answer {
    Ok(ok(&WhyOut::of(&api.app.why(&who, &account, &event).await?)))
}

/// List the named retry policies
#[utoipa::path(
    get,
    path = "/policy",
    operation_id = "ringup.policy.list",
    tag = "Message",
    responses((status = 200, body = PoliciesOut)),
)]
pub async fn policies(State(api): Shared, Caller(who): Caller) -> Answer {
    Ok(ok(&PoliciesOut::of(&api.app.policies(&who)?)))
}
