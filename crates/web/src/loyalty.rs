//! External Loyalty App: the questions that a till waits for, whom they ask, how that goes, and trying them.

mod calls;
mod kind;
mod list;
mod mock;
mod one;
mod trial;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use ringup_app::{AppError, HookType};
use ringup_core::account::Role;
use ringup_core::hook::Kind;
use ringup_core::scope::Scope;

use crate::Web;
use crate::error_page::Failure;
use crate::ui::Ui;
use crate::visit::Visit;

/// Icons and all the rest are those of [`crate::menu::Menu`].
pub fn routes() -> Router<Arc<Web>> {
    Router::new()
        .route("/a/{a}/loyalty", get(list::page))
        .route("/a/{a}/loyalty-calls", get(calls::page))
        .route("/a/{a}/hook-type", get(kind::blank).post(kind::declare))
        .route("/a/{a}/hook-type/{hook}", get(kind::page).post(kind::change))
        .route("/a/{a}/hook-type/{hook}/remove", post(kind::remove))
        .route("/a/{a}/loyalty/{hook}", get(one::page).post(one::set))
        .route("/a/{a}/loyalty/{hook}/try", post(trial::ask))
        .route("/a/{a}/loyalty/{hook}/mock", post(mock::start))
        .route("/a/{a}/loyalty/{hook}/remove", post(one::remove))
}

/// The hook of an address.
fn named(web: &Web, visit: &Visit, name: &str) -> Result<HookType, Failure> {
    web.app.hook_type(&visit.who, name).map_err(|error| match error {
        AppError::NotFound { .. } => Failure::NoSuchPage,
        error => error.into(),
    })
}

/// As the guide calls it, or whoever declared it.
fn title(hook: &HookType, ui: &Ui) -> String {
    if hook.contract.is_published() { ui.t(format!("hook-{}", hook.contract.name)) } else { hook.title.clone() }
}

/// When it is asked.
fn about(hook: &HookType, ui: &Ui) -> String {
    match hook.contract.is_published() {
        true => ui.t(format!("hook-{}-about", hook.contract.name)),
        false => hook.description.clone(),
    }
}

/// Whether the visitor may say which hooks there are.
fn may_declare(visit: &Visit) -> bool {
    visit.who.may(Scope::EventTypes) && !matches!(visit.who.role(), Role::Account(_))
}

/// What kind of value a field takes, for people.
fn kind_key(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "hook-kind-text",
        Kind::Number => "hook-kind-number",
        Kind::Word(_) => "hook-kind-word",
        Kind::Any => "hook-kind-any",
    }
}

/// The time within which 95 of 100 calls were over, and all of them, shortest first.
async fn latencies(web: &Web, visit: &Visit, account: &str, endpoint: &str) -> Result<Vec<Duration>, Failure> {
    let mut spans = web.app.durations(&visit.who, account, endpoint).await?;
    spans.sort_unstable();
    Ok(spans)
}
