//! Lines of the log: ours.

use std::sync::Arc;

use ringup_app::view::{EndpointView, status_of};
use ringup_app::{LOG_WAIT_MAX, LogPage, Logged, ResendEstimate};
use ringup_core::delivery::Trigger;
use ringup_core::id::AttemptId;
use serde::{Deserialize, Serialize};
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use crate::describe;
use crate::problem::Problem;
use crate::wire::query::{Query, refused};
use crate::wire::span::millis;
use crate::wire::time;

const SEARCH: &str = "Such as `status:failed code:5xx event:invoice* url:\"ERP sync\" took:>2s after:-1h \
    data.Total:>100000`; see the documentation of the log.";

/// What to send again.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResendIn {
    /// A search of the log. Each delivery is judged by its newest attempt.
    pub query: String,
    /// Deliveries a second, at most; 50 unless said otherwise.
    #[schema(minimum = 1, maximum = 10000)]
    pub rate: Option<u32>,
}

/// What sending again would come to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResendEstimateOut {
    dry_run: bool,
    /// Deliveries.
    count: u64,
    /// There may be more: counting has a bound.
    approximated: bool,
    /// Those of them that were delivered already: their receivers see the same id again.
    delivered: u64,
    /// Deliveries to disabled endpoints, which are passed over.
    disabled: u64,
    endpoints: Vec<ResendEndpointOut>,
    rate: u32,
    estimated_seconds: u64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ResendEndpointOut {
    id: String,
    url: String,
    count: u64,
}

impl ResendEstimateOut {
    pub fn of(estimate: &ResendEstimate) -> ResendEstimateOut {
        let endpoint = |(view, count): &(Arc<EndpointView>, u64)| ResendEndpointOut {
            id: view.endpoint.id.to_string(),
            url: view.endpoint.url.clone(),
            count: *count,
        };
        ResendEstimateOut {
            dry_run: true,
            count: estimate.deliveries,
            approximated: estimate.at_least,
            delivered: estimate.delivered,
            disabled: estimate.stopped,
            endpoints: estimate.endpoints.iter().map(endpoint).collect(),
            rate: estimate.rate,
            estimated_seconds: estimate.takes.as_secs().saturating_add(u64::from(estimate.takes.subsec_nanos() > 0)),
        }
    }
}

/// A page of the log.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogListOut {
    data: Vec<LogLineOut>,
    /// Leads to the page after this one.
    #[schema(required)]
    iterator: Option<String>,
    /// Whether there is nothing after this page.
    done: bool,
    /// Whoever asks in ascending order with it as the iterator is told of everything that came after this answer, once.
    horizon: String,
    /// Attempts looked at.
    searched: u64,
    /// The search reached its bound before the page was full: the iterator goes on.
    stopped: bool,
    /// Where it was stopped: about how many attempts there are in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    searchable: Option<u64>,
}

/// An attempt, without what the receiver said.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogLineOut {
    id: String,
    msg_id: String,
    event_type: String,
    /// `null` once it was removed.
    #[schema(required)]
    endpoint_id: Option<String>,
    url: String,
    /// Where the delivery stands now: `delivered`, `failed`, `retrying`, `recovered`, `interrupted`.
    standing: &'static str,
    /// `delivered`, `refused`, `timed_out`, `unreachable`, `blocked`, `interrupted`.
    outcome: &'static str,
    /// 0 without a response.
    response_status_code: u16,
    response_duration_ms: u64,
    /// Counted from 1 within the delivery.
    attempt: u32,
    /// 0 by policy, 1 by hand.
    trigger_type: u8,
    #[schema(format = DateTime)]
    timestamp: String,
    /// The phase that took too long, the cause without a response, or the rule that forbids the address.
    #[schema(required)]
    error: Option<String>,
}

/// `query`, `endpoint_id` and `wait`.
pub struct Searching;

impl IntoParams for Searching {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            describe::query("query", SEARCH, describe::text()),
            describe::query("endpoint_id", "Only attempts to this endpoint: its id or uid.", describe::text()),
            describe::query(
                "wait",
                "Seconds to wait for something to be found, 0 unless said otherwise.",
                describe::whole(0, LOG_WAIT_MAX.as_secs()),
            ),
        ]
    }
}

/// A search has no way back: what is before a page is found by searching from the start.
pub fn only_onward(query: &Query) -> Result<(), Problem> {
    match query.one("iterator") {
        Some(iterator) if iterator.starts_with('-') => {
            Err(refused("iterator", "iterator", "expected the iterator of an earlier page"))
        }
        _ => Ok(()),
    }
}

impl LogListOut {
    /// At the end, whoever asks again later goes on from where they were.
    pub fn of(page: &LogPage, here: Option<&str>) -> LogListOut {
        let next = page.next.map(|tick| AttemptId::of_tick(tick, [0; 12]).to_string());
        LogListOut {
            horizon: AttemptId::of_tick(page.horizon, [0; 12]).to_string(),
            data: page.rows.iter().map(LogLineOut::of).collect(),
            iterator: next.or_else(|| here.map(str::to_owned)),
            done: page.done,
            searched: page.searched,
            stopped: page.stopped_of.is_some(),
            searchable: page.stopped_of,
        }
    }
}

impl LogLineOut {
    pub fn of(row: &Logged) -> LogLineOut {
        let attempt = &row.attempt;
        LogLineOut {
            id: attempt.id.to_string(),
            msg_id: attempt.event.to_string(),
            event_type: row.event_type.to_string(),
            endpoint_id: row.endpoint.as_ref().map(|found| found.endpoint.id.to_string()),
            url: attempt.url.to_string(),
            standing: status_of(attempt.outcome, row.state).word(),
            outcome: attempt.outcome.word(),
            response_status_code: attempt.status.unwrap_or(0),
            response_duration_ms: millis(attempt.duration),
            attempt: attempt.number,
            trigger_type: match attempt.trigger {
                Trigger::Policy => 0,
                Trigger::Manual => 1,
            },
            timestamp: time::text(attempt.started_at),
            error: attempt.detail.clone(),
        }
    }
}
