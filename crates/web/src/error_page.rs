//! The only place of the console that turns errors into words: what happened, and a way onward.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, StatusCode};
use ringup_app::AppError;
use ringup_core::time::Timestamp;
use tracing::{error, warn};

use crate::menu::Menu;
use crate::prefs::Prefs;
use crate::ui::{Ui, html};

/// Why a page is not what was asked for.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Nobody is signed in. Carries the place to come back to, escaped.
    SignIn(String),
    NoSuchPage,
    /// A link that was used, is too old, or never was.
    DeadLink,
    /// A form that did not come from one of our pages.
    Forged,
    TooLarge,
    TooSlow,
    Defect,
    App(AppError),
}

/// What handlers answer.
pub type Answer = Result<Response, Failure>;

impl From<AppError> for Failure {
    fn from(error: AppError) -> Failure {
        Failure::App(error)
    }
}

impl IntoResponse for Failure {
    /// The words come later, where the visitor's language is known.
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    ui: Ui,
    status: u16,
    heading: String,
    why: String,
    /// What exactly is wrong, where `app` said so.
    detail: Option<String>,
}

pub fn render(failure: &Failure, prefs: &Prefs, now: Timestamp) -> Response {
    let (status, key, detail) = match failure {
        Failure::SignIn(place) => return Redirect::to(&format!("/sign-in?next={place}")).into_response(),
        Failure::NoSuchPage => (StatusCode::NOT_FOUND, "no-such-page", None),
        Failure::DeadLink => (StatusCode::GONE, "dead-link", None),
        Failure::Forged => (StatusCode::FORBIDDEN, "forged", None),
        Failure::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", None),
        Failure::TooSlow => (StatusCode::SERVICE_UNAVAILABLE, "too-slow", None),
        Failure::Defect => (StatusCode::INTERNAL_SERVER_ERROR, "defect", None),
        Failure::App(error) => of_app(error),
    };
    let lang = prefs.lang;
    let page = ErrorPage {
        ui: Ui::guest(prefs, now, Menu::Nowhere, &format!("error-{key}")),
        status: status.as_u16(),
        heading: lang.text(&format!("error-{key}")),
        why: lang.text(&format!("error-{key}-why")),
        detail,
    };
    let mut response = html(&page);
    *response.status_mut() = status;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn of_app(error: &AppError) -> (StatusCode, &'static str, Option<String>) {
    let detail = Some(error.to_string());
    match error {
        AppError::Unauthenticated(_) => (StatusCode::UNAUTHORIZED, "signed-out", None),
        AppError::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", detail),
        // What exactly was asked for stands in the address.
        AppError::NotFound { .. } => (StatusCode::NOT_FOUND, "not-found", None),
        AppError::Conflict(_) => (StatusCode::CONFLICT, "conflict", detail),
        AppError::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail),
        AppError::Unavailable(why) => {
            warn!(%why, "a page cannot be served now");
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable", None)
        }
        AppError::Corrupt(why) => {
            error!(%why, "the store is damaged");
            (StatusCode::SERVICE_UNAVAILABLE, "corrupt", None)
        }
    }
}
