//! `/op/queues`: what waits, lane by lane.

use askama::Template;
use axum::extract::State;
use ringup_core::breaker::BreakerState;

use super::{age, at_least, calendar, endpoint_path_of};
use crate::Shared;
use crate::chart::Figure;
use crate::endpoint::title;
use crate::error_page::Answer;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "op_queues.html")]
struct QueuesPage {
    ui: Ui,
    rows: Vec<Row>,
    all: u64,
    calling: u64,
    due: Figure,
}

struct Row {
    url: String,
    path: Option<String>,
    account: String,
    environment: String,
    waiting: String,
    oldest: String,
    calling: u64,
    shape: &'static str,
    breaker: String,
}

/// `GET /op/queues`
pub async fn page(State(web): Shared, visit: Visit) -> Answer {
    let queues = web.app.queues(&visit.who).await?;
    let ui = visit.ui(Menu::Queues, "op-queues");
    let rows = queues.lanes.iter().map(|lane| Row {
        url: title(&lane.endpoint),
        path: endpoint_path_of(&ui, &lane.environment, &lane.account, &lane.endpoint),
        account: lane.account.account.name.clone(),
        environment: lane.environment.clone(),
        waiting: at_least(&ui, lane.waiting, lane.is_whole),
        oldest: lane.oldest.map(|at| age(&ui, at)).unwrap_or_default(),
        calling: u64::from(lane.calling),
        shape: match lane.breaker {
            BreakerState::Closed => "ok",
            BreakerState::Ramping | BreakerState::HalfOpen => "warn",
            BreakerState::Open => "fail",
        },
        breaker: ui.t(format!("op-breaker-{}", lane.breaker.word())),
    });
    let page = QueuesPage {
        rows: rows.collect(),
        all: queues.all as u64,
        calling: queues.calling,
        due: calendar(&ui, &queues.due, queues.due_is_whole),
        ui,
    };
    Ok(html(&page))
}
