//! Test Webhook → Verify signature: paste what arrived, and see each step.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use ringup_app::diagnosis::Diagnosis;
use ringup_app::view::AccountView;
use secrecy::ExposeSecret as _;

use super::verdict::{self, Step};
use crate::error_page::Answer;
use crate::fields::Fields;
use crate::markup::Markup;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Posted, Visit, faults};
use crate::{Shared, json_view};

#[derive(Template)]
#[template(path = "verify.html")]
struct VerifyPage {
    ui: Ui,
    headers: String,
    body: String,
    has_line_end: bool,
    secret: String,
    /// Endpoints by id, with their names.
    urls: Vec<(String, String)>,
    url: String,
    is_example: bool,
    faults: Vec<(String, String)>,
    result: Option<Checked>,
}

struct Checked {
    shape: &'static str,
    verdict: String,
    why: String,
    steps: Vec<Step>,
    signed: Option<Markup>,
    expected: Option<String>,
}

/// `GET /a/{account}/test/verify`: filled with an example that holds.
pub async fn page(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let example = web.app.signed_example();
    let headers: String = example.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let filled = VerifyPage {
        headers,
        body: example.body,
        secret: example.secret.expose_secret().to_owned(),
        is_example: true,
        ..blank(&visit, &view)
    };
    Ok(html(&filled))
}

/// `POST /a/{account}/test/verify`. A secret goes into the answer's field and nowhere else.
pub async fn check(State(web): Shared, Path(account): Path<String>, Posted { visit, form }: Posted) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let page = VerifyPage {
        headers: raw(&form, "headers"),
        // Browsers send every line end as CR LF; what is signed has LF unless somebody says otherwise.
        body: raw(&form, "body").replace("\r\n", "\n"),
        has_line_end: form.has("line_end"),
        secret: raw(&form, "secret"),
        url: raw(&form, "url"),
        ..blank(&visit, &view)
    };
    let lines = page.headers.lines().filter_map(|line| line.split_once(':'));
    let headers = lines.map(|(name, value)| (name.trim(), value.trim()));
    let mut body = page.body.trim_end_matches('\n').to_owned();
    if page.has_line_end {
        body.push('\n');
    }
    let url = Some(page.url.as_str()).filter(|url| !url.is_empty());
    let secret = Some(page.secret.as_str()).filter(|secret| url.is_none() && !secret.trim().is_empty());
    match web.app.verify(&visit.who, &account, headers, body.as_bytes(), secret, url) {
        Ok(diagnosis) => {
            let result = Some(checked(&page.ui, &diagnosis, body.as_bytes()));
            Ok(html(&VerifyPage { result, ..page }))
        }
        Err(error) => {
            let faults = faults(error)?;
            let refused: Response = html(&VerifyPage { faults, ..page });
            Ok((StatusCode::UNPROCESSABLE_ENTITY, refused).into_response())
        }
    }
}

fn raw(form: &Fields, name: &str) -> String {
    form.raw(name).unwrap_or_default().to_owned()
}

fn blank(visit: &Visit, view: &AccountView) -> VerifyPage {
    let name = |endpoint: &ringup_core::endpoint::Endpoint| {
        if endpoint.description.is_empty() { endpoint.url.clone() } else { endpoint.description.clone() }
    };
    let urls = view.endpoints.iter().map(|found| (found.endpoint.id.to_string(), name(&found.endpoint)));
    VerifyPage {
        ui: visit.ui_of(view, Menu::Verify, "verify-page-title"),
        headers: String::new(),
        body: String::new(),
        has_line_end: false,
        secret: String::new(),
        urls: urls.collect(),
        url: String::new(),
        is_example: false,
        faults: Vec::new(),
        result: None,
    }
}

fn checked(ui: &Ui, diagnosis: &Diagnosis, body: &[u8]) -> Checked {
    let signed = diagnosis.signed_prefix.as_ref().map(|prefix| [prefix.as_bytes(), body].concat());
    Checked {
        shape: verdict::shape(diagnosis.verdict),
        verdict: verdict::short(ui, diagnosis.verdict),
        why: verdict::why(ui, diagnosis.verdict),
        steps: verdict::steps(ui, diagnosis),
        signed: signed.map(|signed| json_view::view(&signed)),
        expected: diagnosis.expected.clone(),
    }
}
