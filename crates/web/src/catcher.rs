//! Test Webhook → Catcher: a receiver that is already there. And the sister page that verifies a signature.

mod act;
mod compare;
mod export;
mod list;
mod live;
mod one;
mod qr;
mod verdict;
mod verify;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use ringup_app::CatcherView;
use ringup_app::view::{AccountView, EndpointView};

use crate::Web;
use crate::ui::Ui;
use crate::visit::account_path;

/// All pages here.
pub fn routes() -> Router<Arc<Web>> {
    Router::new()
        .route("/a/{a}/test/catchers", get(list::page).post(list::create))
        .route("/a/{a}/test/catchers/{c}", get(one::page))
        .route("/a/{a}/test/catchers/{c}/live", get(live::live))
        .route("/a/{a}/test/catchers/{c}/compare", get(compare::page))
        .route("/a/{a}/test/catchers/{c}/export", get(export::all))
        .route("/a/{a}/test/catchers/{c}/requests/{n}/export", get(export::one))
        .route("/a/{a}/test/catchers/{c}/script", post(act::script))
        .route("/a/{a}/test/catchers/{c}/restart", post(act::restart))
        .route("/a/{a}/test/catchers/{c}/answer", post(act::answer))
        .route("/a/{a}/test/catchers/{c}/use", post(act::use_for_a_url))
        .route("/a/{a}/test/catchers/{c}/send", post(act::send))
        .route("/a/{a}/test/catchers/{c}/clear", post(act::clear))
        .route("/a/{a}/test/catchers/{c}/token", post(act::token))
        .route("/a/{a}/test/catchers/{c}/delete", post(act::delete))
        .route("/a/{a}/test/catchers/{c}/requests/{n}/body", get(one::body))
        .route("/a/{a}/test/catchers/{c}/requests/{n}/forget", post(act::forget))
        .route("/a/{a}/test/verify", get(verify::page).post(verify::check))
}

fn catcher_path(account: &AccountView, catcher: &CatcherView) -> String {
    format!("{}/test/catchers/{}", account_path(account), catcher.catcher.id)
}

fn title(ui: &Ui, catcher: &CatcherView) -> String {
    if catcher.catcher.name.is_empty() { ui.t("catcher-unnamed") } else { catcher.catcher.name.clone() }
}

/// The key of a tab's text.
pub fn tab_key(tab: &str) -> &'static str {
    match tab {
        "headers" => "catch-headers",
        "signature" => "catch-signature",
        "answer" => "catch-answer",
        "raw" => "catch-raw",
        _ => "catch-body",
    }
}

/// The endpoint that has this catcher's URL.
fn user<'a>(account: &'a AccountView, catcher: &CatcherView) -> Option<&'a Arc<EndpointView>> {
    account.endpoints.iter().find(|view| view.endpoint.url == catcher.url)
}
