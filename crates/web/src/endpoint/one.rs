//! One endpoint: how it is doing, and what can be done with it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect};
use ringup_app::{EndpointDraft, LogAsk};
use ringup_core::time::Timestamp;

use super::{name, path, title};
use crate::chart::Series;
use crate::error_page::Answer;
use crate::health::{Health, WINDOW};
use crate::log::Line;
use crate::markup::Markup;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path};
use crate::{Shared, Web};

/// Failures that are shown.
const RECENT_ROWS: usize = 6;

/// What every tab of an endpoint shows.
pub struct Head {
    pub name: String,
    pub url: String,
    /// Behind the host.
    pub path: String,
    pub base: String,
    /// As the log's filter names it.
    pub filter: String,
    pub is_stopped: bool,
    /// Why, if its owner said so.
    pub why: String,
    pub tab: &'static str,
}

impl Head {
    pub fn of(base: &str, view: &ringup_app::view::EndpointView, tab: &'static str) -> Head {
        Head {
            name: title(view),
            url: view.endpoint.url.clone(),
            path: format!("{base}{}", path(view)),
            base: base.to_owned(),
            filter: name(view),
            is_stopped: view.endpoint.stopped.is_some(),
            why: view.endpoint.stopped_why.clone(),
            tab,
        }
    }
}

#[derive(Template)]
#[template(path = "url.html")]
struct UrlPage {
    ui: Ui,
    head: Head,
    id: String,
    uid: Option<String>,
    shape: &'static str,
    health: String,
    is_quiet: bool,
    share: String,
    delivered: u64,
    failed: u64,
    mean: String,
    p95: String,
    bars: Markup,
    labels: Vec<String>,
    table: Vec<[String; 3]>,
    /// `None`: all.
    events: Option<Vec<String>>,
    channels: Vec<String>,
    families: Vec<String>,
    filter: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    pause_after: Option<String>,
    lines: Vec<Line>,
}

/// `GET /a/{account}/urls/{endpoint}`
pub async fn page(State(web): Shared, visit: Visit, Path((account, endpoint)): Path<(String, String)>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let from = visit.now.saturating_sub(WINDOW);
    let traffic = web.app.traffic_of(&visit.who, &account, &endpoint, from, visit.now).await?;
    let found = &traffic.endpoint;
    let mut ui = visit.ui_of(&view, Menu::Urls, "urls-title");
    ui.title = title(found);
    let health = Health::of(found, &traffic.minutes);
    let mut series = Series::new(visit.now, 30, 48);
    series.add(&traffic.minutes);
    let base = account_path(&view);
    let failed = web.app.search("status:error")?;
    let ask = LogAsk { endpoint: Some(&endpoint), ..LogAsk::newest(&failed, RECENT_ROWS) };
    let failures = web.app.log(&visit.who, &account, ask).await?;
    let p95 = web.app.p95(&visit.who, &account, &endpoint).await?;
    let subscription = &found.endpoint.subscription;
    let pause_after = found.settings.pause_after.value;
    let page = UrlPage {
        id: found.endpoint.id.to_string(),
        uid: found.endpoint.uid.clone(),
        shape: health.shape(),
        health: health.words(&ui),
        is_quiet: health.sum.attempts() == 0,
        share: health.share(&ui),
        delivered: health.sum.delivered,
        failed: health.sum.failed,
        mean: health.sum.mean().map_or_else(|| "–".to_owned(), |mean| ui.span(&mean)),
        p95: p95.map_or_else(|| "–".to_owned(), |p95| ui.span(&p95)),
        bars: series.bars(&ui, &format!("{base}/logs")),
        labels: series.labels(&ui),
        table: series.rows(&ui),
        events: subscription.event_types.as_ref().map(|types| types.iter().cloned().collect()),
        channels: subscription.channels.iter().flatten().cloned().collect(),
        families: subscription.families.iter().cloned().collect(),
        filter: subscription.filter.as_ref().map(|filter| filter.text().to_owned()),
        created_at: found.endpoint.created_at,
        updated_at: found.endpoint.updated_at,
        pause_after: (!pause_after.is_zero()).then(|| ui.span(&pause_after)),
        lines: failures.rows.iter().map(|row| Line::of(row, &ui, &base)).collect(),
        head: Head::of(&base, found, "overview"),
        ui,
    };
    Ok(html(&page))
}

/// `POST /a/{account}/urls/{endpoint}/pause`
pub async fn pause(
    State(web): Shared,
    Path((account, endpoint)): Path<(String, String)>,
    Posted { visit, form }: Posted,
) -> Answer {
    switch(&web, &visit, &account, &endpoint, Some(form.one("reason").unwrap_or_default())).await
}

/// `POST /a/{account}/urls/{endpoint}/resume`
pub async fn resume(
    State(web): Shared,
    Path((account, endpoint)): Path<(String, String)>,
    Posted { visit, .. }: Posted,
) -> Answer {
    switch(&web, &visit, &account, &endpoint, None).await
}

/// Pauses for a reason, which may be empty, or resumes.
async fn switch(web: &Web, visit: &Visit, account: &str, endpoint: &str, why: Option<&str>) -> Answer {
    let view = web.app.account(&visit.who, account)?;
    let edit = |draft: &mut EndpointDraft| {
        draft.disabled = why.is_some();
        why.unwrap_or_default().clone_into(&mut draft.disabled_why);
    };
    let changed = web.app.edit_endpoint(&visit.who, account, endpoint, edit).await?;
    let done = if why.is_some() { "paused" } else { "resumed" };
    Ok(Redirect::to(&format!("{}{}?done={done}", account_path(&view), path(&changed))).into_response())
}

/// `POST /a/{account}/urls/{endpoint}/delete`
pub async fn delete(
    State(web): Shared,
    Path((account, endpoint)): Path<(String, String)>,
    Posted { visit, .. }: Posted,
) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    web.app.delete_endpoint(&visit.who, &account, &endpoint).await?;
    Ok(Redirect::to(&format!("{}/urls?done=deleted", account_path(&view))).into_response())
}
