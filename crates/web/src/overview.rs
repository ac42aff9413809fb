//! An account at a glance.

use askama::Template;
use axum::extract::{Path, State};

use crate::Shared;
use crate::error_page::Answer;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    ui: Ui,
    urls: u64,
}

/// `GET /a/{account}`
pub async fn page(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    Ok(html(&OverviewPage { ui: visit.ui_of(&view, Menu::Overview, "overview"), urls: view.endpoints.len() as u64 }))
}
