//! Developer → API keys: what lets a point of sale report events.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use ringup_app::{AppError, KeyPlace, KeyRequest};
use ringup_core::account::Role;
use ringup_core::scope::{Scope, Scopes};
use ringup_core::time::Timestamp;
use secrecy::ExposeSecret as _;

use crate::error_page::{Answer, Failure};
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path, faults};
use crate::{Shared, Web};

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage {
    ui: Ui,
    base: String,
    rows: Vec<Row>,
    /// A key just made, which is shown this once.
    made: Option<String>,
    faults: Vec<(String, String)>,
}

struct Row {
    id: String,
    name: String,
    prefix: String,
    scopes: String,
    shape: &'static str,
    state: String,
    is_valid: bool,
    created_at: Timestamp,
}

/// `GET /a/{account}/keys`
pub async fn page(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    shown(&web, &visit, &account, None, Vec::new())
}

/// `POST /a/{account}/keys`: the page with the key on it. Nothing else ever shows it.
pub async fn create(State(web): Shared, Path(account): Path<String>, Posted { visit, form }: Posted) -> Answer {
    let scopes = match form.one("use") {
        Some("all") => None,
        _ => Some([Scope::Publish].into_iter().collect::<Scopes>()),
    };
    let request = KeyRequest {
        name: form.one("name").unwrap_or_default().to_owned(),
        place: KeyPlace::Account(account.clone()),
        scopes,
        expires_at: None,
    };
    match web.app.create_key(&visit.who, request).await {
        Ok(made) => shown(&web, &visit, &account, Some(made.token.expose_secret().to_owned()), Vec::new()),
        Err(error) => {
            let page = shown(&web, &visit, &account, None, faults(error)?)?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// `POST /a/{account}/keys/{key}/revoke`
pub async fn revoke(
    State(web): Shared,
    Path((account, key)): Path<(String, String)>,
    Posted { visit, .. }: Posted,
) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    // A key of another account is none of this page's.
    let found = web.app.key(&visit.who, &key)?;
    if found.key.role != Role::Account(view.account.key) {
        return Err(AppError::NotFound { what: "key", name: key }.into());
    }
    web.app.revoke_key(&visit.who, &key).await?;
    Ok(Redirect::to(&format!("{}/keys?done=revoked", account_path(&view))).into_response())
}

fn shown(
    web: &Web,
    visit: &Visit,
    account: &str,
    made: Option<String>,
    faults: Vec<(String, String)>,
) -> Result<Response, Failure> {
    let view = web.app.account(&visit.who, account)?;
    let ui = visit.ui_of(&view, Menu::Keys, "keys-title");
    let keys = web.app.keys(&visit.who)?;
    let own = keys.iter().rev().filter(|known| known.key.role == Role::Account(view.account.key));
    let rows = own.map(|known| {
        let key = &known.key;
        let is_valid = key.is_valid_at(visit.now);
        Row {
            id: key.id.to_string(),
            name: key.name.clone(),
            prefix: key.prefix.clone(),
            scopes: Scope::ALL
                .iter()
                .filter(|scope| key.scopes.has(**scope))
                .map(|scope| scope.word())
                .collect::<Vec<_>>()
                .join(", "),
            shape: if is_valid { "ok" } else { "skip" },
            state: ui.t(if is_valid { "key-valid" } else { "key-over" }),
            is_valid,
            created_at: key.created_at,
        }
    });
    let rows = rows.collect();
    Ok(html(&KeysPage { rows, base: account_path(&view), made, faults, ui }))
}
