//! The log: attempts of an account, newest first. The filter is the address.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use ringup_app::view::{AttemptFilter, Order, PageRequest};
use ringup_core::id::AttemptId;
use ringup_core::log::LogMode;
use ringup_core::time::Timestamp;

use super::Line;
use crate::chart::Series;
use crate::endpoint::{name, title};
use crate::error_page::Answer;
use crate::fields::Fields;
use crate::health::{Sum, share_text};
use crate::markup::Markup;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::{Visit, account_path};
use crate::{Shared, kind};

const ROWS: usize = 50;

/// Spans of time that are one click away, as they stand in addresses.
const SPANS: [(&str, Duration); 5] = [
    ("15m", Duration::from_mins(15)),
    ("1h", Duration::from_hours(1)),
    ("24h", Duration::from_hours(24)),
    ("7d", Duration::from_hours(7 * 24)),
    ("30d", Duration::from_hours(30 * 24)),
];

#[derive(Template)]
#[template(path = "logs.html", blocks = ["rows"])]
struct LogPage {
    ui: Ui,
    base: String,
    lines: Vec<Line>,
    status: String,
    event: String,
    url: String,
    urls: Vec<(String, String)>,
    types: Vec<String>,
    spans: Vec<Span>,
    /// The times in the address, when they are no span.
    between: Option<(String, String)>,
    older: Option<String>,
    newest: Option<String>,
    is_filtered: bool,
    /// Whether there can be anything at all.
    has_urls: bool,
    banner: Option<Banner>,
    share: Option<String>,
    spark: Markup,
    /// What the address says, for the live part.
    here: String,
    is_live: bool,
}

struct Span {
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
    let query = &visit.query;
    let url = query.one("url").filter(|wanted| view.endpoint_named(wanted).is_some());
    let filter = filter(query, visit.now);
    let after = query.one("older").and_then(|id| id.parse::<AttemptId>().ok()).map(|id| id.tick());
    let request = PageRequest { rows_max: ROWS, after, order: Order::NewestFirst };
    let page = web.app.log(&visit.who, &account, url, filter, request).await?;

    let traffic = web.app.traffic(&visit.who, &account, visit.now.saturating_sub(Duration::from_hours(1)), visit.now);
    let traffic = traffic.await?;
    let hour = traffic.iter().map(|one| Sum::of(&one.minutes)).fold(Sum::default(), Sum::and);
    let mut series = Series::new(visit.now, 2, 30);
    traffic.iter().for_each(|one| series.add(&one.minutes));

    let base = account_path(&view);
    let mode = view.settings.log_mode_at(visit.now);
    let times = (query.one("after").unwrap_or_default(), query.one("before").unwrap_or_default());
    let shown = page.rows.last().filter(|_| !page.done);
    let link = |changes: &[(&str, &str)]| format!("{base}/logs?{}", query.with(changes));
    let lines = page.rows.iter().map(|row| Line::of(row, &ui, &base)).collect();
    let types = kind::families(&web.app, &visit.who, &Default::default(), &Default::default());
    let page = LogPage {
        lines,
        status: query.one("status").unwrap_or_default().to_owned(),
        event: query.one("event").unwrap_or_default().to_owned(),
        url: url.unwrap_or_default().to_owned(),
        urls: view.endpoints.iter().map(|found| (name(found), title(found))).collect(),
        types: types.into_iter().flat_map(|family| family.kinds).map(|kind| kind.name).collect(),
        spans: SPANS
            .iter()
            .map(|(word, _)| Span {
                word,
                href: link(&[("since", word), ("after", ""), ("before", ""), ("older", ""), ("done", "")]),
                is_chosen: query.one("since") == Some(word),
            })
            .collect(),
        between: (times != ("", "")).then(|| (times.0.to_owned(), times.1.to_owned())),
        older: shown.map(|row| link(&[("older", &row.attempt.id.to_string()), ("done", "")])),
        newest: query.has("older").then(|| link(&[("older", "")])),
        is_filtered: ["status", "event", "url", "since", "after", "before"]
            .iter()
            .any(|name| query.one(name).is_some()),
        has_urls: !view.endpoints.is_empty(),
        banner: (mode != LogMode::Full).then_some(Banner { mode, delivered: hour.delivered, failed: hour.failed }),
        share: hour.share_tenths().map(|tenths| share_text(&ui, tenths)),
        spark: series.spark(&ui),
        here: link(&[("done", "")]),
        is_live: !query.has("older") && times == ("", ""),
        base,
        ui,
    };
    Ok(html(&page))
}

fn filter(query: &Fields, now: Timestamp) -> AttemptFilter {
    let moment = |name: &str| {
        let moment: Option<jiff::Timestamp> = query.one(name).and_then(|text| text.parse().ok());
        moment.map(|moment| Timestamp::from_micros(moment.as_microsecond()))
    };
    let since = SPANS.iter().find(|(word, _)| query.one("since") == Some(word));
    let status = query.one("status").unwrap_or_default();
    AttemptFilter {
        succeeded: match status {
            "delivered" => Some(true),
            "failed" => Some(false),
            _ => None,
        },
        status_class: match status {
            "2xx" => Some(2),
            "3xx" => Some(3),
            "4xx" => Some(4),
            "5xx" => Some(5),
            "none" => Some(0),
            _ => None,
        },
        event_types: query.one("event").map(|name| vec![name.to_owned()]),
        before: moment("before"),
        after: since.map(|(_, span)| now.saturating_sub(*span)).or_else(|| moment("after")),
        without_response: true,
        ..AttemptFilter::default()
    }
}
