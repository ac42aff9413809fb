//! One catcher: its address, its script, and what came.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use ringup_app::Listed;
use ringup_app::diagnosis::{Diagnosis, Verdict};
use ringup_core::catcher::{Capture, PRESETS, Preset, Script, Then};
use ringup_core::time::Timestamp;
use url::form_urlencoded;

use super::verdict::{self, Step};
use super::{catcher_path, qr, title, user};
use crate::error_page::Answer;
use crate::markup::Markup;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Visit, account_path};
use crate::{Shared, Web, json_view, text};

/// Requests in the list: as many as a catcher keeps by default.
const ROWS_MAX: usize = 100;

const TABS: [&str; 5] = ["body", "headers", "signature", "answer", "raw"];

#[derive(Template)]
#[template(path = "catcher.html")]
struct CatcherPage {
    ui: Ui,
    base: String,
    path: String,
    /// This page with the request that is chosen.
    here: String,
    name: String,
    url: String,
    curl: String,
    qr: Option<Markup>,
    /// The endpoint that has the catcher's URL: its name and its page.
    used: Option<(String, String)>,
    script: String,
    faults: Vec<(String, String)>,
    presets: &'static [Preset],
    steps: Vec<Turn>,
    /// The key of what follows the steps, and whether that is next.
    then: &'static str,
    is_over: bool,
    seed: Option<u64>,
    answer_body: String,
    last: u64,
    rows: Vec<Line>,
    chosen: Option<Detail>,
}

/// A step of the script.
struct Turn {
    text: String,
    is_next: bool,
}

/// A request in the list.
struct Line {
    number: u64,
    at: Timestamp,
    method: String,
    /// Behind the write token.
    tail: String,
    event: Option<String>,
    answer: String,
    shape: &'static str,
    verdict: String,
    repeats: Option<u64>,
    href: String,
    is_chosen: bool,
}

/// The request that is looked at.
struct Detail {
    number: u64,
    at: Timestamp,
    tab: &'static str,
    method: String,
    target: String,
    peer: Option<String>,
    event: Option<String>,
    repeats: Option<(u64, String)>,
    body: Option<Markup>,
    body_bytes: usize,
    /// What was kept and what there was, where that differs.
    cut: Option<(String, String)>,
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
    shape: &'static str,
    verdict: String,
    why: String,
    steps: Vec<Step>,
    signed: Option<Markup>,
    expected: Option<String>,
    answer: String,
    step: Option<String>,
    /// `None` while it is being answered.
    waited: Option<String>,
    was_cut_short: bool,
    raw: Markup,
}

/// `GET /a/{account}/test/catchers/{catcher}`
pub async fn page(State(web): Shared, visit: Visit, Path((account, catcher)): Path<(String, String)>) -> Answer {
    shown(&web, &visit, &account, &catcher, None).await
}

/// The page; with a script that was refused, and why.
pub async fn shown(
    web: &Web,
    visit: &Visit,
    account: &str,
    catcher: &str,
    refused: Option<(String, Vec<(String, String)>)>,
) -> Answer {
    let view = web.app.account(&visit.who, account)?;
    let found = web.app.catcher(&visit.who, account, catcher).await?;
    let listed = web.app.captures(&visit.who, account, catcher, u64::MAX, ROWS_MAX).await?;
    let number = visit.query.one("n").and_then(|number| number.parse().ok());
    let number = number.or_else(|| listed.first().map(|row| row.capture.number));
    let chosen = match number {
        // It may have been evicted since the page was shown.
        Some(number) => web.app.one_capture(&visit.who, account, catcher, number).await.ok(),
        None => None,
    };
    let ui = visit.ui_of(&view, Menu::Catcher, "catchers-title");
    let path = catcher_path(&view, &found);
    let tab = TABS.into_iter().find(|tab| visit.query.one("tab") == Some(tab)).unwrap_or("body");
    let token = &found.catcher.write_token;
    let rows = listed.iter().map(|row| line(&ui, row, &path, token, number, tab)).collect();
    let base = account_path(&view);
    let used = user(&view, &found).map(|endpoint| {
        let endpoint = &endpoint.endpoint;
        let name = if endpoint.description.is_empty() { endpoint.url.clone() } else { endpoint.description.clone() };
        (name, format!("{base}/urls/{}", endpoint.uid.clone().unwrap_or_else(|| endpoint.id.to_string())))
    });
    let (script, faults) = refused.unwrap_or_else(|| (found.catcher.script.to_string(), Vec::new()));
    let answer_body = match &found.catcher.body {
        Some(ringup_core::catcher::FixedBody::Json(text) | ringup_core::catcher::FixedBody::Text(text)) => text.clone(),
        None => String::new(),
    };
    let parsed = &found.catcher.script;
    Ok(html(&CatcherPage {
        here: visit.query.one("n").map_or_else(|| path.clone(), |n| format!("{path}?{}", query(n, tab))),
        name: title(&ui, &found),
        curl: format!("curl -d '{{\"hello\":1}}' -H 'content-type: application/json' {}", found.url),
        qr: qr::svg(&found.url),
        used,
        script,
        faults,
        presets: PRESETS,
        steps: turns(parsed, found.turn.next),
        then: match parsed.then {
            Then::Hold => "catcher-held",
            Then::Loop => "catcher-looped",
            Then::Ok => "catcher-after",
        },
        is_over: found.turn.next.is_none(),
        seed: parsed
            .steps()
            .iter()
            .any(|step| step.chance.is_some())
            .then_some(parsed.seed.unwrap_or(found.catcher.seed)),
        answer_body,
        last: listed.first().map_or(0, |row| row.capture.number),
        rows,
        chosen: chosen.map(|(row, diagnosis)| detail(&ui, &row, &diagnosis, &path, tab)),
        url: found.url.clone(),
        base,
        path,
        ui,
    }))
}

