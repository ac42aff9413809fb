//! The catchers of an account, and making one.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use ringup_app::CatcherDraft;
use ringup_app::view::AccountView;
use ringup_core::time::Timestamp;

use super::{catcher_path, title};
use crate::error_page::Answer;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path, faults};
use crate::{Shared, Web};

#[derive(Template)]
#[template(path = "catchers.html")]
struct CatchersPage {
    ui: Ui,
    base: String,
    rows: Vec<Row>,
    name: String,
    faults: Vec<(String, String)>,
}

struct Row {
    name: String,
    path: String,
    url: String,
    script: String,
    requests: u64,
    created_at: Timestamp,
}

/// `GET /a/{account}/test/catchers`
pub async fn page(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    shown(&web, &visit, &view, String::new(), Vec::new()).await
}

/// `POST /a/{account}/test/catchers`
pub async fn create(State(web): Shared, Path(account): Path<String>, Posted { visit, form }: Posted) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let name = form.one("name").unwrap_or_default().to_owned();
    let draft = CatcherDraft { name: name.clone(), ..CatcherDraft::default() };
    match web.app.create_catcher(&visit.who, &account, draft).await {
        Ok(made) => Ok(Redirect::to(&format!("{}?done=catcher", catcher_path(&view, &made.view))).into_response()),
        Err(error) => {
            let page = shown(&web, &visit, &view, name, faults(error)?).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

async fn shown(web: &Web, visit: &Visit, view: &AccountView, name: String, faults: Vec<(String, String)>) -> Answer {
    let base = account_path(view);
    let ui = visit.ui_of(view, Menu::Catcher, "catchers-title");
    let rows = web.app.catchers(&visit.who, &view.account.id.to_string()).await?;
    let row = |catcher: &ringup_app::CatcherView| Row {
        name: title(&ui, catcher),
        path: catcher_path(view, catcher),
        url: catcher.url.clone(),
        script: catcher.catcher.script.to_string(),
        requests: catcher.turn.requests,
        created_at: catcher.catcher.created_at,
    };
    let rows = rows.iter().rev().map(row).collect();
    let page: Response = html(&CatchersPage { ui, base, rows, name, faults });
    Ok(page)
}
