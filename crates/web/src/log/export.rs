//! What a search finds as a file: CSV for spreadsheets, one JSON object a line for programs.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use futures_util::stream::unfold;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use ringup_app::view::{Order, PageRequest, status_of};
use ringup_app::{AppError, LogAsk, Logged, Principal};
use ringup_core::search::Search;
use ringup_core::time::Tick;

use super::query;
use crate::error_page::Answer;
use crate::visit::Visit;
use crate::{Shared, Web, endpoint, text};

/// Rows of one file: what a spreadsheet opens, and some seconds of reading.
const ROWS_MAX: usize = 50_000;

/// Rows read at once.
const PAGE_ROWS: usize = 250;

const COLUMNS: [&str; 10] =
    ["time", "status", "event_type", "url", "address", "response", "took_ms", "try", "event_id", "attempt_id"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    Lines,
}

struct Export {
    web: Arc<Web>,
    who: Principal,
    account: String,
    search: Search,
    form: Form,
    after: Option<Tick>,
    left: usize,
    is_new: bool,
}

/// `GET /a/{account}/logs/export?query=…&as=csv|jsonl`: newest first, at most 50,000 rows, written as they are read.
pub async fn export(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    web.app.account(&visit.who, &account)?;
    // Relative times mean the same for all of the file.
    let search = web.app.search(&query::text(&visit.query))?.fixed(visit.now);
    let (form, kind, name) = match visit.query.one("as") {
        Some("jsonl") => (Form::Lines, "application/x-ndjson", "log.jsonl"),
        _ => (Form::Csv, "text/csv; charset=utf-8", "log.csv"),
    };
    let export = Export { web, who: visit.who, account, search, form, after: None, left: ROWS_MAX, is_new: true };
    let parts = unfold(Some(export), async |export| {
        let mut export = export?;
        Some(match export.next().await {
            Ok(Some(part)) => (Ok(part), Some(export)),
            Ok(None) => return None,
            // The file is cut off, which whoever saves it is told by its connection.
            Err(error) => (Err(error), None),
        })
    });
    let name = format!("attachment; filename=\"{name}\"");
    Ok(([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, name)], Body::from_stream(parts)).into_response())
}

impl Export {
    async fn next(&mut self) -> Result<Option<String>, AppError> {
        let mut part = String::new();
        if std::mem::take(&mut self.is_new) && self.form == Form::Csv {
            part = line(COLUMNS.map(str::to_owned));
        } else if self.left == 0 {
            return Ok(None);
        }
        let page = PageRequest { rows_max: PAGE_ROWS.min(self.left), after: self.after, order: Order::NewestFirst };
        let ask = LogAsk { search: &self.search, endpoint: None, page };
        let found = self.web.app.log(&self.who, &self.account, ask).await?;
        part.extend(found.rows.iter().map(|row| self.row(row)));
        self.after = found.next;
        self.left = if found.done { 0 } else { self.left.saturating_sub(found.rows.len()) };
        Ok(Some(part))
    }

    fn row(&self, row: &Logged) -> String {
        let attempt = &row.attempt;
        let values = [
            text::rfc3339(attempt.started_at),
            status_of(attempt.outcome, row.state).word().to_owned(),
            row.event_type.to_string(),
            row.endpoint.as_ref().map(|found| endpoint::title(found)).unwrap_or_default(),
            attempt.url.to_string(),
            attempt.status.map_or_else(|| attempt.detail.clone().unwrap_or_default(), |status| status.to_string()),
            attempt.duration.as_millis().to_string(),
            attempt.number.to_string(),
            attempt.event.to_string(),
            attempt.id.to_string(),
        ];
        match self.form {
            Form::Csv => line(values),
            Form::Lines => {
                let members = COLUMNS.iter().zip(values).map(|(name, value)| ((*name).to_owned(), value.into()));
                format!("{}\n", serde_json::Value::Object(members.collect()))
            }
        }
    }
}

/// Source: RFC 4180.
fn line<const N: usize>(values: [String; N]) -> String {
    format!("{}\r\n", values.map(|value| cell(&value)).join(","))
}

/// What a spreadsheet would take for a formula is text: whoever named an event or a URL must not run anything there.
///
/// Source: OWASP, "CSV Injection".
fn cell(value: &str) -> String {
    let is_formula = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let value = if is_formula { format!("'{value}") } else { value.to_owned() };
    if value.contains([',', '"', '\r', '\n']) { format!("\"{}\"", value.replace('"', "\"\"")) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_run() {
        for (value, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("", ""),
        ] {
            assert_eq!(cell(value), expected);
        }
    }
}
