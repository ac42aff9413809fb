//! The accounts of an environment, and making one.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect};
use http::StatusCode;
use ringup_app::AccountDraft;
use ringup_core::account::Role;
use ringup_core::time::Timestamp;

use crate::Shared;
use crate::error_page::Answer;
use crate::fields::Fields;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path, faults};

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    ui: Ui,
    rows: Vec<Row>,
    find: String,
    all: u64,
    name: String,
    uid: String,
    faults: Vec<(String, String)>,
}

struct Row {
    name: String,
    path: String,
    uid: String,
    urls: u64,
    created_at: Timestamp,
}

/// `GET /a`. Whoever may see one account alone is led to it.
pub async fn list(State(web): Shared, visit: Visit) -> Answer {
    if let Role::Account(_) = visit.who.role()
        && let Some(own) = web.app.accounts(&visit.who)?.first()
    {
        return Ok(Redirect::to(&account_path(own)).into_response());
    }
    page(&web, &visit, &Fields::default(), Vec::new())
}

/// `POST /a`
pub async fn create(State(web): Shared, Posted { visit, form }: Posted) -> Answer {
    let draft = AccountDraft {
        uid: form.one("uid").map(str::to_owned),
        name: form.one("name").unwrap_or_default().to_owned(),
        ..AccountDraft::default()
    };
    match web.app.create_account(&visit.who, draft).await {
        Ok(made) => Ok(Redirect::to(&format!("{}?done=account", account_path(&made))).into_response()),
        Err(error) => {
            let page = page(&web, &visit, &form, faults(error)?)?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

fn page(web: &crate::Web, visit: &Visit, form: &Fields, faults: Vec<(String, String)>) -> Answer {
    let find = visit.query.one("find").unwrap_or_default().to_lowercase();
    let accounts = web.app.accounts(&visit.who)?;
    let all = accounts.len() as u64;
    let wanted = |name: &str| name.to_lowercase().contains(&find);
    let rows = accounts.iter().rev().filter(|view| {
        wanted(&view.account.name)
            || view.account.uid.as_deref().is_some_and(wanted)
            || wanted(&view.account.id.to_string())
    });
    let rows = rows.take(200).map(|view| Row {
        name: view.account.name.clone(),
        path: account_path(view),
        uid: view.account.uid.clone().unwrap_or_else(|| view.account.id.to_string()),
        urls: view.endpoints.len() as u64,
        created_at: view.account.created_at,
    });
    Ok(html(&AccountsPage {
        ui: visit.ui(Menu::Accounts, "accounts-title"),
        rows: rows.collect(),
        find: visit.query.one("find").unwrap_or_default().to_owned(),
        all,
        name: form.raw("name").unwrap_or_default().to_owned(),
        uid: form.raw("uid").unwrap_or_default().to_owned(),
        faults,
    }))
}
