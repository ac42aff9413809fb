//! An endpoint's signing secrets, and how a receiver checks a signature.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect};
use ringup_app::view::AccountView;
use ringup_app::{SecretDraft, TokenTried};
use ringup_core::time::Timestamp;
use secrecy::ExposeSecret as _;

use super::authorization::{AuthorizationForm, HeaderRow, rows, tried_words};
use super::one::Head;
use super::path;
use super::snippet::{SNIPPETS, Snippet};
use crate::error_page::Answer;
use crate::json_view::escape;
use crate::markup::Markup;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path};
use crate::{Shared, Web};

#[derive(Template)]
#[template(path = "url_security.html")]
struct SecurityPage {
    ui: Ui,
    head: Head,
    /// The newest secret, when somebody asked to see it.
    secret: Option<String>,
    /// Replaced ones that still sign, and until when.
    older: Vec<Timestamp>,
    authorization: AuthorizationForm,
    /// What came of asking for a token.
    tried: Option<(&'static str, String)>,
    headers: Vec<HeaderRow>,
    faults: Vec<(String, String)>,
    snippets: &'static [Snippet],
    chosen: &'static str,
    code: Markup,
}

/// What the page shows besides what is saved.
#[derive(Default)]
pub struct Extra {
    /// The newest secret, for whoever asked to see it.
    pub secret: Option<String>,
    pub tried: Option<TokenTried>,
    /// What was sent, to be put right.
    pub authorization: Option<AuthorizationForm>,
    pub headers: Option<Vec<HeaderRow>>,
    pub faults: Vec<(String, String)>,
}

/// `GET /a/{account}/urls/{endpoint}/security`
pub async fn page(State(web): Shared, visit: Visit, Path((account, endpoint)): Path<(String, String)>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    shown(&web, &visit, &view, &endpoint, Extra::default())
}

/// `POST /a/{account}/urls/{endpoint}/security/reveal`: the page with the secret on it. Nothing else ever shows it.
pub async fn reveal(
    State(web): Shared,
    Path((account, endpoint)): Path<(String, String)>,
    Posted { visit, .. }: Posted,
) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let secret = web.app.secret(&visit.who, &account, &endpoint).await?;
    let extra = Extra { secret: Some(secret.expose_secret().to_owned()), ..Extra::default() };
    shown(&web, &visit, &view, &endpoint, extra)
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

pub fn shown(web: &Web, visit: &Visit, view: &AccountView, endpoint: &str, extra: Extra) -> Answer {
    let account = view.account.id.to_string();
    let authorization = web.app.authorization(&visit.who, &account, endpoint)?;
    let found = &authorization.endpoint;
    let base = account_path(view);
    let asked = visit.query.one("lang").unwrap_or_default();
    let snippet = SNIPPETS.iter().find(|snippet| snippet.key == asked).unwrap_or(&SNIPPETS[0]);
    let mut code = String::new();
    escape(snippet.code, &mut code);
    let mut ui = visit.ui_of(view, Menu::Urls, "url-security");
    ui.title = super::title(found);
    Ok(html(&SecurityPage {
        head: Head::of(&base, found, "security"),
        secret: extra.secret,
        older: found.endpoint.signing_secrets(visit.now).filter_map(|secret| secret.expires_at).collect(),
        headers: extra.headers.unwrap_or_else(|| rows(&found.endpoint.headers)),
        authorization: extra.authorization.unwrap_or_else(|| AuthorizationForm::of(&authorization)),
        tried: extra.tried.as_ref().map(|tried| tried_words(tried, &ui)),
        faults: extra.faults,
        snippets: SNIPPETS,
        chosen: snippet.key,
        code: askama::filters::HtmlSafeOutput(code),
        ui,
    }))
}
