//! `/event-type`

use axum::extract::State;

use super::{Answer, Shared, done, made, ok};
use crate::extract::{Body, Caller, Names};
use crate::problem::{Item, Problem};
use crate::wire::event_type::{EventTypeIn, EventTypeOut, EventTypePatch, EventTypeUpdate, RetryScheduleInOut};
use crate::wire::example::EventExampleOut;
use crate::wire::json;
use crate::wire::list::{ListOut, Listing};
use crate::wire::query::Query;

/// List event types
///
/// By name, ascending unless asked otherwise.
#[utoipa::path(
    get,
    path = "/event-type",
    operation_id = "v1.event-type.list",
    tag = "Event Type",
    params(Listing, ("include_archived" = Option<bool>, Query, description = "Show archived ones too."), ("with_content" = Option<bool>, Query, description = "Show schemas.")),
    responses((status = 200, body = ListOut<EventTypeOut>)),
)]
pub async fn list(State(api): Shared, Caller(who): Caller, query: Query) -> Answer {
    let listing = Listing::of(&query)?;
    let with_archived = query.flag("include_archived", false)?;
    let with_schemas = query.flag("with_content", false)?;
    let mut event_types = api.app.event_types(&who)?;
    event_types.retain(|event_type| with_archived || !event_type.archived);
    let page = listing.cut(event_types, |event_type| event_type.name.clone(), |name| Some(name.to_owned()))?;
    Ok(ok(&page.out(|event_type| EventTypeOut::of(event_type, with_schemas))))
}

/// Create an event type
///
/// One that is archived comes back.
#[utoipa::path(
    post,
    path = "/event-type",
    operation_id = "v1.event-type.create",
    tag = "Event Type",
    request_body = EventTypeIn,
    responses((status = 201, description = "It was made.", body = EventTypeOut)),
)]
pub async fn create(State(api): Shared, Caller(who): Caller, Body(body): Body) -> Answer {
    let mut new = json::read::<EventTypeIn>(&body)?;
    let missing = || Problem::misfit(vec![Item::in_body("name", "missing", "`name` is missing".to_owned())]);
    let name = new.name().ok_or_else(missing)?;
    let event_type = api.app.create_event_type(&who, &name, new.draft()).await?;
    Ok(made(true, &EventTypeOut::of(&event_type, true)))
}

/// Get an event type
#[utoipa::path(
    get,
    path = "/event-type/{event_type_name}",
    operation_id = "v1.event-type.get",
    tag = "Event Type",
    responses((status = 200, body = EventTypeOut)),
)]
pub async fn get(State(api): Shared, Caller(who): Caller, Names([name]): Names<1>) -> Answer {
    let event_type = api.app.event_type(&who, &name)?;
    Ok(ok(&EventTypeOut::of(&event_type, true)))
}

/// Get an example of an event type
///
/// As its schema says, else the guide's sample of this name, else one made from the schema; `example` says which.
#[utoipa::path(
    get,
    path = "/event-type/{event_type_name}/example",
    operation_id = "ringup.event-type.example",
    tag = "Event Type",
    params(("example_index" = Option<usize>, Query, description = "Which of several; 0 unless said otherwise.")),
    responses((status = 200, body = EventExampleOut)),
)]
pub async fn example(State(api): Shared, Caller(who): Caller, Names([name]): Names<1>, query: Query) -> Answer {
    let index = query.number("example_index", 0, u64::from(u32::MAX))?.unwrap_or_default();
    let sample = api.app.sample(&who, &name, usize::try_from(index).unwrap_or(usize::MAX))?;
    let payload = serde_json::from_slice(&sample.payload).expect("an example is JSON");
    Ok(ok(&EventExampleOut { event_type: &name, example: sample.origin.word(), payload }))
}

/// Replace an event type, or create it
#[utoipa::path(
    put,
    path = "/event-type/{event_type_name}",
    operation_id = "v1.event-type.upsert",
    tag = "Event Type",
    request_body = EventTypeUpdate,
    responses((status = 200, description = "It was there.", body = EventTypeOut), (status = 201, description = "It was made.", body = EventTypeOut)),
)]
pub async fn put(State(api): Shared, Caller(who): Caller, Names([name]): Names<1>, Body(body): Body) -> Answer {
    let draft = json::read::<EventTypeIn>(&body)?.draft();
    let (event_type, was_made) = api.app.put_event_type(&who, &name, draft).await?;
    Ok(made(was_made, &EventTypeOut::of(&event_type, true)))
}

/// Change an event type
///
/// A field that is not there stays as it is; null empties it.
#[utoipa::path(
    patch,
    path = "/event-type/{event_type_name}",
    operation_id = "v1.event-type.patch",
    tag = "Event Type",
    request_body = EventTypePatch,
    responses((status = 200, body = EventTypeOut)),
)]
pub async fn patch(State(api): Shared, Caller(who): Caller, Names([name]): Names<1>, Body(body): Body) -> Answer {
    let patch = json::read::<EventTypePatch>(&body)?;
    let event_type = api.app.edit_event_type(&who, &name, |draft| patch.apply(draft)).await?;
    Ok(ok(&EventTypeOut::of(&event_type, true)))
}

/// Get the retry schedule of an event type
///
/// Null where it has none of its own: then the endpoint's policy holds.
#[utoipa::path(
    get,
    path = "/event-type/{event_type_name}/retry-schedule",
    operation_id = "v1.event-type.get-retry-schedule",
    tag = "Event Type",
    responses((status = 200, body = RetryScheduleInOut)),
)]
pub async fn retry_schedule(State(api): Shared, Caller(who): Caller, Names([name]): Names<1>) -> Answer {
    let event_type = api.app.event_type(&who, &name)?;
    Ok(ok(&RetryScheduleInOut::of(event_type.schedule.as_deref())))
}

/// Set the retry schedule of an event type
///
/// The pauses between attempts, one repeat after each; null takes it away. It holds for every message of the type where
/// neither the endpoint nor the application has a schedule of its own.
#[utoipa::path(
    put,
    path = "/event-type/{event_type_name}/retry-schedule",
    operation_id = "v1.event-type.set-retry-schedule",
    tag = "Event Type",
    request_body = RetryScheduleInOut,
    responses((status = 200, body = RetryScheduleInOut)),
)]
pub async fn set_retry_schedule(
    State(api): Shared,
    Caller(who): Caller,
    Names([name]): Names<1>,
    Body(body): Body,
) -> Answer {
    let schedule = json::read::<RetryScheduleInOut>(&body)?.pauses()?;
    let event_type = api.app.set_retry_schedule(&who, &name, schedule).await?;
    Ok(ok(&RetryScheduleInOut::of(event_type.schedule.as_deref())))
}

/// Archive an event type
#[utoipa::path(
    delete,
    path = "/event-type/{event_type_name}",
    operation_id = "v1.event-type.delete",
    tag = "Event Type",
    params(("expunge" = Option<bool>, Query, description = "Remove it instead of archiving it.")),
    responses((status = 204, description = "Done.")),
)]
pub async fn delete(State(api): Shared, Caller(who): Caller, Names([name]): Names<1>, query: Query) -> Answer {
    api.app.delete_event_type(&who, &name, query.flag("expunge", false)?).await?;
    Ok(done())
}
