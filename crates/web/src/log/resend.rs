//! Sending again all that a search finds: what it would come to, the task that does it, how far that is.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use ringup_app::view::AccountView;
use ringup_app::{AppError, RESEND_RATE_DEFAULT, ResendDraft, ResendEstimate};
use ringup_core::scope::Scope;
use ringup_core::search::Search;
use ringup_core::task::{Task, TaskKind, TaskStatus};
use ringup_core::time::Timestamp;

use super::query;
use crate::endpoint::title;
use crate::error_page::{Answer, Failure};
use crate::fields::Fields;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path, faults};
use crate::{Shared, Web};

/// Paces that are one click away: deliveries a second.
const RATES: [u32; 5] = [5, 20, RESEND_RATE_DEFAULT, 200, 1_000];

/// URLs that are named.
const URLS_MAX: usize = 10;

#[derive(Template)]
#[template(path = "resend.html")]
struct ResendPage {
    ui: Ui,
    base: String,
    query: String,
    /// The log with this search.
    back: String,
    faults: Vec<(String, String)>,
    estimate: Option<ResendEstimate>,
    urls: Vec<(String, u64)>,
    more_urls: u64,
    rates: Vec<u32>,
    minutes: u64,
}

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    ui: Ui,
    base: String,
    path: String,
    kind: String,
    query: Option<String>,
    shape: &'static str,
    state: String,
    why: Option<String>,
    done: u64,
    passed_over: u64,
    expected: Option<u64>,
    /// Of a hundred.
    share: Option<u64>,
    rate: Option<u32>,
    began_at: Timestamp,
    updated_at: Timestamp,
    is_running: bool,
    can_cancel: bool,
}

/// `GET /a/{account}/logs/resend?query=…&rate=…`
pub async fn page(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let text = query::text(&visit.query);
    let rate = visit.query.one("rate").and_then(|rate| rate.parse().ok()).unwrap_or(RESEND_RATE_DEFAULT);
    Ok(match estimated(&web, &visit, &account, &text, rate).await {
        Ok(estimate) => html(&shown(&visit, &view, &text, Some(estimate), Vec::new())),
        Err(error) => refused(&visit, &view, &text, error)?,
    })
}

/// `POST /a/{account}/logs/resend`
pub async fn begin(State(web): Shared, Path(account): Path<String>, Posted { visit, form }: Posted) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let text = form.one("query").unwrap_or_default().to_owned();
    let rate = form.one("rate").and_then(|rate| rate.parse().ok());
    let begun = match web.app.search(&text) {
        Ok(search) => web.app.begin_resend(&visit.who, &account, ResendDraft { search: &search, rate }).await,
        Err(error) => Err(error),
    };
    Ok(match begun {
        Ok(task) => Redirect::to(&format!("{}/tasks/{}", account_path(&view), task.id)).into_response(),
        Err(error) => refused(&visit, &view, &text, error)?,
    })
}

/// `GET /a/{account}/tasks/{task}`
pub async fn task(State(web): Shared, visit: Visit, Path((account, task)): Path<(String, String)>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let found = task_of(&web, &visit, &view, &task).await?;
    let mut ui = visit.ui_of(&view, Menu::Logs, "logs-title");
    ui.title = ui.t(format!("task-{}", found.kind));
    let base = account_path(&view);
    let progress = found.progress;
    let worked_on = progress.done.saturating_add(progress.passed_over);
    let is_running = found.status == TaskStatus::Running;
    let share = found.scope.expected.map(|expected| worked_on.saturating_mul(100).checked_div(expected).unwrap_or(100));
    let (shape, state) = match found.status {
        TaskStatus::Running => ("wait", "task-running"),
        TaskStatus::Finished => ("ok", "task-finished"),
        TaskStatus::Failed => ("fail", "task-failed"),
        TaskStatus::Cancelled => ("skip", "task-cancelled"),
    };
    Ok(html(&TaskPage {
        path: format!("{base}/tasks/{}", found.id),
        kind: ui.title.clone(),
        query: found.scope.search.clone(),
        shape,
        state: ui.t(state),
        why: found.why.clone(),
        done: progress.done,
        passed_over: progress.passed_over,
        expected: found.scope.expected,
        share: match found.status {
            TaskStatus::Finished => Some(100),
            TaskStatus::Running | TaskStatus::Failed | TaskStatus::Cancelled => share.map(|share| share.min(100)),
        },
        rate: found.rate,
        began_at: found.created_at,
        updated_at: found.updated_at,
        is_running,
        can_cancel: is_running && visit.who.may(Scope::Recover),
        base,
        ui,
    }))
}

/// `POST /a/{account}/tasks/{task}/cancel`
pub async fn cancel(
    State(web): Shared,
    Path((account, task)): Path<(String, String)>,
    Posted { visit, .. }: Posted,
) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let found = task_of(&web, &visit, &view, &task).await?;
    match web.app.cancel_task(&visit.who, &found.id.to_string()).await {
        // It ended by itself meanwhile: the page says how.
        Ok(_) | Err(AppError::Conflict(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Redirect::to(&format!("{}/tasks/{}", account_path(&view), found.id)).into_response())
}

/// A task of another account is none of this page's.
async fn task_of(web: &Web, visit: &Visit, view: &AccountView, task: &str) -> Result<Task, AppError> {
    let found = web.app.task(&visit.who, task).await?;
    let is_own = found.account == view.account.key;
    is_own.then_some(found).ok_or_else(|| AppError::NotFound { what: "task", name: task.to_owned() })
}

async fn estimated(web: &Web, visit: &Visit, account: &str, text: &str, rate: u32) -> Result<ResendEstimate, AppError> {
    let search: Search = web.app.search(text)?;
    web.app.estimate_resend(&visit.who, account, ResendDraft { search: &search, rate: Some(rate) }).await
}

fn refused(visit: &Visit, view: &AccountView, text: &str, error: AppError) -> Result<Response, Failure> {
    let page = shown(visit, view, text, None, faults(error)?);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)).into_response())
}

fn shown(
    visit: &Visit,
    view: &AccountView,
    text: &str,
    estimate: Option<ResendEstimate>,
    faults: Vec<(String, String)>,
) -> ResendPage {
    let base = account_path(view);
    let endpoints = estimate.as_ref().map_or(&[][..], |estimate| &estimate.endpoints);
    let minutes = estimate.as_ref().map_or(0, |estimate| estimate.takes.as_secs().div_ceil(60));
    let mut ui = visit.ui_of(view, Menu::Logs, "logs-title");
    ui.title = ui.t(format!("task-{}", TaskKind::ResendFound));
    ResendPage {
        query: text.to_owned(),
        back: format!("{base}/logs?{}", Fields::default().with(&[("query", text)])),
        urls: endpoints.iter().take(URLS_MAX).map(|(view, count)| (title(view), *count)).collect(),
        more_urls: u64::try_from(endpoints.len().saturating_sub(URLS_MAX)).unwrap_or(u64::MAX),
        rates: RATES.to_vec(),
        minutes,
        faults,
        estimate,
        base,
        ui,
    }
}
