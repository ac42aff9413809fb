//! Who visits a page: signed in or not, with their preferences and what the address says.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use http::request::Parts;
use http::{Extensions, HeaderMap, Uri};
use ringup_app::view::AccountView;
use ringup_app::{AppError, Fault, Origin, Principal};
use ringup_core::account::Role;
use ringup_core::time::Timestamp;

use crate::Web;
use crate::error_page::Failure;
use crate::fields::{Fields, escaped};
use crate::menu::Menu;
use crate::prefs::{Prefs, cookie, views};
use crate::ui::{Here, Person, Recording, Ui};

pub const SESSION_COOKIE: &str = "ringup_session";

/// Where an operator acts.
pub const ENVIRONMENT_COOKIE: &str = "ringup_environment";

/// Bytes of a form besides a payload.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// Somebody who is signed in.
pub struct Visit {
    pub who: Principal,
    pub prefs: Prefs,
    pub query: Fields,
    pub now: Timestamp,
    /// The cookie's token, for whoever looks again later.
    pub token: String,
    csrf: String,
    environment: Option<String>,
    /// For what is kept in cookies of one account.
    headers: HeaderMap,
}

impl Visit {
    /// A session that another node opened a moment ago is one, too: who signs in there is sent on to any.
    async fn of(headers: &HeaderMap, uri: &Uri, origin: Origin, web: &Web) -> Result<Visit, Failure> {
        let to_sign_in = || {
            let place = uri.path_and_query().map_or("/", |place| place.as_str());
            Failure::SignIn(escaped(place))
        };
        let token = cookie(headers, SESSION_COOKIE).ok_or_else(to_sign_in)?;
        let environment = cookie(headers, ENVIRONMENT_COOKIE);
        let find = || web.sessions.find(&web.app, token, environment);
        let session = match find() {
            Some(session) => session,
            None => {
                web.app.look_again().await;
                find().ok_or_else(to_sign_in)?
            }
        };
        Ok(Visit {
            environment: web.app.own_environment(&session.who).map(|environment| environment.name.clone()),
            who: session.who.from(origin),
            prefs: Prefs::of(headers),
            query: Fields::parse(uri.query().unwrap_or_default().as_bytes()),
            now: web.app.now(),
            token: token.to_owned(),
            headers: headers.clone(),
            csrf: session.csrf,
        })
    }

    /// What a page's frame shows. `title` is a key of the texts.
    pub fn ui(&self, menu: Menu, title: &str) -> Ui {
        Ui {
            person: Some(Person {
                is_whole: !matches!(self.who.role(), Role::Account(_)),
                is_operator: matches!(self.who.role(), Role::Operator),
                environment: self.environment.clone().unwrap_or_default(),
            }),
            csrf: self.csrf.clone(),
            done: self.query.one("done").map(str::to_owned),
            ..Ui::guest(&self.prefs, self.now, menu, title)
        }
    }

    /// As [`Visit::ui`], within an account.
    pub fn ui_of(&self, account: &AccountView, menu: Menu, title: &str) -> Ui {
        Ui { here: Some(self.here(account)), ..self.ui(menu, title) }
    }

    /// Own views of the account's log, by name.
    pub fn views(&self, view: &AccountView) -> Vec<(String, String)> {
        views(&self.headers, &view.account.id)
    }

    fn here(&self, view: &AccountView) -> Here {
        let account = &view.account;
        let mode = view.settings.log_mode_at(self.now);
        Here {
            name: account.name.clone(),
            path: account_path(view),
            views: self.views(view),
            recording: Recording { mode, full_until: view.settings.full_until.value.filter(|until| self.now < *until) },
        }
    }
}

/// Where an account's pages are: by the name its owner gave it, else by its id.
pub fn account_path(view: &AccountView) -> String {
    let account = &view.account;
    format!("/a/{}", account.uid.as_deref().map_or_else(|| account.id.to_string(), escaped))
}

