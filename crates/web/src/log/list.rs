//! The log: attempts of an account, newest first. The search is the address.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use http::StatusCode;
use ringup_app::view::{AccountView, Order, PageRequest};
use ringup_app::{LogAsk, LogPage as Found};
use ringup_core::id::AttemptId;
use ringup_core::log::LogMode;
use ringup_core::scope::Scope;
use ringup_core::search::Search;

use super::live;
use super::query::{self, SPANS};
use super::{Line, known};
use crate::Shared;
use crate::chart::Series;
use crate::error_page::Answer;
use crate::fields::Fields;
use crate::health::{Sum, share_text};
use crate::markup::Markup;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Visit, account_path};

const ROWS: usize = 50;

/// Terms that are offered to be dropped where nothing is found.
const DROPPED_MAX: usize = 4;

#[derive(Template)]
#[template(path = "logs.html", blocks = ["rows"])]
struct LogPage {
    ui: Ui,
    base: String,
    /// The search as it was written.
    query: String,
    /// What is wrong with it, the line, and a caret under the place.
    mistake: Option<(String, [String; 2])>,
    lines: Vec<Line>,
    /// Completions that are there without asking.
    completions: Vec<String>,
    terms: Vec<Term>,
    spans: Vec<Span>,
    older: Option<String>,
    newest: Option<String>,
    searched: u64,
    /// The search was stopped, with so many in the log.
    stopped_of: Option<u64>,
    is_filtered: bool,
    /// Whether there can be anything at all.
    has_urls: bool,
    banner: Option<Banner>,
    share: Option<String>,
    spark: Markup,
    /// Where the log goes on while it is looked at; `None` where it does not.
    live: Option<String>,
    can_resend: bool,
    /// The search in an address.
    escaped: String,
}

/// A part of the search.
struct Term {
    text: String,
    /// Where it is left out.
    without: String,
}

struct Span {
    /// The name of its text.
    word: &'static str,
    href: String,
    is_chosen: bool,
}

/// What the log mode leaves out of the list.
struct Banner {
    mode: LogMode,
    delivered: u64,
    failed: u64,
}

/// `GET /a/{account}/logs`
pub async fn page(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    let view = web.app.account(&visit.who, &account)?;
    let ui = visit.ui_of(&view, Menu::Logs, "logs-title");
    let text = query::text(&visit.query);
    let (search, mistake) = match Search::parse(&text) {
        Ok(search) => (search, None),
        Err(problem) => (Search::default(), Some((problem.to_string(), query::place(&text, &problem)))),
    };
    let is_wrong = mistake.is_some();
    let after = visit.query.one("older").and_then(|id| id.parse::<AttemptId>().ok()).map(|id| id.tick());
    let request = PageRequest { rows_max: ROWS, after, order: Order::NewestFirst };
    let found = if is_wrong {
        Found::nothing()
    } else {
        web.app.log(&visit.who, &account, LogAsk { search: &search, endpoint: None, page: request }).await?
    };

    let hour_ago = visit.now.saturating_sub(Duration::from_hours(1));
    let traffic = web.app.traffic(&visit.who, &account, hour_ago, visit.now).await?;
    let hour = traffic.iter().map(|one| Sum::of(&one.minutes)).fold(Sum::default(), Sum::and);
    let mut series = Series::new(visit.now, 2, 30);
    traffic.iter().for_each(|one| series.add(&one.minutes));

    let base = account_path(&view);
    let mode = view.settings.log_mode_at(visit.now);
    let is_older = visit.query.has("older");
    let escaped = Fields::default().with(&[("query", &text)]);
    let link = |changes: &[(&str, &str)]| {
        let all: Vec<(&str, &str)> = [("query", text.as_str())].iter().chain(changes).copied().collect();
        format!("{base}/logs?{}", Fields::default().with(&all))
    };
    let next = found.next.filter(|_| !found.done).map(|tick| AttemptId::of_tick(tick, [0; 12]).to_string());
    let page = LogPage {
        lines: found.rows.iter().map(|row| Line::of(row, &ui, &base)).collect(),
        completions: known(&web, &visit, &view).complete(""),
        terms: terms(&search, &base),
        spans: spans(&search, &base),
        older: next.map(|id| link(&[("older", &id)])),
        newest: is_older.then(|| link(&[])),
        searched: found.searched,
        stopped_of: found.stopped_of,
        is_filtered: !search.is_everything(),
        has_urls: !view.endpoints.is_empty(),
        banner: (mode != LogMode::Full).then_some(Banner { mode, delivered: hour.delivered, failed: hour.failed }),
        share: hour.share_tenths().map(|tenths| share_text(&ui, tenths)),
        spark: series.spark(&ui),
        live: (!is_older && !is_wrong && found.stopped_of.is_none()).then(|| {
            let from = live::id_of(found.horizon);
            format!("{base}/logs/live?{}", Fields::default().with(&[("query", &text), ("from", &from)]))
        }),
        can_resend: !search.is_everything() && !found.rows.is_empty() && visit.who.may(Scope::Recover),
        query: text,
        mistake,
        escaped,
        base,
        ui,
    };
    let answer = html(&page);
    Ok(if is_wrong { (StatusCode::UNPROCESSABLE_ENTITY, answer).into_response() } else { answer })
}

/// `GET /a/{account}/logs/complete`: what may come next, for the list behind the field.
pub async fn complete(State(web): Shared, visit: Visit, Path(account): Path<String>) -> Answer {
    let view: std::sync::Arc<AccountView> = web.app.account(&visit.who, &account)?;
    let text = visit.query.raw("query").unwrap_or_default();
    let completions = known(&web, &visit, &view).with_payloads(&web, &visit, &account, text).await?.complete(text);
    Ok(html(&Completions { completions }))
}

#[derive(Template)]
#[template(source = r#"{% for text in completions %}<option value="{{ text }}">{% endfor %}"#, ext = "html")]
struct Completions {
    completions: Vec<String>,
}

fn terms(search: &Search, base: &str) -> Vec<Term> {
    let address = |text: &str| format!("{base}/logs?{}", Fields::default().with(&[("query", text)]));
    let terms = search.terms().into_iter().map(|(text, without)| Term { text, without: address(&without) });
    terms.take(DROPPED_MAX).collect()
}

fn spans(search: &Search, base: &str) -> Vec<Span> {
    let terms = search.terms();
    let span = |word: &'static str| {
        let term = format!("after:-{word}");
        let is_chosen = terms.iter().any(|(found, _)| *found == term);
        let text = query::within(search, if is_chosen { "" } else { word });
        Span { word, href: format!("{base}/logs?{}", Fields::default().with(&[("query", &text)])), is_chosen }
    };
    SPANS.into_iter().map(span).collect()
}
