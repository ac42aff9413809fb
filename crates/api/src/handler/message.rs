//! `/app/{account}/msg`

use axum::extract::State;
use http::StatusCode;
use ringup_app::AppError;
use ringup_app::view::{EndpointEventFilter, EventFilter, Reach};
use ringup_core::id::{EndpointId, EventId};
use ringup_core::limits::BATCH_EVENTS_MAX;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Answer, Shared, ok, with};
use crate::extract::{BatchBody, Body, Caller, IdempotencyKey, Names};
use crate::problem::{Item, Problem, ProblemOut};
use crate::wire::account::ApplicationIn;
use crate::wire::envelope::{Batch, BatchIn, MessageIn, Sealed};
use crate::wire::json;
use crate::wire::list::{ListOut, Listing};
use crate::wire::message::{
    AcceptedOut, DestinationOut, EndpointMessageOut, MessageOut, PrecheckIn, PrecheckOut, standings,
};
use crate::wire::query::{Matching, Moments, Query};

/// Publish a message
///
/// The payload travels to receivers as the bytes that came. Answered once the event and all its deliveries are durable.
#[utoipa::path(
    post,
    path = "/app/{app_id}/msg",
    operation_id = "v1.message.create",
    tag = "Message",
    params(("with_content" = Option<bool>, Query, description = "Show the payload; true unless said otherwise.")),
    request_body = MessageIn,
    responses((status = 202, description = "The message and all its deliveries are durable.", body = MessageOut)),
    extensions(("x-ringup" = json!("extended"))),
)]
pub async fn create(
    State(api): Shared,
    Caller(who): Caller,
    Names([account]): Names<1>,
    query: Query,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body,
) -> Answer {
    let with_content = query.flag("with_content", true)?;
    let sealed = Sealed::read(&body)?;
    if let Some(application) = sealed.application
        && matches!(api.app.account(&who, &account), Err(AppError::NotFound { .. }))
    {
        let mut draft = json::read::<ApplicationIn>(application.get().as_bytes())?.draft();
        // The next message comes by the same path, which must lead to this account.
        draft.uid = Some(account.clone());
        let app = api.app.clone();
        // Carried through even if whoever asks hangs up, as every change of the configuration is.
        let made = tokio::spawn(async move { app.get_or_create_account(&who, draft).await });
        made.await.map_err(|_| Problem::defect())??;
    }
    let published = api.app.publish(&who, &account, sealed.publish(), key.as_deref()).await?;
    Ok(with(StatusCode::ACCEPTED, &MessageOut::published(&published, &sealed, with_content)))
}

/// Publish many messages
///
/// In one commit, each answered in its place.
#[utoipa::path(
    post,
    path = "/app/{app_id}/msg/batch",
    operation_id = "ringup.message.batch",
    tag = "Message",
    request_body = BatchIn,
    responses((status = 202, description = "All were accepted.", body = BatchOut), (status = 207, description = "Some were not: each answer has its own status.", body = BatchOut)),
)]
pub async fn batch(
    State(api): Shared,
    Caller(who): Caller,
    Names([account]): Names<1>,
    IdempotencyKey(key): IdempotencyKey,
    BatchBody(body): BatchBody,
) -> Answer {
    let batch = json::read::<Batch<'_>>(&body)?;
    if batch.messages().is_empty() {
        let why = format!("1 to {BATCH_EVENTS_MAX} messages are possible, there are none");
        return Err(Problem::misfit(vec![Item::in_body("messages", "count", why)]));
    }
    let read: Vec<_> = batch.messages().iter().map(|message| Sealed::read(message.get().as_bytes())).collect();
    let asked = read.iter().flatten().map(|sealed| sealed.publish()).collect();
    let mut published = api.app.publish_batch(&who, &account, asked, key.as_deref()).await?.into_iter();
    let answers: Vec<_> = read
        .into_iter()
        .map(|sealed| {
            let sealed = sealed?;
            let published = published.next().expect("each readable message has one answer")?;
            Ok((sealed, published))
        })
        .collect();
    let status = if answers.iter().all(Result::is_ok) { StatusCode::ACCEPTED } else { StatusCode::MULTI_STATUS };
    let data = answers.iter().map(|answer: &Result<_, Problem>| match answer {
        Ok((sealed, published)) => OneOut::Accepted(AcceptedOut::of(published, sealed)),
        Err(problem) => OneOut::Refused(problem.within_batch()),
    });
    Ok(with(status, &BatchOut { data: data.collect() }))
}

/// Ask whether a message would go anywhere
///
/// Whether an endpoint that is not disabled asks for its type and channels. What filters would say is left open.
#[utoipa::path(
    post,
    path = "/app/{app_id}/msg/precheck/active",
    operation_id = "v1.message.precheck",
    tag = "Message",
    request_body = PrecheckIn,
    responses((status = 200, body = PrecheckOut)),
)]
pub async fn precheck(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>, Body(body): Body) -> Answer {
    let asked = json::read::<PrecheckIn>(&body)?;
    let active = api.app.is_wanted(&who, &account, &asked.event_type, &asked.channels.unwrap_or_default())?;
    Ok(ok(&PrecheckOut { active }))
}

