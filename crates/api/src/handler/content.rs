//! Removing content: `/app/{account}/msg/{message}/content`, and that of an attempt.

use axum::extract::State;
use ringup_app::AppError;
use ringup_core::limits::PAGE_ROWS_MAX;

use super::{Answer, Shared, done, ok};
use crate::extract::{Body, Caller, Names};
use crate::problem::{Item, Problem};
use crate::wire::json;
use crate::wire::message::{BulkExpungeIn, BulkExpungeOut};

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

/// Remove the payloads of many messages
///
/// For good, each answered by its name.
#[utoipa::path(
    post,
    path = "/app/{app_id}/msg/bulk-expunge",
    operation_id = "v1.message.bulk-expunge-content",
    tag = "Message",
    request_body = BulkExpungeIn,
    responses((status = 200, body = BulkExpungeOut)),
)]
pub async fn of_messages(
    State(api): Shared,
    Caller(who): Caller,
    Names([account]): Names<1>,
    Body(body): Body,
) -> Answer {
    let BulkExpungeIn { ids } = json::read(&body)?;
    if ids.len() > PAGE_ROWS_MAX {
        let why = format!("at most {PAGE_ROWS_MAX} messages at once; expunge-all-contents takes all of them");
        return Err(Problem::misfit(vec![Item::in_body("ids", "count", why)]));
    }
    // Whoever may not is told so, and not that nothing was found.
    api.app.may_expunge(&who, &account)?;
    let mut out = BulkExpungeOut { results: Default::default() };
    for id in ids {
        let result = match api.app.expunge_event(&who, &account, &id).await {
            Ok(()) => "expunged",
            Err(AppError::NotFound { .. }) => "not-found",
            Err(error) => return Err(error.into()),
        };
        out.results.insert(id, result);
    }
    Ok(ok(&out))
}
