//! Removing content: `/app/{account}/msg/{message}/content`, and that of an attempt.

use axum::extract::State;

use super::{Answer, Shared, done};
use crate::extract::{Caller, Names};

/// Remove a message's payload
///
/// For good. What still wanted to send it is cancelled, and it cannot be sent again.
#[utoipa::path(
    delete,
    path = "/app/{app_id}/msg/{msg_id}/content",
    operation_id = "v1.message.expunge-content",
    tag = "Message",
    responses((status = 204, description = "It is gone.")),
)]
pub async fn of_message(State(api): Shared, Caller(who): Caller, Names([account, event]): Names<2>) -> Answer {
    api.app.expunge_event(&who, &account, &event).await?;
    Ok(done())
}

/// Remove an attempt's response
///
/// For good: headers and body. That the attempt was made, and how it ended, stays.
#[utoipa::path(
    delete,
    path = "/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}/content",
    operation_id = "v1.message-attempt.expunge-content",
    tag = "Message Attempt",
    responses((status = 204, description = "It is gone.")),
)]
pub async fn of_attempt(State(api): Shared, Caller(who): Caller, Names([account, event, attempt]): Names<3>) -> Answer {
    api.app.expunge_attempt(&who, &account, &event, &attempt).await?;
    Ok(done())
}
