//! Adding an endpoint and changing one: where, what, proof.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use ringup_app::view::{AccountView, EndpointView};
use ringup_app::{AppError, Checked, EndpointDraft, NewEndpoint, SecretDraft, Tried};

use super::authorization::{HeaderRow, of_form, rows};
use super::check::CheckShown;
use super::path;
use crate::error_page::Answer;
use crate::fields::Fields;
use crate::kind::{Family, families};
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, account_path, faults};
use crate::{Shared, Web};

#[derive(Template)]
#[template(path = "url_form.html")]
struct FormPage {
    ui: Ui,
    base: String,
    /// Where the form goes.
    action: String,
    is_new: bool,
    /// Where *Cancel* leads.
    back: String,
    url: String,
    description: String,
    all_events: bool,
    families: Vec<Family>,
    channels: String,
    filter: String,
    /// Of the newest events: how many it would match, and of how many.
    tried: Option<(u64, u64)>,
    /// What is wrong with the condition.
    filter_wrong: Option<String>,
    checked: Option<CheckShown>,
    /// The caller's own, for an endpoint that is not there yet.
    secret: String,
    headers: Vec<HeaderRow>,
    faults: Vec<(String, String)>,
}

/// `GET /a/{account}/urls/new`
pub async fn new_page(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let url = visit.query.one("url").unwrap_or_default().to_owned();
    let draft = EndpointDraft { url, ..EndpointDraft::default() };
    Ok(page(&web, &visit, &view, None, draft, Extra::default()))
}

/// What the form shows besides the draft.
#[derive(Default)]
struct Extra {
    faults: Vec<(String, String)>,
    tried: Option<Tried>,
    checked: Option<Checked>,
    secret: String,
    headers: Vec<(String, String)>,
}

/// `POST /a/{account}/urls`; with `try` or `check`, the form again with what came of that.
pub async fn create(State(web): Shared, Path(account): Path<String>, Posted { visit, form }: Posted) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let mut draft = EndpointDraft::default();
    fill(&mut draft, &form);
    let secret = SecretDraft { text: form.one("secret").map(str::to_owned), ..SecretDraft::default() };
    let headers = of_form(&form, &[]);
    let extra = Extra { secret: secret.text.clone().unwrap_or_default(), headers: headers.clone(), ..Extra::default() };
    if form.has("try") {
        return tried(&web, &visit, &view, None, draft, extra).await;
    }
    if form.has("check") {
        return match web.app.check_url(&visit.who, &account, &draft.url, &secret).await {
            Ok(checked) => Ok(page(&web, &visit, &view, None, draft, Extra { checked: Some(checked), ..extra })),
            Err(error) => refused(&web, &visit, &view, None, draft, error, extra),
        };
    }
    let new = NewEndpoint { draft: draft.clone(), secret, headers };
    match web.app.create_endpoint(&visit.who, &account, new).await {
        Ok(made) => {
            let to = format!("{}{}?done=url", account_path(&view), path(&made));
            Ok(Redirect::to(&to).into_response())
        }
        Err(error) => refused(&web, &visit, &view, None, draft, error, extra),
    }
}

/// `GET /a/{account}/urls/{endpoint}/edit`
pub async fn edit_page(State(web): Shared, visit: Visit, Path((account, endpoint)): Path<(String, String)>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let found = web.app.endpoint(&visit.who, &account, &endpoint)?;
    let draft = EndpointDraft {
        url: found.endpoint.url.clone(),
        description: found.endpoint.description.clone(),
        event_types: found.endpoint.subscription.event_types.clone(),
        channels: found.endpoint.subscription.channels.clone(),
        families: found.endpoint.subscription.families.clone(),
        filter: found.endpoint.subscription.filter.as_ref().map(|filter| filter.text().to_owned()),
        ..EndpointDraft::default()
    };
    Ok(page(&web, &visit, &view, Some(&found), draft, Extra::default()))
}

