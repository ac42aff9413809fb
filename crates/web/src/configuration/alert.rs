//! Who is told when deliveries fail: endpoints that hear what happens in the whole environment.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use ringup_app::{AppError, EndpointDraft, NewEndpoint};
use ringup_core::operational::OperationalKind;

use super::shown;
use crate::error_page::{Answer, Failure};
use crate::visit::{Posted, Visit, account_path, faults};
use crate::{Shared, Web};

/// What an alert from the form is about; the API can choose anew.
const KINDS: [OperationalKind; 3] =
    [OperationalKind::EndpointFailing, OperationalKind::EndpointRecovered, OperationalKind::EndpointDisabled];

/// Operational endpoints belong to an environment, so they have no account to name.
const NO_NAME: &str = "";

/// What the card shows.
pub struct Alerts {
    /// Whether there is a relay for letters.
    pub letters: bool,
    pub rows: Vec<AlertRow>,
}

pub struct AlertRow {
    pub id: String,
    pub url: String,
    pub kinds: String,
    pub is_stopped: bool,
}

/// `None` for whoever sees one account only: alerts are about all of the environment.
pub fn of(web: &Web, visit: &Visit) -> Result<Option<Alerts>, Failure> {
    let listed = match web.app.operational_endpoints(&visit.who) {
        Ok(listed) => listed,
        Err(AppError::Forbidden(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let row = |view: &std::sync::Arc<ringup_app::view::EndpointView>| {
        let endpoint = &view.endpoint;
        let kinds = endpoint.subscription.event_types.iter().flatten().cloned().collect::<Vec<_>>();
        AlertRow {
            id: endpoint.id.to_string(),
            url: endpoint.url.clone(),
            kinds: kinds.join(", "),
            is_stopped: endpoint.stopped.is_some(),
        }
    };
    Ok(Some(Alerts { letters: web.app.sends_letters(), rows: listed.iter().map(row).collect() }))
}

/// `POST /a/{account}/configuration/alerts`
pub async fn add(State(web): Shared, Path(account): Path<String>, Posted { visit, form }: Posted) -> Answer {
    let told = form.one("alert_url").unwrap_or_default().trim();
    // Somebody who writes an address means a letter.
    let is_address = told.contains('@') && !told.contains(':');
    let url = if is_address { format!("mailto:{told}") } else { told.to_owned() };
    let kinds: BTreeSet<String> = KINDS.iter().map(|kind| kind.word().to_owned()).collect();
    let draft = EndpointDraft { url, event_types: Some(kinds), ..EndpointDraft::default() };
    let who = web.app.operational_to_be(&visit.who).await?;
    match web.app.create_endpoint(&who, NO_NAME, NewEndpoint { draft, ..NewEndpoint::default() }).await {
        Ok(_) => back(&web, &visit, &account, "alert"),
        Err(error) => {
            let page = shown(&web, &visit, &account, None, faults(error)?)?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// `POST /a/{account}/configuration/alerts/{endpoint}/delete`
pub async fn delete(
    State(web): Shared,
    Path((account, endpoint)): Path<(String, String)>,
    Posted { visit, .. }: Posted,
) -> Answer {
    web.app.delete_endpoint(&web.app.operational(&visit.who), NO_NAME, &endpoint).await?;
    back(&web, &visit, &account, "alert-gone")
}

fn back(web: &Web, visit: &Visit, account: &str, done: &str) -> Result<Response, Failure> {
    let view = web.app.account(&visit.who, account)?;
    Ok(Redirect::to(&format!("{}/configuration?done={done}#alerts", account_path(&view))).into_response())
}
