//! `/app/{account}/events` and `/app/{account}/poller`: events pulled instead of pushed.

use axum::extract::State;
use ringup_app::position_id;

use super::{Answer, Shared, ok};
use crate::extract::{Body, Caller, Names};
use crate::wire::json;
use crate::wire::poll::{PolledOut, Pulling, SeekIn, SeekOut, pull};
use crate::wire::query::Query;

/// Read an application's events
///
/// In the order of their acceptance. Whoever is at the end asks again later with the same iterator.
#[utoipa::path(
    get,
    path = "/app/{app_id}/events",
    operation_id = "v1.message.events",
    tag = "Message",
    params(
        Pulling,
        ("event_types" = Option<Vec<String>>, Query, description = "Only these types."),
        ("channels" = Option<Vec<String>>, Query, description = "Only what carries any of these channels."),
    ),
    responses((status = 200, body = PolledOut)),
)]
pub async fn events(State(api): Shared, Caller(who): Caller, Names([account]): Names<1>, query: Query) -> Answer {
    let polled = api.app.pull(&who, &account, pull(&query, "event_types", "channels")?).await?;
    Ok(ok(&PolledOut::of(&polled)))
}

/// Poll an endpoint's messages
///
/// What went to the endpoint, in the order of acceptance, whether it arrived or not.
#[utoipa::path(
    get,
    path = "/app/{app_id}/poller/{sink_id}",
    operation_id = "v1.message.poller.poll",
    tag = "Message Poller",
    params(
        Pulling,
        ("event_type" = Option<String>, Query, description = "Only this type."),
        ("channel" = Option<String>, Query, description = "Only what carries this channel."),
    ),
    responses((status = 200, body = PolledOut)),
)]
pub async fn poll(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint]): Names<2>,
    query: Query,
) -> Answer {
    let polled = api.app.poll(&who, &account, &endpoint, pull(&query, "event_type", "channel")?).await?;
    Ok(ok(&PolledOut::of(&polled)))
}

/// Poll as a consumer
///
/// Goes on where this consumer is. An iterator confirms everything up to it; without one, what was not confirmed comes
/// again.
#[utoipa::path(
    get,
    path = "/app/{app_id}/poller/{sink_id}/consumer/{consumer_id}",
    operation_id = "v1.message.poller.consumer-poll",
    tag = "Message Poller",
    params(Pulling),
    responses((status = 200, body = PolledOut)),
)]
pub async fn consumer_poll(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint, consumer]): Names<3>,
    query: Query,
) -> Answer {
    let pull = pull(&query, "event_type", "channel")?;
    let polled = api.app.poll_as(&who, &account, &endpoint, &consumer, pull).await?;
    Ok(ok(&PolledOut::of(&polled)))
}

/// Put a consumer somewhere else
///
/// Behind everything accepted before a time, forward or back.
#[utoipa::path(
    post,
    path = "/app/{app_id}/poller/{sink_id}/consumer/{consumer_id}/seek",
    operation_id = "v1.message.poller.consumer-seek",
    tag = "Message Poller",
    request_body = SeekIn,
    responses((status = 200, body = SeekOut)),
)]
pub async fn seek(
    State(api): Shared,
    Caller(who): Caller,
    Names([account, endpoint, consumer]): Names<3>,
    Body(body): Body,
) -> Answer {
    let after = json::read::<SeekIn>(&body)?.after.0;
    let position = api.app.seek(&who, &account, &endpoint, &consumer, after).await?;
    Ok(ok(&SeekOut { iterator: position_id(position).to_string() }))
}