/// `POST /a/{account}/urls/{endpoint}/edit`
pub async fn edit(
    State(web): Shared,
    Path((account, endpoint)): Path<(String, String)>,
    Posted { visit, form }: Posted,
) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let found = web.app.endpoint(&visit.who, &account, &endpoint)?;
    if form.has("try") {
        let mut draft = EndpointDraft::default();
        fill(&mut draft, &form);
        return tried(&web, &visit, &view, Some(&found), draft, Extra::default()).await;
    }
    match web.app.edit_endpoint(&visit.who, &account, &endpoint, |draft| fill(draft, &form)).await {
        Ok(changed) => {
            let to = format!("{}{}?done=saved", account_path(&view), path(&changed));
            Ok(Redirect::to(&to).into_response())
        }
        Err(error) => {
            let mut draft = EndpointDraft::default();
            fill(&mut draft, &form);
            refused(&web, &visit, &view, Some(&found), draft, error, Extra::default())
        }
    }
}

/// What the form says. A choice of no type at all stays one: `app` says what is wrong with it.
fn fill(draft: &mut EndpointDraft, form: &Fields) {
    draft.url = form.one("url").unwrap_or_default().to_owned();
    draft.description = form.one("description").unwrap_or_default().to_owned();
    draft.filter = form.one("filter").map(str::to_owned);
    draft.families = match form.one("events") {
        Some("chosen") => form.many("family").map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    };
    let chosen = || form.many("type").map(str::to_owned).collect::<BTreeSet<_>>();
    draft.event_types = (form.one("events") == Some("chosen")).then(chosen);
    // Families alone are a choice, too.
    if !draft.families.is_empty() && draft.event_types.as_ref().is_some_and(BTreeSet::is_empty) {
        draft.event_types = None;
    }
    let channels = form.one("channels").unwrap_or_default();
    let channels: BTreeSet<String> =
        channels.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    draft.channels = (!channels.is_empty()).then_some(channels);
}

/// The form again, with what the subscription would have done with the newest events.
async fn tried(
    web: &Web,
    visit: &Visit,
    view: &AccountView,
    old: Option<&EndpointView>,
    draft: EndpointDraft,
    extra: Extra,
) -> Answer {
    let account = view.account.id.to_string();
    match web.app.try_subscription(&visit.who, &account, &draft).await {
        Ok(tried) => Ok(page(web, visit, view, old, draft, Extra { tried: Some(tried), ..extra })),
        Err(error) => Ok(page(web, visit, view, old, draft, Extra { faults: faults(error)?, ..extra })),
    }
}

/// The form again, with what is wrong with it.
fn refused(
    web: &Web,
    visit: &Visit,
    view: &AccountView,
    old: Option<&EndpointView>,
    draft: EndpointDraft,
    error: AppError,
    extra: Extra,
) -> Answer {
    let page = page(web, visit, view, old, draft, Extra { faults: faults(error)?, ..extra });
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

fn page(
    web: &Web,
    visit: &Visit,
    view: &AccountView,
    old: Option<&EndpointView>,
    draft: EndpointDraft,
    extra: Extra,
) -> Response {
    let ui = visit.ui_of(view, Menu::Urls, if old.is_some() { "url-edit" } else { "url-add" });
    let base = account_path(view);
    let of_old = old.map(|old| format!("{base}{}", path(old)));
    let chosen = draft.event_types.clone().unwrap_or_default();
    html(&FormPage {
        action: of_old.as_ref().map_or_else(|| format!("{base}/urls"), |path| format!("{path}/edit")),
        back: of_old.unwrap_or_else(|| format!("{base}/urls")),
        is_new: old.is_none(),
        base,
        url: draft.url,
        description: draft.description,
        all_events: draft.event_types.is_none() && draft.families.is_empty(),
        families: families(&web.app, &visit.who, &chosen, &draft.families),
        filter: draft.filter.unwrap_or_default(),
        tried: extra.tried.map(|tried| (tried.matched as u64, tried.events as u64)),
        filter_wrong: extra.faults.iter().find(|(field, _)| field.contains("filter")).map(|(_, why)| why.clone()),
        checked: extra.checked.map(|checked| CheckShown::of(&checked, &ui)),
        secret: extra.secret,
        headers: rows(&extra.headers),
        channels: draft.channels.unwrap_or_default().into_iter().collect::<Vec<_>>().join(", "),
        faults: extra.faults,
        ui,
    })
}
