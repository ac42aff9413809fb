//! `/op/accounts`: accounts of all environments, by what waits and fails.

use askama::Template;
use axum::extract::State;

use super::{age, at_least, path_of};
use crate::Shared;
use crate::error_page::Answer;
use crate::health::share_text;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "op_accounts.html")]
struct AccountsPage {
    ui: Ui,
    rows: Vec<Row>,
    all: u64,
    find: String,
}

struct Row {
    name: String,
    path: Option<String>,
    environment: String,
    waiting: String,
    oldest: String,
    delivered: u64,
    failed: u64,
    shape: &'static str,
    health: String,
}

/// `GET /op/accounts`
pub async fn page(State(web): Shared, visit: Visit) -> Answer {
    let find = visit.query.one("find");
    let loads = web.app.loads(&visit.who, find).await?;
    let ui = visit.ui(Menu::Loads, "op-accounts");
    let rows = loads.accounts.iter().map(|load| {
        let attempts = load.delivered + load.failed;
        let share = (load.delivered * 1_000).checked_div(attempts);
        let (shape, health) = match (load.failing, share) {
            (0, None) => ("skip", ui.t("op-quiet")),
            (0, Some(share)) => (if share >= 990 { "ok" } else { "warn" }, share_text(&ui, share)),
            (failing, _) => ("fail", ui.n("op-failing-urls", &(failing as u64))),
        };
        Row {
            name: load.account.account.name.clone(),
            path: path_of(&ui, &load.environment, &load.account),
            environment: load.environment.clone(),
            waiting: at_least(&ui, load.waiting, load.is_whole),
            oldest: load.oldest.map(|at| age(&ui, at)).unwrap_or_default(),
            delivered: load.delivered,
            failed: load.failed,
            shape,
            health,
        }
    });
    let rows = rows.collect();
    Ok(html(&AccountsPage { rows, all: loads.all as u64, find: find.unwrap_or_default().to_owned(), ui }))
}