impl FromRequestParts<Arc<Web>> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Visit, Failure> {
        let visit = Visit::of(&parts.headers, &parts.uri, origin(&parts.extensions), web).await?;
        // What the path names, too.
        if let Ok(names) = RawPathParams::from_request_parts(parts, web).await {
            let named = |wanted: &str| names.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
            if let Some(account) = named("a") {
                web.app.look_for(&visit.who, account, named("e")).await;
            }
        }
        Ok(visit)
    }
}

/// A form that somebody who is signed in sent from one of our pages.
pub struct Posted {
    pub visit: Visit,
    pub form: Fields,
}

impl FromRequest<Arc<Web>> for Posted {
    type Rejection = Failure;

    async fn from_request(request: Request, web: &Arc<Web>) -> Result<Posted, Failure> {
        let (mut parts, body) = request.into_parts();
        let visit = Visit::from_request_parts(&mut parts, web).await?;
        let form = form(Request::from_parts(parts, body), web).await?;
        // Both are random text of one length, known only to us and to the page.
        if form.raw("csrf") != Some(visit.csrf.as_str()) {
            return Err(Failure::Forged);
        }
        Ok(Posted { visit, form })
    }
}

/// Where a request comes from, as the front found it.
fn origin(extensions: &Extensions) -> Origin {
    extensions.get().copied().unwrap_or_default()
}

/// The fields of a form, within their bound.
pub async fn form(request: Request, web: &Web) -> Result<Fields, Failure> {
    // A byte of a payload can take three in a form.
    let bytes_max = web.plan.payload_bytes_max.saturating_mul(3).saturating_add(FORM_BYTES_MAX);
    let body = to_bytes(request.into_body(), bytes_max).await.map_err(|_| Failure::TooLarge)?;
    Ok(Fields::parse(&body))
}

/// Somebody who may not be signed in.
pub struct Guest {
    pub prefs: Prefs,
    pub query: Fields,
    pub now: Timestamp,
    pub is_signed_in: bool,
    pub origin: Origin,
}

impl FromRequestParts<Arc<Web>> for Guest {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Guest, Self::Rejection> {
        Ok(Guest {
            prefs: Prefs::of(&parts.headers),
            query: Fields::parse(parts.uri.query().unwrap_or_default().as_bytes()),
            now: web.app.now(),
            is_signed_in: Visit::of(&parts.headers, &parts.uri, origin(&parts.extensions), web).await.is_ok(),
            origin: origin(&parts.extensions),
        })
    }
}

/// Whoever reads a page that is open to all: with the frame of whom is signed in.
pub struct Reader {
    pub query: Fields,
    frame: Result<Box<Visit>, (Prefs, Timestamp)>,
}

impl Reader {
    /// What the page's frame shows. `title` is a key of the texts.
    pub fn ui(&self, menu: Menu, title: &str) -> Ui {
        match &self.frame {
            Ok(visit) => visit.ui(menu, title),
            Err((prefs, now)) => Ui::guest(prefs, *now, menu, title),
        }
    }
}

impl FromRequestParts<Arc<Web>> for Reader {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Reader, Self::Rejection> {
        let visit = Visit::of(&parts.headers, &parts.uri, origin(&parts.extensions), web).await;
        Ok(Reader {
            query: Fields::parse(parts.uri.query().unwrap_or_default().as_bytes()),
            frame: visit.map(Box::new).map_err(|_| (Prefs::of(&parts.headers), web.app.now())),
        })
    }
}

/// What is wrong within a document is shown with its place there.
fn named(fault: Fault) -> (String, String) {
    match fault.part.as_deref().filter(|part| part.starts_with('/')) {
        Some(pointer) => (fault.field.to_owned(), format!("{pointer}: {}", fault.why)),
        None => (fault.field.to_owned(), fault.why),
    }
}

/// The faults of a form, to be shown beside its fields; whatever else went wrong fails.
pub fn faults(error: AppError) -> Result<Vec<(String, String)>, Failure> {
    match error {
        AppError::Invalid(faults) => Ok(faults.into_iter().map(named).collect()),
        AppError::Conflict(why) => Ok(vec![(String::new(), why)]),
        other => Err(other.into()),
    }
}
