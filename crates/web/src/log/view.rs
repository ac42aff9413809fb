//! Own views of the log: searches with a name, kept in the browser as the other preferences are.

use axum::extract::{Path, State};
use axum::response::{AppendHeaders, IntoResponse as _, Redirect};
use http::HeaderValue;
use http::header::SET_COOKIE;
use ringup_app::view::AccountView;
use ringup_core::search::Search;
use url::form_urlencoded;

use crate::error_page::Answer;
use crate::fields::Fields;
use crate::prefs::{COOKIE_BYTES_MAX, VIEW_NAME_CHARS_MAX, VIEW_QUERY_CHARS_MAX, VIEWS_MAX, views_cookie};
use crate::visit::{Posted, account_path};
use crate::{Shared, Web};

/// A year, as the other preferences.
const AGE_SECS: u64 = 365 * 24 * 3_600;

/// `POST /a/{account}/logs/views`: the search of the page under a name; with `delete`, no longer.
pub async fn save(State(web): Shared, Path(account): Path<String>, Posted { visit, form }: Posted) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let mut views = visit.views(&view);
    let query = form.one("query").unwrap_or_default();
    let done = match form.one("delete") {
        Some(name) => {
            views.retain(|(found, _)| found != name);
            "view-gone"
        }
        None => {
            let name: String = form.one("name").unwrap_or(query).chars().take(VIEW_NAME_CHARS_MAX).collect();
            let is_useful = !query.is_empty() && query.chars().count() <= VIEW_QUERY_CHARS_MAX;
            if is_useful && Search::parse(query).is_ok() {
                // A name given again is the same view, and the oldest goes where there is no more room.
                views.retain(|(found, _)| *found != name);
                views.push((name, query.to_owned()));
            }
            "view"
        }
    };
    let to = format!("{}/logs?{}", account_path(&view), Fields::default().with(&[("query", query), ("done", done)]));
    let cookie = HeaderValue::try_from(cookie(&web, &view, views)).map(|value| (SET_COOKIE, value));
    Ok((AppendHeaders(cookie.ok()), Redirect::to(&to)).into_response())
}

fn cookie(web: &Web, view: &AccountView, mut views: Vec<(String, String)>) -> String {
    let written =
        |views: &[(String, String)]| form_urlencoded::Serializer::new(String::new()).extend_pairs(views).finish();
    while views.len() > VIEWS_MAX || written(&views).len() > COOKIE_BYTES_MAX {
        views.remove(0);
    }
    let age = if views.is_empty() { 0 } else { AGE_SECS };
    let secure = if web.plan.secure { "; Secure" } else { "" };
    let name = views_cookie(&view.account.id);
    format!("{name}={}; Path=/a; Max-Age={age}; HttpOnly; SameSite=Lax{secure}", written(&views))
}
