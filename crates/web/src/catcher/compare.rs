//! Two requests beside each other: what a retry changed, and what it did not.

use askama::Template;
use axum::extract::{Path, State};
use ringup_app::Listed;

use super::{catcher_path, title};
use crate::Shared;
use crate::error_page::Answer;
use crate::fields::Fields;
use crate::json_view::{looks_like_json, spread};
use crate::log::compare::{Row, rows, within_bound};
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::Visit;

/// Requests that are offered: as many as a catcher keeps by default.
const CHOICES_MAX: usize = 100;

#[derive(Template)]
#[template(path = "catcher_compare.html")]
struct ComparePage {
    ui: Ui,
    path: String,
    name: String,
    /// All there are, newest first.
    choices: Vec<Choice>,
    only: bool,
    found: Option<Found>,
    /// The page with and without what is alike.
    toggle: String,
}

struct Choice {
    number: u64,
    words: String,
    is_old: bool,
    is_new: bool,
}

struct Found {
    rows: Vec<Row>,
    is_alike: bool,
    is_cut: bool,
}

/// `GET …/compare?n=2&with=1`. Without `with`, the first request of the same event, else the one before.
pub async fn page(State(web): Shared, visit: Visit, Path((account, catcher)): Path<(String, String)>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let catcher_view = web.app.catcher(&visit.who, &account, &catcher).await?;
    let listed = web.app.captures(&visit.who, &account, &catcher, u64::MAX, CHOICES_MAX).await?;
    let ui = visit.ui_of(&view, Menu::Catcher, "catch-compare");
    let asked = |name: &str| visit.query.one(name).and_then(|number| number.parse::<u64>().ok());
    let new = asked("n").or_else(|| listed.first().map(|row| row.capture.number));
    let of_new = listed.iter().find(|row| Some(row.capture.number) == new);
    let before = || listed.iter().map(|row| row.capture.number).find(|number| Some(*number) < new);
    let old = asked("with").or_else(|| of_new.and_then(|row| row.capture.repeats)).or_else(before);
    let only = visit.query.has("only");
    let path = catcher_path(&view, &catcher_view);
    let found = match (old, new) {
        (Some(old), Some(new)) => {
            // Either may have been evicted since the page was shown.
            let old = web.app.one_capture(&visit.who, &account, &catcher, old).await.ok();
            let new = web.app.one_capture(&visit.who, &account, &catcher, new).await.ok();
            old.zip(new).map(|((old, _), (new, _))| compared(&old, &new, only))
        }
        _ => None,
    };
    let text = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let toggled = [("n", text(new)), ("with", text(old)), ("only", if only { String::new() } else { "1".to_owned() })];
    let toggled: Vec<(&str, &str)> = toggled.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Ok(html(&ComparePage {
        name: title(&ui, &catcher_view),
        choices: listed
            .iter()
            .map(|row| Choice {
                number: row.capture.number,
                words: words(row, &ui),
                is_old: old == Some(row.capture.number),
                is_new: new == Some(row.capture.number),
            })
            .collect(),
        toggle: format!("{path}/compare?{}", Fields::default().with(&toggled)),
        path,
        only,
        found,
        ui,
    }))
}

fn words(row: &Listed, ui: &Ui) -> String {
    let capture = &row.capture;
    let event = row.event_type.as_deref().or(capture.event.as_deref()).unwrap_or_default();
    format!("#{} {} {event} {}", capture.number, capture.method, ui.short(&capture.at))
}

fn compared(old: &Listed, new: &Listed, only: bool) -> Found {
    let ((old, old_cut), (new, new_cut)) = (text(old), text(new));
    let (rows, is_alike) = rows(&old, &new, only);
    Found { rows, is_alike, is_cut: old_cut || new_cut }
}

/// The request line, the headers as they came, and the body with each member of JSON on a line of its own.
fn text(row: &Listed) -> (String, bool) {
    let capture = &row.capture;
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers: String =
        capture.headers().map(|(name, value)| format!("{}: {}\n", lossy(name), lossy(value))).collect();
    let body = lossy(&capture.body);
    let body = if looks_like_json(&capture.body) { spread(&body) } else { body };
    let all = format!("{} {} {}\n{headers}\n{body}\n", capture.method, capture.target, capture.version);
    let (text, is_cut) = within_bound(all);
    (text, is_cut || capture.is_cut())
}
