//! `/op/problems`: what fails, by host and cause.

use askama::Template;
use axum::extract::State;
use ringup_app::fleet::Problems;
use ringup_core::time::Timestamp;

use super::{at_least, path_of};
use crate::Shared;
use crate::endpoint::name;
use crate::error_page::Answer;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "op_problems.html")]
struct ProblemsPage {
    ui: Ui,
    rows: Vec<Row>,
    /// Endpoints with failures that were not looked into.
    left_out: u64,
    unlogged: u64,
}

pub struct Row {
    pub host: String,
    pub cause: String,
    pub side: String,
    pub count: String,
    pub is_whole: bool,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub accounts: u64,
    pub endpoints: u64,
    /// The newest failure's delivery, if this session acts in its environment.
    pub sample: Option<String>,
    /// The log of the endpoint it went to.
    pub log: Option<String>,
}

impl Row {
    pub fn all(problems: &Problems, ui: &Ui) -> Vec<Row> {
        let rows = problems.problems.iter().map(|one| {
            let base = path_of(ui, &one.environment, &one.account);
            let url = name(&one.endpoint);
            let status = one.sample.status.filter(|_| one.cause.word() != "timed_out");
            let word = ui.t(format!("short-{}", one.cause.word()));
            Row {
                host: one.host.clone(),
                cause: status.map_or_else(|| word.clone(), |status| format!("{status} · {word}")),
                side: ui.t(format!("op-side-{}", one.cause.side().word())),
                count: at_least(ui, one.count, one.is_whole),
                is_whole: one.is_whole,
                first_at: one.first_at,
                last_at: one.last_at,
                accounts: one.accounts as u64,
                endpoints: one.endpoints as u64,
                sample: base
                    .as_ref()
                    .map(|base| format!("{base}/logs/{}/{url}?attempt={}", one.sample.event, one.sample.id)),
                log: base.map(|base| format!("{base}/logs?url={url}&status=failed")),
            }
        });
        rows.collect()
    }
}

/// `GET /op/problems`
pub async fn page(State(web): Shared, visit: Visit) -> Answer {
    let problems = web.app.problems(&visit.who).await?;
    let ui = visit.ui(Menu::Problems, "op-problems");
    Ok(html(&ProblemsPage {
        rows: Row::all(&problems, &ui),
        left_out: problems.all.saturating_sub(problems.looked_into) as u64,
        unlogged: problems.unlogged as u64,
        ui,
    }))
}
