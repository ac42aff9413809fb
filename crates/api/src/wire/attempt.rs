//! `attempt`: one HTTP request made for a delivery.

use std::time::Duration;

use ringup_app::Cause;
use ringup_app::view::{AttemptFilter, OutcomeWord, StoredAttempt};
use ringup_core::delivery::Trigger;
use ringup_core::id::EndpointId;
use ringup_core::timing::Timing;
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use crate::describe;
use crate::problem::Problem;
use crate::wire::query::{Matching, Moments, Query};
use crate::wire::span::millis;
use crate::wire::time;

/// What stands for the id of an endpoint that was removed.
const REMOVED_ENDPOINT: &str = "ep_removed";

/// `MessageAttemptOut`. What follows `timestamp` is ours.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptOut<'a> {
    id: String,
    msg_id: String,
    endpoint_id: String,
    url: &'a str,
    response: String,
    /// 0 without a response.
    response_status_code: u16,
    response_duration_ms: u64,
    status: u8,
    status_text: &'static str,
    trigger_type: u8,
    #[schema(format = DateTime)]
    timestamp: String,
    /// Counted from 1 within the delivery.
    attempt: u32,
    /// `delivered`, `refused`, `timed_out`, `unreachable`, `blocked`, `interrupted`.
    outcome: &'static str,
    /// Our time limit passed; the status is 408 then, though the receiver did not send it.
    timed_out: bool,
    /// The phase that took too long, the cause without a response, or the rule that forbids the address.
    error: Option<&'a str>,
    /// What the console explains: finer than `outcome`, such as `not_found` or `token_refused`.
    cause: &'static str,
    /// Whose doing it is: `nobody`, `receiver`, `settings` (the endpoint's address or authorisation) or `us`.
    cause_side: &'static str,
    /// `name: value`, sensitive values masked.
    response_headers: Vec<String>,
    /// `complete`, or why the body shown is not.
    response_end: &'static str,
    /// Where the time went, as far as a step was needed and reached.
    timing: TimingOut,
}

/// Microseconds of each step; a kept connection needs none but the last.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimingOut {
    resolve_us: Option<u64>,
    connect_us: Option<u64>,
    tls_us: Option<u64>,
    /// From the request being handed to the connection to the complete response head.
    first_byte_us: Option<u64>,
}

impl TimingOut {
    fn of(timing: &Timing) -> TimingOut {
        let micros = |took: Option<Duration>| took.map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        TimingOut {
            resolve_us: micros(timing.resolve),
            connect_us: micros(timing.connect),
            tls_us: micros(timing.tls),
            first_byte_us: micros(timing.first_byte),
        }
    }
}

impl<'a> AttemptOut<'a> {
    pub fn of(attempt: &'a StoredAttempt, endpoint: Option<EndpointId>) -> AttemptOut<'a> {
        let delivered = attempt.outcome == OutcomeWord::Delivered;
        let headers = String::from_utf8_lossy(&attempt.response_headers);
        AttemptOut {
            id: attempt.id.to_string(),
            msg_id: attempt.event.to_string(),
            endpoint_id: endpoint.map_or_else(|| REMOVED_ENDPOINT.to_owned(), |id| id.to_string()),
            url: &attempt.url,
            response: String::from_utf8_lossy(&attempt.response_body).into_owned(),
            response_status_code: attempt.status.unwrap_or(0),
            response_duration_ms: millis(attempt.duration),
            status: if delivered { 0 } else { 2 },
            status_text: if delivered { "success" } else { "fail" },
            trigger_type: match attempt.trigger {
                Trigger::Policy => 0,
                Trigger::Manual => 1,
            },
            timestamp: time::text(attempt.started_at),
            attempt: attempt.number,
            outcome: attempt.outcome.word(),
            timed_out: attempt.outcome == OutcomeWord::TimedOut,
            error: attempt.detail.as_deref(),
            cause: Cause::of(attempt).word(),
            cause_side: Cause::of(attempt).side().word(),
            response_headers: headers.lines().map(str::to_owned).collect(),
            response_end: attempt.body_end.word(),
            timing: TimingOut::of(&attempt.timing),
        }
    }
}

/// What [`filter`] reads.
pub struct AttemptQuery;

impl IntoParams for AttemptQuery {
    fn into_params(place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut all = vec![
            describe::query("status", "0 success, 1 pending, 2 fail, 3 sending, 4 canceled.", describe::whole(0, 4)),
            describe::query(
                "status_code_class",
                "The class of the receiver's status: 0 without one, 100 to 500.",
                describe::whole(0, 599),
            ),
            describe::query(
                "with_content",
                "Show what the receiver said; true unless said otherwise.",
                describe::flag(),
            ),
        ];
        all.extend(Matching::into_params(&place));
        all.extend(Moments::into_params(&place));
        all
    }
}

/// Which attempts are asked for. `None`: those that are pending or being sent, of which the log has none.
pub fn filter(query: &Query) -> Result<Option<AttemptFilter>, Problem> {
    let status = query.number("status", 0, 4)?;
    let class = query.number("status_code_class", 0, 599)?;
    let filter = AttemptFilter {
        succeeded: status.map(|status| status == 0),
        status_class: class.and_then(|class| u16::try_from(class / 100).ok()),
        endpoint: None,
        event_types: query.many("event_types"),
        channel: query.one("channel").map(str::to_owned),
        tag: query.one("tag").map(str::to_owned),
        before: query.moment("before")?,
        after: query.moment("after")?,
        without_response: !query.flag("with_content", true)?,
    };
    // The rest is read before, so that what makes no sense is always refused.
    Ok(matches!(status, None | Some(0 | 2)).then_some(filter))
}
