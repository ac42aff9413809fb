//! Developer → Overview: an account at a glance.

use askama::Template;
use axum::extract::{Path, State};
use ringup_app::LogAsk;

use crate::Shared;
use crate::chart::Series;
use crate::endpoint::{path, title};
use crate::error_page::Answer;
use crate::health::{Health, Sum, WINDOW};
use crate::log::Line;
use crate::markup::Markup;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Visit, account_path};

/// Failures that are shown.
const RECENT_ROWS: usize = 5;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    ui: Ui,
    base: String,
    shape: &'static str,
    sentence: String,
    bars: Markup,
    labels: Vec<String>,
    table: Vec<[String; 3]>,
    sum: Sum,
    mean: String,
    attention: Vec<Attention>,
    lines: Vec<Line>,
    steps: Vec<Step>,
    steps_done: u64,
}

struct Attention {
    name: String,
    path: String,
    shape: &'static str,
    words: String,
    failed: u64,
    filter: String,
    /// All that failed in the window, as the page that resends takes it.
    resend: String,
}

/// A step of the checklist, ticked by what is so, not by what was clicked.
struct Step {
    text: String,
    is_done: bool,
    path: String,
}

/// `GET /a/{account}`
pub async fn page(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let ui = visit.ui_of(&view, Menu::Overview, "overview");
    let base = account_path(&view);
    let traffic = web.app.traffic(&visit.who, &account, visit.now.saturating_sub(WINDOW), visit.now).await?;
    let mut series = Series::new(visit.now, 30, 48);
    let mut sum = Sum::default();
    let mut attention = Vec::new();
    for one in &traffic {
        series.add(&one.minutes);
        let health = Health::of(&one.endpoint, &one.minutes);
        sum = sum.and(health.sum);
        if health.needs_attention() {
            attention.push(Attention {
                name: title(&one.endpoint),
                path: format!("{base}{}", path(&one.endpoint)),
                shape: health.shape(),
                words: health.words(&ui),
                failed: health.sum.failed,
                resend: ui.search(&format!("status:failed after:-24h url:{}", crate::endpoint::name(&one.endpoint))),
                filter: crate::endpoint::name(&one.endpoint),
            });
        }
    }
    let failing = attention.iter().filter(|one| one.shape == "fail").count() as u64;
    let failed = web.app.search("status:error")?;
    let failures = web.app.log(&visit.who, &account, LogAsk::newest(&failed, RECENT_ROWS)).await?;
    let (shape, sentence) = sentence(&ui, &sum, failing, attention.len() as u64);
    let has_urls = !view.endpoints.is_empty();
    let has_sent = sum.attempts() > 0 || !failures.rows.is_empty();
    let step = |key: &str, is_done: bool, path: &str| Step { text: ui.t(key), is_done, path: format!("{base}{path}") };
    let steps = vec![
        step("step-url", has_urls, "/urls/new"),
        step("step-send", has_sent, "/test/send"),
        step("step-delivered", sum.delivered > 0, "/logs"),
    ];
    let page = OverviewPage {
        shape,
        sentence,
        bars: series.bars(&ui, &format!("{base}/logs")),
        labels: series.labels(&ui),
        table: series.rows(&ui),
        mean: sum.mean().map_or_else(|| "–".to_owned(), |mean| ui.span(&mean)),
        sum,
        attention,
        lines: failures.rows.iter().map(|row| Line::of(row, &ui, &base)).collect(),
        steps_done: steps.iter().filter(|step| step.is_done).count() as u64,
        steps,
        base,
        ui,
    };
    Ok(html(&page))
}

/// How the account is doing, in one sentence.
fn sentence(ui: &Ui, sum: &Sum, failing: u64, needing: u64) -> (&'static str, String) {
    let (shape, key) = match (sum.share_tenths(), failing, needing) {
        (None, 0, _) => return ("skip", ui.t("overview-quiet")),
        (_, 0, 0) => ("ok", "overview-healthy"),
        (_, 0, _) => ("warn", "overview-shaky"),
        (_, _, _) => ("fail", "overview-failing"),
    };
    let share = sum.share_tenths().map_or_else(|| "–".to_owned(), |tenths| crate::health::share_text(ui, tenths));
    let words = ui.lang.text_with(
        key,
        &[("share", share.into()), ("n", ui.num(&sum.attempts()).into()), ("count", failing.max(needing).into())],
    );
    (shape, words)
}