fn query(number: impl ToString, tab: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("n", &number.to_string())
        .append_pair("tab", tab)
        .finish()
}

fn turns(script: &Script, next: Option<usize>) -> Vec<Turn> {
    let turn = |(index, step): (usize, &ringup_core::catcher::Step)| Turn {
        text: step.to_string(),
        is_next: next == Some(index),
    };
    script.steps().iter().enumerate().map(turn).collect()
}

fn line(ui: &Ui, row: &Listed, path: &str, token: &str, chosen: Option<u64>, tab: &str) -> Line {
    let capture = &row.capture;
    let found = Verdict::from_text(&capture.signature);
    let tail = capture.target.split_once(token).map_or(capture.target.as_str(), |(_, tail)| tail);
    Line {
        number: capture.number,
        at: capture.at,
        method: capture.method.clone(),
        tail: tail.to_owned(),
        event: row.event_type.as_deref().map(str::to_owned).or_else(|| capture.event.clone()),
        answer: capture.answer.clone(),
        shape: verdict::shape(found),
        verdict: verdict::short(ui, found),
        repeats: capture.repeats,
        href: format!("{path}?{}#request", query(capture.number, tab)),
        is_chosen: chosen == Some(capture.number),
    }
}

fn detail(ui: &Ui, row: &Listed, diagnosis: &Diagnosis, path: &str, tab: &'static str) -> Detail {
    let capture = &row.capture;
    // As it was when it came: secrets may have changed since.
    let found = Verdict::from_text(&capture.signature);
    let pairs = |target: &str| {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        form_urlencoded::parse(query.as_bytes()).into_owned().collect::<Vec<(String, String)>>()
    };
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let signed = diagnosis.signed_prefix.as_ref().map(|prefix| [prefix.as_bytes(), &capture.body].concat());
    let size = |bytes: u64| ui.size(&usize::try_from(bytes).unwrap_or(usize::MAX));
    Detail {
        number: capture.number,
        at: capture.at,
        tab,
        method: capture.method.clone(),
        target: capture.target.clone(),
        peer: capture.peer.map(|peer| peer.to_string()),
        event: row.event_type.as_deref().map(str::to_owned),
        repeats: capture.repeats.map(|first| (first, format!("{path}?{}#request", query(first, tab)))),
        body: (!capture.body.is_empty()).then(|| json_view::view(&capture.body)),
        body_bytes: usize::try_from(capture.body_bytes).unwrap_or(usize::MAX),
        cut: capture.is_cut().then(|| (size(capture.kept_bytes), size(capture.body_bytes))),
        headers: capture.headers().map(|(name, value)| (lossy(name), lossy(value))).collect(),
        query: pairs(&capture.target),
        shape: verdict::shape(found),
        verdict: verdict::short(ui, found),
        why: verdict::why(ui, found),
        steps: verdict::steps(ui, diagnosis),
        signed: signed.map(|signed| json_view::view(&signed)),
        expected: diagnosis.expected.clone(),
        answer: capture.answer.clone(),
        step: capture.step.map(|step| (step + 1).to_string()),
        waited: capture.stamp.map(|stamp| text::span(Duration::from_micros(stamp.waited_us), ui.lang)),
        was_cut_short: capture.stamp.is_some_and(|stamp| stamp.cut_short),
        raw: json_view::view(&raw(capture)),
    }
}

/// The whole request, as it stood on the wire.
fn raw(capture: &Capture) -> Vec<u8> {
    let line = format!("{} {} {}\r\n", capture.method, capture.target, capture.version);
    [line.as_bytes(), &capture.head, b"\r\n", &capture.body].concat()
}

/// `GET …/requests/{n}/body`: never shown by the browser, only saved.
pub async fn body(
    State(web): Shared,
    visit: Visit,
    Path((account, catcher, number)): Path<(String, String, u64)>,
) -> Answer {
    let (row, _) = web.app.one_capture(&visit.who, &account, &catcher, number).await?;
    let mut response = Response::new(axum::body::Body::from(row.capture.body.clone()));
    let name = format!("attachment; filename=\"request-{number}.bin\"");
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::try_from(name).expect("letters and digits are header text"));
    Ok(response)
}
