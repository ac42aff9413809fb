//! Tasks: begun here, done by the dispatcher, looked at and ended here.

use std::sync::Arc;

use ringup_core::audit::field::moment;
use ringup_core::audit::{AuditVerb, FieldChange};
use ringup_core::id::TaskId;
use ringup_core::limits::{PAGE_ROWS_MAX, TASK_RATE_MAX, TASKS_RUNNING_MAX};
use ringup_core::scope::Scope;
use ringup_core::task::{Standing, Task, TaskKind, TaskProgress, TaskScope, TaskStatus};
use ringup_core::time::Timestamp;
use ringup_store::StoreError;
use ringup_store::audit::{Place, in_account, of_account, of_endpoint};
use ringup_store::directory::{AccountView, EndpointView};
use ringup_store::query::{Order, Page, TaskFilter};
use ringup_store::seam::TaskStep;
use ringup_store::task::candidates;

use crate::app::{App, endpoint_of};
use crate::check::Faults;
use crate::error::{AppError, Fault};
use crate::principal::Principal;

/// Events that an estimate counts before it says *at least so many*.
const ESTIMATED_MAX: u64 = 100_000;

/// What a caller may say about a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskDraft {
    pub since: Timestamp,
    /// `None`: until now.
    pub until: Option<Timestamp>,
    pub event_types: Option<Vec<String>>,
    pub channel: Option<String>,
    pub standing: Option<Standing>,
    pub status_class: Option<u16>,
    /// Deliveries a second, at most.
    pub rate: Option<u32>,
}

/// How much a task would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskEstimate {
    pub events: u64,
    /// There may be more: counting has a bound.
    pub at_least: bool,
}

impl App {
    /// Begins to send many deliveries of an endpoint again. `Conflict` if it is disabled, or if the account has as many
    /// tasks running as it may.
    pub async fn begin_task(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        kind: TaskKind,
        draft: TaskDraft,
    ) -> Result<Task, AppError> {
        let (view, task) = self.drafted_task(principal, account, endpoint, kind, draft)?;
        let account = self.owned(principal, account, Scope::Recover)?;
        self.begun(principal, task, of_endpoint(&account, &view.endpoint)).await
    }

    /// What [`App::begin_task`] would do if it began now; nothing is sent.
    pub async fn estimate_task(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        kind: TaskKind,
        draft: TaskDraft,
    ) -> Result<TaskEstimate, AppError> {
        let (view, task) = self.drafted_task(principal, account, endpoint, kind, draft)?;
        let (mut events, mut cursor) = (0, task.cursor);
        loop {
            let found = candidates(&self.catalogue, &task, &view, cursor, PAGE_ROWS_MAX).await?;
            events += u64::try_from(found.events.len()).unwrap_or(u64::MAX);
            cursor = found.cursor;
            if found.done || events >= ESTIMATED_MAX {
                return Ok(TaskEstimate { events, at_least: !found.done });
            }
        }
    }

    /// Begins to remove the payloads of all events that the account has now.
    pub async fn expunge_all(&self, principal: &Principal, account: &str) -> Result<Task, AppError> {
        let view = self.owned(principal, account, Scope::Publish)?;
        let scope = TaskScope { until: self.now(), ..TaskScope::default() };
        let task = self.new_task(&view, None, TaskKind::Expunge, scope, None);
        self.begun(principal, task, of_account(&view.account)).await
    }

    /// A page of the caller's tasks. `filter` narrows it; one row more than the page is looked for.
    pub async fn tasks(
        &self,
        principal: &Principal,
        filter: TaskFilter,
        after: Option<TaskId>,
        order: Order,
        rows_max: usize,
    ) -> Result<Page<Task>, AppError> {
        let filter = within(principal, filter, Scope::Read)?;
        let mut rows = self.store().tasks(filter, after, order, rows_max.saturating_add(1)).await?;
        let done = rows.len() <= rows_max;
        rows.truncate(rows_max);
        Ok(Page { rows, done })
    }

    pub async fn task(&self, principal: &Principal, task: &str) -> Result<Task, AppError> {
        self.task_for(principal, task, Scope::Read).await
    }

    /// Ends a running task; what it brought back until then is sent. `Conflict` if it has ended.
    pub async fn cancel_task(&self, principal: &Principal, task: &str) -> Result<Task, AppError> {
        let found = self.task_for(principal, task, Scope::Recover).await?;
        let step = TaskStep { status: TaskStatus::Cancelled, reached: None, why: None, now: self.now() };
        if !self.store().advance_task(found.id, step).await? {
            return Err(AppError::Conflict("the background task has ended already".to_owned()));
        }
        let account = self.directory().account(found.account);
        let label = found.kind.to_string();
        let place = account.map_or_else(Place::default, |view| in_account(&view.account, found.id.to_string(), label));
        self.record(principal, AuditVerb::TaskCancelled, place, Vec::new()).await?;
        self.task_for(principal, task, Scope::Recover).await
    }

