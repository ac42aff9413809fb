//! The console: pages for people, rendered here, whole without script.
//!
//! Asks [`ringup_app::App`] and can do nothing else. One page is one struct, one template and one handler; every state of
//! a page is an address. Whatever others wrote (payloads, answers, names) is text on a page, never HTML.

mod account;
mod assets;
mod audit;
mod catalog;
mod catcher;
mod chart;
mod configuration;
mod endpoint;
mod error_page;
mod event;
mod fields;
mod front;
mod health;
mod json_view;
mod key;
mod kind;
mod lang;
mod log;
mod loyalty;
mod markup;
mod menu;
mod operator;
mod overview;
mod person;
mod prefs;
mod reference;
mod send;
mod session;
mod sign_in;
mod text;
mod ui;
mod visit;
mod why;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::response::Redirect;
use axum::routing::{get, post};
use ringup_app::App;
use serde_json::Value;

use error_page::Failure;
use reference::Document;
use session::Sessions;
use visit::Visit;

/// What the operator decides about pages.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The console is reached by HTTPS, so cookies are only sent over it.
    pub secure: bool,
    /// Bytes of an event's payload that a form may carry.
    pub payload_bytes_max: usize,
}

/// What handlers share.
pub(crate) struct Web {
    pub(crate) app: Arc<App>,
    pub(crate) plan: Plan,
    pub(crate) sessions: Sessions,
    pub(crate) document: Document,
}

/// How handlers take it.
pub(crate) type Shared = axum::extract::State<Arc<Web>>;

/// The console of one server.
pub struct Console(Arc<Web>);

impl Console {
    /// `document` is the OpenAPI document that the reference is drawn from.
    pub fn new(app: Arc<App>, plan: Plan, document: &Value) -> Console {
        Console(Arc::new(Web { app, plan, sessions: Sessions::default(), document: Document::new(document) }))
    }

    /// All pages. Has no fallback, so that it can be merged with the router of the API.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/", get(async || Redirect::to("/a")))
            .route("/assets/{file}", get(assets::serve))
            .route("/sign-in", get(sign_in::page).post(sign_in::submit))
            .route("/sign-out", post(sign_in::sign_out))
            .route("/sign-out-everywhere", post(sign_in::sign_out_everywhere))
            .route("/link/{token}", get(sign_in::link).post(sign_in::follow))
            .route("/me", get(person::page).post(person::save))
            .route("/op", get(operator::fleet))
            .route("/op/queues", get(operator::queues))
            .route("/op/accounts", get(operator::accounts))
            .route("/op/problems", get(operator::problems))
            .route("/op/nodes", get(operator::nodes))
            .route("/op/system", get(operator::system))
            .route("/op/backup", post(operator::back_up))
            .route("/op/support-bundle", get(operator::support_bundle))
            .route("/me/sessions/{s}/end", post(person::end_session))
            .route("/op/audit", get(audit::of_all))
            .route("/docs/api", get(reference::list))
            .route("/docs/api/{operation}", get(reference::one))
            .route("/a", get(account::list).post(account::create))
            .route("/a/{a}", get(overview::page))
            .route("/a/{a}/urls", get(endpoint::list).post(endpoint::create))
            .route("/a/{a}/urls/new", get(endpoint::new_page))
            .route("/a/{a}/urls/{e}", get(endpoint::one))
            .route("/a/{a}/urls/{e}/edit", get(endpoint::edit_page).post(endpoint::edit))
            .route("/a/{a}/urls/{e}/pause", post(endpoint::pause))
            .route("/a/{a}/urls/{e}/resume", post(endpoint::resume))
            .route("/a/{a}/urls/{e}/delete", post(endpoint::delete))
            .route("/a/{a}/configuration/alerts", post(configuration::add_alert))
            .route("/a/{a}/configuration/alerts/{e}/delete", post(configuration::delete_alert))
            .route("/a/{a}/urls/{e}/check", get(endpoint::check_page).post(endpoint::check))
            .route("/a/{a}/urls/{e}/security", get(endpoint::security))
            .route("/a/{a}/urls/{e}/security/authorization", post(endpoint::authorize))
            .route("/a/{a}/urls/{e}/security/headers", post(endpoint::set_headers))
            .route("/a/{a}/urls/{e}/security/reveal", post(endpoint::reveal))
            .route("/a/{a}/urls/{e}/security/rotate", post(endpoint::rotate))
            .route(
                "/a/{a}/urls/{e}/configuration",
                get(configuration::of_endpoint).post(configuration::change_endpoint),
            )
            .route("/a/{a}/logs", get(log::list))
            .route("/a/{a}/logs/complete", get(log::complete))
            .route("/a/{a}/logs/views", post(log::save_view))
            .route("/a/{a}/logs/export", get(log::export))
            .route("/a/{a}/logs/live", get(log::live))
            .route("/a/{a}/logs/resend", get(log::resend_found).post(log::begin_resend))
            .route("/a/{a}/tasks/{t}", get(log::task))
            .route("/a/{a}/tasks/{t}/cancel", post(log::cancel_task))
            .route("/a/{a}/logs/{m}/{e}", get(log::delivery))
            .route("/a/{a}/logs/{m}/{e}/resend", post(log::resend))
            .route("/a/{a}/events/{m}", get(event::page))
            .route("/a/{a}/events/{m}/again", post(event::again))
            .route("/a/{a}/events/{m}/payload", get(log::payload))
            .route("/a/{a}/configuration", get(configuration::of_account).post(configuration::change_account))
            .route("/a/{a}/catalog", get(catalog::list))
            .route("/a/{a}/catalog/{t}", get(catalog::one))
            .route("/a/{a}/validation", post(catalog::set_validation))
            .route("/a/{a}/audit", get(audit::of_account))
            .route("/a/{a}/keys", get(key::page).post(key::create))
            .route("/a/{a}/keys/{k}/revoke", post(key::revoke))
            .route("/a/{a}/test/send", get(send::page).post(send::submit))
            .merge(loyalty::routes())
            .merge(catcher::routes())
            .route("/a/{a}/{*rest}", get(no_such_page))
            .layer(middleware::from_fn_with_state(self.0.clone(), front::front))
            .with_state(self.0.clone())
    }
}

/// Whoever is not signed in is asked to be, also at an address without a page.
async fn no_such_page(_: Visit) -> Failure {
    Failure::NoSuchPage
}
