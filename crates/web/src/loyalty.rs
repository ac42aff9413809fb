//! External Loyalty App: the questions that a till waits for, whom they ask, how that goes, and trying them.

mod calls;
mod list;
mod one;
mod trial;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use ringup_core::hook::{Contract, Kind, NAMES, contract};

use crate::Web;
use crate::error_page::Failure;
use crate::ui::Ui;
use crate::visit::Visit;

/// Icons and all the rest are those of [`crate::menu::Menu`].
pub fn routes() -> Router<Arc<Web>> {
    Router::new()
        .route("/a/{a}/loyalty", get(list::page))
        .route("/a/{a}/loyalty/calls", get(calls::page))
        .route("/a/{a}/loyalty/{hook}", get(one::page).post(one::set))
        .route("/a/{a}/loyalty/{hook}/try", post(trial::ask))
        .route("/a/{a}/loyalty/{hook}/remove", post(one::remove))
}

/// The hooks that can be set, in the guide's order.
fn hooks() -> impl Iterator<Item = &'static Contract> {
    NAMES.iter().filter_map(|name| contract(name))
}

/// The hook of an address.
fn named(name: &str) -> Result<&'static Contract, Failure> {
    hooks().find(|contract| contract.name == name).ok_or(Failure::NoSuchPage)
}

/// As the guide calls it.
fn title(contract: &Contract, ui: &Ui) -> String {
    ui.t(format!("hook-{}", contract.name))
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
