//! Coming in and going out.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};
use http::header::{RETRY_AFTER, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use ringup_app::AppError;
use secrecy::{ExposeSecret as _, SecretString};

use crate::error_page::{Answer, Failure};
use crate::menu::Menu;
use crate::session::Refused;
use crate::ui::{Ui, html};
use crate::visit::{Guest, Posted, SESSION_COOKIE, form};
use crate::{Shared, Web};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    ui: Ui,
    /// Where to go afterwards.
    next: String,
    /// What went wrong with the last try.
    why: Option<String>,
}

/// What a link leads to. It is used up by the button alone: programs that look where links in mails lead press none.
#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage {
    ui: Ui,
    path: String,
}

/// `GET /sign-in`
pub async fn page(guest: Guest) -> Response {
    let next = guest.query.one("next").filter(|place| is_ours(place)).unwrap_or("/a");
    if guest.is_signed_in {
        return Redirect::to(next).into_response();
    }
    let ui = Ui::guest(&guest.prefs, guest.now, Menu::Nowhere, "sign-in-title");
    html(&SignInPage { ui, next: next.to_owned(), why: None })
}

/// `POST /sign-in`
pub async fn submit(State(web): Shared, guest: Guest, request: Request) -> Answer {
    let form = form(request, &web).await?;
    let next = form.one("next").filter(|place| is_ours(place)).unwrap_or("/a").to_owned();
    let lang = guest.prefs.lang;
    let mut wait = None;
    let (status, why) = match web.sessions.sign_in(&web.app, form.one("key").unwrap_or_default(), guest.origin).await {
        Ok(token) => return Ok(signed_in(&web, &token, &next)),
        Err(Refused::Unknown) => (StatusCode::UNAUTHORIZED, lang.text("sign-in-unknown")),
        Err(Refused::TooMany(secs)) => {
            wait = Some((RETRY_AFTER, HeaderValue::from(secs)));
            (StatusCode::TOO_MANY_REQUESTS, lang.text_with("sign-in-too-many", &[("count", secs.into())]))
        }
        Err(Refused::App(error)) => return Err(error.into()),
    };
    let ui = Ui::guest(&guest.prefs, guest.now, Menu::Nowhere, "sign-in-title");
    let headers = AppendHeaders(wait);
    Ok((status, headers, html(&SignInPage { ui, next, why: Some(why) })).into_response())
}

/// `GET /link/{token}`: a link that signs in, and a button that does it.
pub async fn link(State(web): Shared, guest: Guest, Path(token): Path<String>) -> Answer {
    if !web.app.can_follow(&token).await {
        return Err(Failure::DeadLink);
    }
    let ui = Ui::guest(&guest.prefs, guest.now, Menu::Nowhere, "sign-in-title");
    Ok(html(&LinkPage { ui, path: format!("/link/{token}") }))
}

/// `POST /link/{token}`: uses the link up. That the form came from a page of ours was asked at the front.
pub async fn follow(State(web): Shared, guest: Guest, Path(token): Path<String>) -> Answer {
    match web.app.follow_link(&token, guest.origin).await {
        Ok(token) => Ok(signed_in(&web, &token, "/a")),
        Err(AppError::Unauthenticated(_)) => Err(Failure::DeadLink),
        Err(error) => Err(error.into()),
    }
}

/// `POST /sign-out`
pub async fn sign_out(State(web): Shared, Posted { visit, .. }: Posted) -> Answer {
    web.app.sign_out(&visit.who).await?;
    Ok(signed_out(&web))
}

/// `POST /sign-out-everywhere`
pub async fn sign_out_everywhere(State(web): Shared, Posted { visit, .. }: Posted) -> Answer {
    web.app.sign_out_everywhere(&visit.who).await?;
    Ok(signed_out(&web))
}

fn signed_in(web: &Arc<Web>, token: &SecretString, next: &str) -> Response {
    let cookie = set_cookie(web, token.expose_secret(), "");
    ([(SET_COOKIE, cookie)], Redirect::to(next)).into_response()
}

fn signed_out(web: &Arc<Web>) -> Response {
    ([(SET_COOKIE, set_cookie(web, "", "; Max-Age=0"))], Redirect::to("/sign-in")).into_response()
}

fn set_cookie(web: &Web, token: &str, age: &str) -> HeaderValue {
    let secure = if web.plan.secure { "; Secure" } else { "" };
    let text = format!("{SESSION_COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{age}");
    HeaderValue::try_from(text).expect("a token is letters and digits")
}

/// A place of this server: a path, and not another host's.
fn is_ours(place: &str) -> bool {
    place.starts_with('/') && !place.starts_with("//") && !place.contains(['\\', '\r', '\n', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere_after_signing_in() {
        for place in ["/a", "/a/kopi/logs?status=failed"] {
            assert!(is_ours(place), "{place}");
        }
        for place in ["//evil.example", "https://evil.example", "/\\evil.example", "", "a", "/\t/evil.example"] {
            assert!(!is_ours(place), "{place:?}");
        }
    }
}
