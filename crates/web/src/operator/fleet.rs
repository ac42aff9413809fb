//! `/op`: the whole server at a glance.

use askama::Template;
use axum::extract::State;
use ringup_app::fleet::{Drain, WINDOW};

use super::problem::Row;
use super::{age, at_least, calendar, rate};
use crate::Shared;
use crate::chart::{Figure, Series, area};
use crate::error_page::Answer;
use crate::markup::Markup;
use crate::menu::Menu;
use crate::text;
use crate::ui::{Ui, html};
use crate::visit::Visit;

/// Problems that are shown here; the others have a page.
const PROBLEMS: usize = 5;

/// Points of the line of what waits.
const POINTS_MAX: usize = 60;

#[derive(Template)]
#[template(path = "op_fleet.html")]
struct FleetPage {
    ui: Ui,
    /// Name and value of each figure.
    figures: Vec<(String, String)>,
    bars: Markup,
    labels: Vec<String>,
    table: Vec<[String; 3]>,
    waiting: Figure,
    due: Figure,
    problems: Vec<Row>,
    all_problems: u64,
    /// Version, and since when it runs.
    nodes: Vec<(String, String)>,
}

/// `GET /op`
pub async fn page(State(web): Shared, visit: Visit) -> Answer {
    let fleet = web.app.fleet(&visit.who).await?;
    let queues = web.app.queues(&visit.who).await?;
    let problems = web.app.problems(&visit.who).await?;
    let ui = visit.ui(Menu::Fleet, "op-fleet");
    let none = || "–".to_owned();
    let mut figures = vec![
        ("op-in", fleet.in_per_second.map_or_else(none, |per_second| rate(&ui, per_second))),
        ("op-out", rate(&ui, fleet.out_per_second)),
        ("op-failed", rate(&ui, fleet.failed_per_second)),
        ("op-waiting", ui.num(&fleet.waiting)),
        ("op-oldest", fleet.oldest.map_or_else(none, |at| age(&ui, at))),
        (
            "op-drain",
            match fleet.drain {
                Drain::Empty => ui.t("op-drain-empty"),
                Drain::In(span) => ui.span(&std::time::Duration::from_secs(span.as_secs())),
                Drain::Never => ui.t("op-drain-never"),
                Drain::Unknown => none(),
            },
        ),
        (
            "op-first-p50",
            fleet.first_attempt.map_or_else(none, |first| ui.span(&super::super::log::rounded(first.p50))),
        ),
        (
            "op-first-p99",
            fleet.first_attempt.map_or_else(none, |first| ui.span(&super::super::log::rounded(first.p99))),
        ),
        ("op-failing", ui.num(&(fleet.failing as u64))),
        ("op-store", ui.bytes(fleet.store_bytes)),
    ];
    if let Some(disk) = fleet.disk {
        figures.push(("op-disk", ui.bytes(disk.free)));
    }
    let mut series = Series::new(visit.now, 1, 60);
    series.add(&fleet.minutes);
    let rows = Row::all(&problems, &ui);
    let page = FleetPage {
        figures: figures.into_iter().map(|(key, value)| (ui.t(key), value)).collect(),
        bars: series.plain(&ui),
        labels: series.labels(&ui),
        table: series.rows(&ui),
        waiting: waiting(&ui, &fleet.waiting_line),
        due: calendar(&ui, &queues.due, queues.due_is_whole),
        all_problems: rows.len() as u64,
        problems: rows.into_iter().take(PROBLEMS).collect(),
        nodes: fleet.nodes.iter().map(|node| (node.version.clone(), age(&ui, node.started_at))).collect(),
        ui,
    };
    Ok(html(&page))
}

/// How much waited over the last hour.
fn waiting(ui: &Ui, line: &[(ringup_core::time::Timestamp, u64)]) -> Figure {
    let every = line.len().div_ceil(POINTS_MAX).max(1);
    // Of each stretch the most, so that no peak is lost.
    let points: Vec<_> = line
        .chunks(every)
        .filter_map(|chunk| Some((chunk.last()?.0, chunk.iter().map(|(_, value)| *value).max()?)))
        .collect();
    let from = ui.now.saturating_sub(WINDOW);
    let most = points.iter().map(|(_, value)| *value).max().unwrap_or_default();
    let last = points.last().map_or(0, |(_, value)| *value);
    let sentence = ui.b("op-waiting-sentence", "last", at_least(ui, last, true), "most", ui.num(&most));
    let clock = |at| text::clock(at, &ui.zone);
    Figure {
        svg: area(&points, from, ui.now, &sentence),
        rows: points.iter().map(|(at, value)| [clock(*at), ui.num(value)]).collect(),
        labels: (0..=4_u32).map(|part| clock(from.saturating_add(WINDOW * part / 4))).collect(),
    }
}
