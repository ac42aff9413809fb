//! What a catcher caught, saved as a file for other tools.

use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use ringup_app::{CatcherView, CaughtFormat, Listed, caught_as};

use crate::Shared;
use crate::error_page::Answer;
use crate::fields::Fields;
use crate::visit::Visit;

/// `GET …/export?as=har`: all that is kept.
pub async fn all(State(web): Shared, visit: Visit, Path((account, catcher)): Path<(String, String)>) -> Answer {
    let (view, rows) = web.app.all_captures(&visit.who, &account, &catcher).await?;
    Ok(saved(&visit.query, &view, &rows, ""))
}

/// `GET …/requests/{n}/export?as=curl`: one request.
pub async fn one(
    State(web): Shared,
    visit: Visit,
    Path((account, catcher, number)): Path<(String, String, u64)>,
) -> Answer {
    let view = web.app.catcher(&visit.who, &account, &catcher).await?;
    let (row, _) = web.app.one_capture(&visit.who, &account, &catcher, number).await?;
    Ok(saved(&visit.query, &view, &[row], &format!("-{number}")))
}

/// Never shown by the browser: what was caught is anybody's.
fn saved(query: &Fields, view: &CatcherView, rows: &[Listed], suffix: &str) -> Response {
    let format = query.one("as").and_then(CaughtFormat::from_word).unwrap_or(CaughtFormat::Har);
    let mut response = Response::new(axum::body::Body::from(caught_as(format, &view.url, rows)));
    let name = format!("attachment; filename=\"{}{suffix}.{}\"", view.catcher.id, format.word());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::try_from(name).expect("an id and a word are header text"));
    response
}