/// Answers in the order of the messages.
#[derive(Serialize, ToSchema)]
struct BatchOut<'a> {
    data: Vec<OneOut<'a>>,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum OneOut<'a> {
    Accepted(AcceptedOut<'a>),
    Refused(ProblemOut<'a>),
}

/// Nothing to say.
#[derive(Serialize, ToSchema)]
struct EmptyOut {}

/// List messages
///
/// Newest first unless asked otherwise.
#[utoipa::path(
    get,
    path = "/app/{app_id}/msg",
    operation_id = "v1.message.list",
    tag = "Message",
    params(Listing, Moments, Matching, ("with_content" = Option<bool>, Query, description = "Show the payload; true unless said otherwise.")),
    responses((status = 200, body = ListOut<MessageOut>)),
)]
pub async fn list(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>, query: Query) -> Answer {
    let listing = Listing::of(&query)?;
    let with_content = query.flag("with_content", true)?;
    let filter = filter(&query, with_content)?;
    let request = listing.request(|id| id.parse::<EventId>().ok().map(|id| id.tick()))?;
    let page = api.app.events(&who, &account, filter, request).await?;
    let page = listing.page(page, |event| event.id.to_string());
    Ok(ok(&page.out(|event| MessageOut::stored(event, with_content))))
}

/// Get a message
///
/// By its id or its `eventId`.
#[utoipa::path(
    get,
    path = "/app/{app_id}/msg/{msg_id}",
    operation_id = "v1.message.get",
    tag = "Message",
    params(("with_content" = Option<bool>, Query, description = "Show the payload; true unless said otherwise.")),
    responses((status = 200, body = MessageOut)),
)]
pub async fn get(State(api): Shared, Caller(who): Caller, Names([account, event]): Names<2>, query: Query) -> Answer {
    let with_content = query.flag("with_content", true)?;
    let event = api.app.event(&who, &account, &event).await?;
    Ok(ok(&MessageOut::stored(&event, with_content)))
}

/// List attempted messages
///
/// What went to an endpoint, and where it stands there.
#[utoipa::path(
    get,
    path = "/app/{app_id}/endpoint/{endpoint_id}/msg",
    operation_id = "v1.message-attempt.list-attempted-messages",
    tag = "Message Attempt",
    params(
        Listing,
        Moments,
        Matching,
        ("status" = Option<u8>, Query, description = "0 delivered, 1 or 3 waiting, 2 failed, 4 never sent."),
        ("with_content" = Option<bool>, Query, description = "Show the payload; true unless said otherwise."),
        ("expanded_statuses" = Option<bool>, Query, description = "Tell apart what was canceled (4) from what failed (2)."),
    ),
    responses((status = 200, body = ListOut<EndpointMessageOut>)),
    extensions(("x-ringup" = json!("extended"))),
)]
pub async fn of_endpoint(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    query: Query,
) -> Answer {
    let listing = Listing::of(&query)?;
    let with_content = query.flag("with_content", true)?;
    let expanded = query.flag("expanded_statuses", false)?;
    let filter = EndpointEventFilter {
        events: filter(&query, with_content)?,
        reach: Reach::Sent,
        standings: query.number("status", 0, 4)?.map(|status| standings(status, expanded)),
        status_class: None,
    };
    let request = listing.request(|id| id.parse::<EventId>().ok().map(|id| id.tick()))?;
    let page = api.app.events_of_endpoint(&who, &account, &endpoint, filter, request).await?;
    let page = listing.page(page, |row| row.event.id.to_string());
    Ok(ok(&page.out(|row| EndpointMessageOut::of(row, with_content, expanded))))
}

fn filter(query: &Query, with_content: bool) -> Result<EventFilter, Problem> {
    Ok(EventFilter {
        event_types: query.many("event_types"),
        channel: query.one("channel").map(str::to_owned),
        tag: query.one("tag").map(str::to_owned),
        before: query.moment("before")?,
        after: query.moment("after")?,
        without_payload: !with_content,
    })
}

/// List the endpoints that a message goes to
///
/// And where it stands with each.
#[utoipa::path(
    get,
    path = "/app/{app_id}/msg/{msg_id}/endpoint",
    operation_id = "v1.message-attempt.list-attempted-destinations",
    tag = "Message Attempt",
    params(Listing, ("expanded_statuses" = Option<bool>, Query, description = "Tell apart what was canceled (4) from what failed (2).")),
    responses((status = 200, body = ListOut<DestinationOut>)),
    extensions(("x-ringup" = json!("extended"))),
)]
pub async fn destinations(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, event]): Names<2>,
    query: Query,
) -> Answer {
    let listing = Listing::of(&query)?;
    let expanded = query.flag("expanded_statuses", false)?;
    let sent = api.app.destinations(&who, &account, &event).await?;
    let page = listing.cut(sent, |sent| sent.endpoint.endpoint.id, |id| id.parse::<EndpointId>().ok())?;
    Ok(ok(&page.out(|sent| DestinationOut::of(sent, expanded))))
}

/// Send a message to an endpoint again
#[utoipa::path(
    post,
    path = "/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/resend",
    operation_id = "v1.message-attempt.resend",
    tag = "Message Attempt",
    responses((status = 202, description = "One attempt is made, now.", body = EmptyOut)),
)]
pub async fn resend(State(api): Shared, Caller(who): Caller, Names([account, event, endpoint]): Names<3>) -> Answer {
    api.app.resend(&who, &account, &event, &endpoint).await?;
    Ok(with(StatusCode::ACCEPTED, &EmptyOut {}))
}
