//! `/me`: language, theme, time zone, environment, and signing out.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};
use http::HeaderValue;
use http::header::SET_COOKIE;
use ringup_app::view::KnownKey;
use ringup_core::time::Timestamp;

use crate::error_page::Answer;
use crate::lang::Lang;
use crate::menu::Menu;
use crate::prefs::{LANG_COOKIE, THEME_COOKIE, Theme, ZONE_COOKIE, zone};
use crate::ui::{Ui, html};
use crate::visit::{ENVIRONMENT_COOKIE, Posted, Visit};
use crate::{Shared, Web};

/// Zones that are offered; any other name can be typed.
const ZONES: [&str; 8] = [
    "UTC",
    "Asia/Jakarta",
    "Asia/Makassar",
    "Asia/Jayapura",
    "Asia/Singapore",
    "Asia/Kuala_Lumpur",
    "Australia/Sydney",
    "Europe/Berlin",
];

/// A year: a choice of this kind is meant to last.
const COOKIE_AGE_SECS: u64 = 365 * 24 * 3_600;

/// Sessions on the page; whoever has more ends them all.
const SESSIONS_SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage {
    ui: Ui,
    zone: String,
    zones: [&'static str; 8],
    langs: [Lang; 2],
    themes: [Theme; 3],
    environments: Vec<String>,
    sessions: Vec<Row>,
}

/// A session that was opened with the same key.
struct Row {
    id: String,
    began: Timestamp,
    /// To about a minute.
    seen: Timestamp,
    is_this: bool,
}

/// `GET /me`
pub async fn page(State(web): Shared, visit: Visit) -> Response {
    let environments = web.app.environments(&visit.who).unwrap_or_default();
    let page = PersonPage {
        ui: visit.ui(Menu::Person, "me-title"),
        zone: visit.prefs.zone.iana_name().unwrap_or("UTC").to_owned(),
        zones: ZONES,
        langs: Lang::ALL,
        themes: Theme::ALL,
        environments: environments.iter().map(|environment| environment.name.clone()).collect(),
        sessions: sessions(&web, &visit),
    };
    html(&page)
}

fn sessions(web: &Web, visit: &Visit) -> Vec<Row> {
    let row = |known: &Arc<KnownKey>| Row {
        id: known.key.id.to_string(),
        began: known.key.created_at,
        seen: known.used_at().unwrap_or(known.key.created_at),
        is_this: visit.who.key() == Some(known.key.id),
    };
    web.app.own_sessions(&visit.who).iter().take(SESSIONS_SHOWN).map(row).collect()
}

/// `POST /me/sessions/{session}/end`
pub async fn end_session(State(web): Shared, Path(session): Path<String>, Posted { visit, .. }: Posted) -> Answer {
    web.app.end_own_session(&visit.who, &session).await?;
    Ok(Redirect::to("/me?done=session-ended").into_response())
}

/// `POST /me`
pub async fn save(State(web): Shared, Posted { visit, form }: Posted) -> Answer {
    let mut cookies = Vec::new();
    let mut keep = |name: &str, value: &str| {
        let secure = if web.plan.secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; Max-Age={COOKIE_AGE_SECS}; SameSite=Lax{secure}");
        cookies.extend(HeaderValue::try_from(text).map(|value| (SET_COOKIE, value)));
    };
    if let Some(lang) = form.one("lang").and_then(Lang::from_code) {
        keep(LANG_COOKIE, lang.code());
    }
    if let Some(theme) = form.one("theme").and_then(Theme::from_word) {
        keep(THEME_COOKIE, theme.word());
    }
    if let Some(name) = form.one("zone").filter(|name| zone(name).is_some()) {
        keep(ZONE_COOKIE, name);
    }
    if let Some(environment) = form.one("environment") {
        // Whether there is such a one, and whether this visitor may go there, is for `app` to say.
        web.app.environment_named(&visit.who, environment)?;
        let secure = if web.plan.secure { "; Secure" } else { "" };
        let text = format!("{ENVIRONMENT_COOKIE}={environment}; Path=/; HttpOnly; SameSite=Strict{secure}");
        cookies.extend(HeaderValue::try_from(text).map(|value| (SET_COOKIE, value)));
    }
    Ok((AppendHeaders(cookies), Redirect::to("/me?done=saved")).into_response())
}
