//! An endpoint's signing secrets, and how a receiver checks a signature.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use ringup_app::SecretDraft;
use ringup_app::view::{AccountView, EndpointView};
use ringup_core::time::Timestamp;
use secrecy::ExposeSecret as _;

use super::one::Head;
use super::path;
use super::snippet::{SNIPPETS, Snippet};
use crate::Shared;
use crate::error_page::Answer;
use crate::json_view::escape;
use crate::markup::Markup;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path};

#[derive(Template)]
#[template(path = "url_security.html")]
struct SecurityPage {
    ui: Ui,
    head: Head,
    /// The newest secret, when somebody asked to see it.
    secret: Option<String>,
    /// Replaced ones that still sign, and until when.
    older: Vec<Timestamp>,
    headers: Vec<(String, String)>,
    snippets: &'static [Snippet],
    chosen: &'static str,
    code: Markup,
}

/// `GET /a/{account}/urls/{endpoint}/security`
pub async fn page(State(web): Shared, visit: Visit, Path((account, endpoint)): Path<(String, String)>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let found = web.app.endpoint(&visit.who, &account, &endpoint)?;
    Ok(shown(&visit, &view, &found, None))
}

/// `POST /a/{account}/urls/{endpoint}/security/reveal`: the page with the secret on it. Nothing else ever shows it.
pub async fn reveal(
    State(web): Shared,
    Path((account, endpoint)): Path<(String, String)>,
    Posted { visit, .. }: Posted,
) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let found = web.app.endpoint(&visit.who, &account, &endpoint)?;
    let secret = web.app.secret(&visit.who, &account, &endpoint).await?;
    Ok(shown(&visit, &view, &found, Some(secret.expose_secret().to_owned())))
}

/// `POST /a/{account}/urls/{endpoint}/security/rotate`
pub async fn rotate(
    State(web): Shared,
    Path((account, endpoint)): Path<(String, String)>,
    Posted { visit, form }: Posted,
) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let found = web.app.endpoint(&visit.who, &account, &endpoint)?;
    let hours = form.one("grace_hours").and_then(|hours| hours.parse().ok()).map(Duration::from_hours);
    web.app.rotate_secret(&visit.who, &account, &endpoint, SecretDraft::default(), hours).await?;
    let to = format!("{}{}/security?done=rotated", account_path(&view), path(&found));
    Ok(Redirect::to(&to).into_response())
}

fn shown(visit: &Visit, view: &AccountView, found: &EndpointView, secret: Option<String>) -> Response {
    let base = account_path(view);
    let asked = visit.query.one("lang").unwrap_or_default();
    let snippet = SNIPPETS.iter().find(|snippet| snippet.key == asked).unwrap_or(&SNIPPETS[0]);
    let mut code = String::new();
    escape(snippet.code, &mut code);
    let mut ui = visit.ui_of(view, Menu::Urls, "url-security");
    ui.title = super::title(found);
    html(&SecurityPage {
        ui,
        head: Head::of(&base, found, "security"),
        secret,
        older: found.endpoint.signing_secrets(visit.now).filter_map(|secret| secret.expires_at).collect(),
        headers: found
            .endpoint
            .headers
            .iter()
            .map(|(name, value)| {
                let shown =
                    if ringup_core::log::masked(name) { "••••••••".to_owned() } else { value.clone() };
                (name.clone(), shown)
            })
            .collect(),
        snippets: SNIPPETS,
        chosen: snippet.key,
        code: askama::filters::HtmlSafeOutput(code),
    })
}