    async fn task_for(&self, principal: &Principal, task: &str, scope: Scope) -> Result<Task, AppError> {
        let not_found = || AppError::not_found("background task", task);
        let all = within(principal, TaskFilter::default(), scope)?;
        let id: TaskId = task.parse().map_err(|_| not_found())?;
        let found = self.store().tasks(TaskFilter { id: Some(id), ..all }, None, Order::NewestFirst, 1).await?;
        found.into_iter().next().ok_or_else(not_found)
    }

    fn drafted_task(
        &self,
        principal: &Principal,
        account: &str,
        endpoint: &str,
        kind: TaskKind,
        draft: TaskDraft,
    ) -> Result<(Arc<EndpointView>, Task), AppError> {
        let view = self.owned(principal, account, Scope::Recover)?;
        let found = endpoint_of(&view, endpoint)?.clone();
        let now = self.now();
        check(&draft, now)?;
        if let Some(stopped) = found.endpoint.stopped {
            let why = format!("the endpoint is disabled ({}); enable it first", stopped.by);
            return Err(AppError::Conflict(why));
        }
        let scope = TaskScope {
            since: draft.since,
            // What comes from now on is sent anyway; a task that ran after it would have no end.
            until: draft.until.map_or(now, |until| until.min(now)),
            event_types: draft.event_types,
            channel: draft.channel,
            standing: draft.standing,
            status_class: draft.status_class,
            ..TaskScope::default()
        };
        let task = self.new_task(&view, Some(&found), kind, scope, draft.rate);
        Ok((found, task))
    }

    pub(crate) fn new_task(
        &self,
        view: &AccountView,
        endpoint: Option<&EndpointView>,
        kind: TaskKind,
        scope: TaskScope,
        rate: Option<u32>,
    ) -> Task {
        let now = self.now();
        Task {
            id: TaskId::new(now, self.random_128()),
            environment: view.account.environment,
            account: view.account.key,
            endpoint: endpoint.map(|view| view.endpoint.key),
            kind,
            cursor: Task::first_cursor(&scope),
            scope,
            rate,
            status: TaskStatus::Running,
            progress: TaskProgress::default(),
            why: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// `what` it is about: the endpoint, or the account.
    pub(crate) async fn begun(&self, principal: &Principal, task: Task, what: Place) -> Result<Task, AppError> {
        match self.catalogue.begin_task(task.clone()).await {
            Ok(()) => {
                let place = Place { subject: task.id.to_string(), label: task.kind.to_string(), ..what.clone() };
                self.record(principal, AuditVerb::TaskBegun, place, told(&task, &what)).await?;
                Ok(task)
            }
            Err(StoreError::Conflict(_)) => Err(AppError::Conflict(format!(
                "{TASKS_RUNNING_MAX} background tasks of this application are running; wait until one has ended, or \
                 cancel one"
            ))),
            Err(error) => Err(error.into()),
        }
    }
}

/// What the audit log tells of a task.
fn told(task: &Task, what: &Place) -> Vec<FieldChange> {
    let TaskScope { since, until, event_types, channel, standing, status_class, search, expected } = &task.scope;
    let mut told = vec![FieldChange::set("kind", task.kind)];
    if task.endpoint.is_some() {
        told.push(FieldChange::set("endpoint", &what.subject));
    }
    told.push(FieldChange::set("since", moment(*since)));
    told.push(FieldChange::set("until", moment(*until)));
    told.extend(event_types.as_ref().map(|types| FieldChange::set("event_types", types.join(", "))));
    told.extend(channel.as_ref().map(|channel| FieldChange::set("channel", channel)));
    told.extend(standing.map(|standing| FieldChange::set("standing", standing)));
    told.extend(status_class.map(|class| FieldChange::set("status_class", class)));
    told.extend(search.as_ref().map(|search| FieldChange::set("search", search)));
    told.extend(expected.map(|expected| FieldChange::set("expected", expected)));
    told.extend(task.rate.map(|rate| FieldChange::set("rate", rate)));
    told
}

/// What of it the caller may see.
fn within(principal: &Principal, filter: TaskFilter, scope: Scope) -> Result<TaskFilter, AppError> {
    let environment = Some(principal.within(scope)?);
    Ok(TaskFilter { environment, account: principal.own_account().or(filter.account), ..filter })
}

fn check(draft: &TaskDraft, now: Timestamp) -> Result<(), AppError> {
    let mut faults = Faults::default();
    faults.check(draft.since < now, || Fault::new("since", "range", "a time in the past"));
    if let Some(until) = draft.until {
        faults.check(draft.since < until, || Fault::new("until", "range", "a time after `since`"));
    }
    if let Some(rate) = draft.rate {
        faults.check((1..=TASK_RATE_MAX).contains(&rate), || {
            Fault::new("rate", "range", format!("1 to {TASK_RATE_MAX} deliveries a second"))
        });
    }
    faults.names("event_types", draft.event_types.iter().flatten());
    faults.channels(draft.channel.as_ref());
    faults.done()
}
