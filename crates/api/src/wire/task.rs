//! `background-task`: work that goes on after its request was answered.

use std::borrow::Cow;

use ringup_app::{TaskDraft, TaskEstimate};
use ringup_core::task::{Standing, Task, TaskKind, TaskStatus};
use serde::{Deserialize, Serialize};
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use crate::describe;
use crate::problem::{Item, Problem};
use crate::wire::settings::Moment;
use crate::wire::time;

/// `RecoverIn`, `ReplayIn` and `BulkReplayIn`. `rate` is ours: deliveries a second, at most.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayIn {
    #[schema(value_type = String, format = DateTime)]
    since: Moment,
    /// Until now, if it is not there.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Moment>,
    rate: Option<u32>,
    event_types: Option<Vec<String>>,
    channel: Option<String>,
    status: Option<u8>,
    status_code_class: Option<u16>,
}

/// `RecoverOut`, `ReplayOut` and the like: a task that began.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskBegunOut {
    id: String,
    status: &'static str,
    task: &'static str,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// `BackgroundTaskOut`. Beyond what the dialect knows, `data` says how far it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskOut {
    #[serde(flatten)]
    begun: TaskBegunOut,
    data: TaskDataOut,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TaskDataOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_sent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_purged: Option<u64>,
    /// In scope, and not sent: payload gone, or on its way already.
    messages_passed_over: u64,
    /// Everything accepted up to this time has been looked at.
    reached: String,
    since: String,
    until: String,
    rate: Option<u32>,
    /// The search whose findings are sent again, with its times fixed: ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    /// Deliveries that there were to do when it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_expected: Option<u64>,
    app_id: Option<String>,
    endpoint_id: Option<String>,
    /// It was ended by hand; the dialect knows no such status.
    cancelled: bool,
    error: Option<Cow<'static, str>>,
    created_at: String,
}

/// What a task would do: ours.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EstimateOut {
    dry_run: bool,
    count: u64,
    /// There may be more: counting has a bound.
    approximated: bool,
}

/// `dry_run`: ours.
pub struct DryRun;

impl IntoParams for DryRun {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![describe::query("dry_run", "Only count what would be sent.", describe::flag())]
    }
}

impl ReplayIn {
    pub fn draft(self) -> Result<TaskDraft, Problem> {
        let refused = |field: &str, why: &str| Problem::misfit(vec![Item::in_body(field, "range", why.to_owned())]);
        let standing =
            self.status.map(|status| standing(status).ok_or_else(|| refused("status", "expected 0, 1, 2, 3 or 4")));
        let class = self.status_code_class.map(|class| match class {
            0 | 100 | 200 | 300 | 400 | 500 => Ok(class / 100),
            _ => Err(refused("statusCodeClass", "expected 0, 100, 200, 300, 400 or 500")),
        });
        Ok(TaskDraft {
            since: self.since.0,
            until: self.until.map(|Moment(until)| until),
            event_types: self.event_types.filter(|types| !types.is_empty()),
            channel: self.channel,
            standing: standing.transpose()?,
            status_class: class.transpose()?,
            rate: self.rate,
        })
    }
}

/// What a status of the dialect means here. Pending and sending are one: the lane knows which, the store does not.
pub fn standing(status: u8) -> Option<Standing> {
    match status {
        0 => Some(Standing::Delivered),
        1 | 3 => Some(Standing::Live),
        2 => Some(Standing::Failed),
        4 => Some(Standing::LeftOut),
        _ => None,
    }
}

pub fn kind_word(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Recover => "endpoint.recover",
        TaskKind::ReplayMissing => "endpoint.replay",
        // SDKs know a closed list; `data.query` tells ours apart.
        TaskKind::BulkReplay | TaskKind::ResendFound => "endpoint.bulk-replay",
        TaskKind::Expunge => "application.purge_content",
    }
}

pub fn kind_of(word: &str) -> Option<TaskKind> {
    TaskKind::ALL.iter().copied().find(|kind| kind_word(*kind) == word)
}

/// A cancelled task has failed to SDKs, whose statuses are a closed list; `data.cancelled` tells it apart.
fn status_word(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Running => "running",
        TaskStatus::Finished => "finished",
        TaskStatus::Failed | TaskStatus::Cancelled => "failed",
    }
}

pub fn statuses_of(word: &str) -> Option<Vec<TaskStatus>> {
    let any: Vec<TaskStatus> = TaskStatus::ALL.iter().copied().filter(|status| status_word(*status) == word).collect();
    (!any.is_empty()).then_some(any)
}

impl TaskBegunOut {
    pub fn of(task: &Task) -> TaskBegunOut {
        TaskBegunOut {
            id: task.id.to_string(),
            status: status_word(task.status),
            task: kind_word(task.kind),
            updated_at: time::text(task.updated_at),
        }
    }
}

impl TaskOut {
    /// With the wire ids of the account and the endpoint, unless they are gone.
    pub fn of(task: &Task, account: Option<String>, endpoint: Option<String>) -> TaskOut {
        let purges = task.kind == TaskKind::Expunge;
        let done = task.progress.done;
        TaskOut {
            begun: TaskBegunOut::of(task),
            data: TaskDataOut {
                messages_sent: (!purges).then_some(done),
                messages_purged: purges.then_some(done),
                messages_passed_over: task.progress.passed_over,
                reached: time::text(task.cursor.time().max(task.scope.since)),
                since: time::text(task.scope.since),
                until: time::text(task.scope.until),
                rate: task.rate,
                query: task.scope.search.clone(),
                messages_expected: task.scope.expected,
                app_id: account,
                endpoint_id: endpoint,
                cancelled: task.status == TaskStatus::Cancelled,
                error: task.why.clone().map(Cow::Owned),
                created_at: time::text(task.created_at),
            },
        }
    }
}

impl EstimateOut {
    pub fn of(estimate: TaskEstimate) -> EstimateOut {
        EstimateOut { dry_run: true, count: estimate.events, approximated: estimate.at_least }
    }
}
