//! All endpoints of an account, with how they are doing.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use ringup_core::time::Timestamp;

use super::{path, title};
use crate::Shared;
use crate::chart::Series;
use crate::error_page::Answer;
use crate::health::{Health, Sum, WINDOW};
use crate::markup::Markup;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Visit, account_path};

/// Rows that have a p95.
const P95_ROWS_MAX: usize = 50;

#[derive(Template)]
#[template(path = "url_list.html")]
struct ListPage {
    ui: Ui,
    base: String,
    rows: Vec<Row>,
    /// Before the filter.
    all: u64,
    find: String,
    state: String,
}

struct Row {
    name: String,
    path: String,
    url: String,
    /// `None`: all events.
    events: Option<u64>,
    shape: &'static str,
    health: String,
    /// Why it is paused, if its owner said so.
    why: String,
    spark: Markup,
    /// Of the log's newest attempts; where it keeps none, the mean of the counters.
    p95: String,
    last_at: Option<Timestamp>,
    log_mode: Option<&'static str>,
}

/// `GET /a/{account}/urls`
pub async fn page(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let ui = visit.ui_of(&view, Menu::Urls, "urls-title");
    let traffic = web.app.traffic(&visit.who, &account, visit.now.saturating_sub(WINDOW), visit.now).await?;
    let all = traffic.len() as u64;
    let find = visit.query.one("find").unwrap_or_default().to_owned();
    let state = visit.query.one("state").unwrap_or_default().to_owned();
    let base = account_path(&view);
    let mut rows = Vec::new();
    for one in &traffic {
        let endpoint = &one.endpoint.endpoint;
        let health = Health::of(&one.endpoint, &one.minutes);
        let is_found = [&endpoint.url, &endpoint.description].iter().any(|text| contains(text, &find));
        let is_wanted = match state.as_str() {
            "failing" => health.needs_attention(),
            "paused" => endpoint.stopped.is_some(),
            _ => true,
        };
        if !is_found || !is_wanted {
            continue;
        }
        let mut series = Series::new(visit.now, 60, 24);
        series.add(&one.minutes);
        // Each is a short read of the log, so a long list has them for its beginning only.
        let p95 = if rows.len() < P95_ROWS_MAX {
            web.app.p95(&visit.who, &account, &endpoint.id.to_string()).await?
        } else {
            None
        };
        let mode = one.endpoint.settings.log_mode_at(visit.now);
        rows.push(Row {
            name: title(&one.endpoint),
            path: format!("{base}{}", path(&one.endpoint)),
            url: endpoint.url.clone(),
            events: endpoint.subscription.event_types.as_ref().map(|types| types.len() as u64),
            shape: health.shape(),
            health: health.words(&ui),
            why: endpoint.stopped_why.clone(),
            spark: series.spark(&ui),
            p95: answer_time(p95, &health.sum, &ui),
            last_at: health.last_at,
            log_mode: (mode != view.settings.log_mode_at(visit.now)).then(|| ui.mode_key(&mode)),
        });
    }
    Ok(html(&ListPage { ui, base, rows, all, find, state }))
}

/// The p95, or the mean of the counters for whom the log has nothing.
pub fn answer_time(p95: Option<Duration>, sum: &Sum, ui: &Ui) -> String {
    match (p95, sum.mean()) {
        (Some(p95), _) => ui.span(&p95),
        (None, Some(mean)) => ui.a("url-p95-mean", "span", ui.span(&mean)),
        (None, None) => "–".to_owned(),
    }
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}
