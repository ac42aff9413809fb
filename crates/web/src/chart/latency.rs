//! How long calls took against the time that a till waits: bars on a scale that shows milliseconds and seconds alike.

use std::fmt::Write as _;
use std::time::Duration;

use askama::filters::HtmlSafeOutput;

use super::attribute;
use crate::markup::Markup;
use crate::ui::Ui;

/// Where bars end: each step is about a quarter more than the one before, so that a bar means the same everywhere.
const STEPS_MS: [u64; 20] =
    [1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 500, 800, 1_200, 2_000, 5_000, 10_000, 30_000];

const WIDE: u64 = 30;
const TALL: u64 = 100;

/// `spans` sorted or not; `deadline` is drawn as a line.
pub fn latency(ui: &Ui, spans: &[Duration], deadline: Duration) -> Markup {
    let step = |span: Duration| STEPS_MS.iter().position(|end| span <= Duration::from_millis(*end)).unwrap_or(19);
    let mut counts = [0_u64; 20];
    for span in spans {
        counts[step(*span)] += 1;
    }
    let highest = counts.iter().copied().max().unwrap_or_default().max(1);
    let late = spans.iter().filter(|span| **span >= deadline).count() as u64;
    let sentence = ui.lang.text_with(
        "hook-chart",
        &[
            ("count", ui.num(&(spans.len() as u64)).into()),
            ("late", ui.num(&late).into()),
            ("deadline", ui.span(&deadline).into()),
        ],
    );
    let mut svg = format!(
        r#"<svg class="latency" viewBox="0 0 {} {}" role="img" aria-label="{}">"#,
        WIDE * STEPS_MS.len() as u64,
        TALL + 16,
        attribute(&sentence),
    );
    for (at, count) in counts.iter().enumerate() {
        let (x, end) = (WIDE * at as u64, Duration::from_millis(STEPS_MS[at]));
        let tall = if *count == 0 { 1 } else { (count * TALL / highest).max(3) };
        let class = match (*count, end > deadline) {
            (0, _) => "zero",
            (_, false) => "good",
            (_, true) => "bad",
        };
        let (y, width) = (TALL - tall, WIDE - 4);
        let _ = write!(svg, r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="{tall}"/>"#);
        if at % 3 == 1 {
            let middle = x + WIDE / 2;
            let _ = write!(svg, r#"<text x="{middle}" y="{}">{}</text>"#, TALL + 13, attribute(&ui.span(&end)));
        }
    }
    // Behind the last bar that ends in time.
    let in_time = STEPS_MS.iter().filter(|end| Duration::from_millis(**end) <= deadline).count() as u64;
    let x = (WIDE * in_time).saturating_sub(2);
    let _ = write!(svg, r#"<line class="deadline" x1="{x}" x2="{x}" y1="0" y2="{TALL}"/></svg>"#);
    HtmlSafeOutput(svg)
}
