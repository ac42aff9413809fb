//! Charts as SVG: geometry in attributes, colour by class, a sentence for whoever cannot see them.

mod figure;
mod ladder;
mod latency;
mod spans;

use std::fmt::Write as _;
use std::time::Duration;

use askama::filters::HtmlSafeOutput;
use ringup_app::view::MinuteCount;
use ringup_core::time::Timestamp;

use crate::fields::escaped;
use crate::health::failures;
use crate::markup::Markup;
use crate::text;
use crate::ui::Ui;

pub use figure::{Figure, area, columns};
pub use ladder::{Rung, ladder};
pub use latency::latency;
pub use spans::{parts, spans};

/// One bar.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bucket {
    pub delivered: u64,
    pub failed: u64,
}

/// Bars of equal length that end now, at whole steps of the clock.
#[derive(Clone, Debug)]
pub struct Series {
    first_minute: i64,
    step_minutes: i64,
    buckets: Vec<Bucket>,
}

impl Series {
    pub fn new(now: Timestamp, step_minutes: i64, count: usize) -> Series {
        let last = now.as_minutes().div_euclid(step_minutes);
        let first = last + 1 - i64::try_from(count).unwrap_or(i64::MAX);
        Series { first_minute: first * step_minutes, step_minutes, buckets: vec![Bucket::default(); count] }
    }

    pub fn add(&mut self, minutes: &[MinuteCount]) {
        for minute in minutes {
            let at = (minute.minute - self.first_minute).div_euclid(self.step_minutes);
            if let Some(bucket) = usize::try_from(at).ok().and_then(|at| self.buckets.get_mut(at)) {
                bucket.delivered += minute.delivered;
                bucket.failed += failures(minute);
            }
        }
    }

    fn start(&self, at: usize) -> Timestamp {
        let steps = i64::try_from(at).unwrap_or(i64::MAX);
        Timestamp::from_secs((self.first_minute + steps * self.step_minutes) * 60)
    }

    fn highest(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.delivered + bucket.failed).max().unwrap_or_default().max(1)
    }

    /// Bars over a day, each leading to the log of its time.
    pub fn bars(&self, ui: &Ui, log: &str) -> Markup {
        const STEP: u64 = 20;
        const HEIGHT: u64 = 100;
        let highest = self.highest();
        let mut svg = format!(
            r#"<svg class="bars" viewBox="0 0 {} {HEIGHT}" preserveAspectRatio="none" role="group" aria-label="{}">"#,
            STEP * self.buckets.len() as u64,
            attribute(&self.sentence(ui)),
        );
        for (at, bucket) in self.buckets.iter().enumerate() {
            let (from, until) = (self.start(at), self.start(at + 1));
            let x = STEP * at as u64;
            let title = ui.lang.text_with(
                "chart-bar",
                &[
                    ("from", text::clock(from, &ui.zone).into()),
                    ("until", text::clock(until, &ui.zone).into()),
                    ("delivered", ui.num(&bucket.delivered).into()),
                    ("failed", ui.num(&bucket.failed).into()),
                ],
            );
            let href =
                format!("{log}?after={}&amp;before={}", escaped(&text::rfc3339(from)), escaped(&text::rfc3339(until)));
            write_bar(&mut svg, x, STEP, HEIGHT, *bucket, highest, Some((&href, &attribute(&title))));
        }
        svg.push_str("</svg>");
        HtmlSafeOutput(svg)
    }

    /// Bars that lead nowhere, over the hour that a server looks back on.
    pub fn plain(&self, ui: &Ui) -> Markup {
        const STEP: u64 = 20;
        const HEIGHT: u64 = 100;
        let highest = self.highest();
        let sums = self.buckets.iter().fold((0, 0), |sum, one| (sum.0 + one.delivered, sum.1 + one.failed));
        let sentence = ui.b("op-hour-sentence", "delivered", ui.num(&sums.0), "failed", ui.num(&sums.1));
        let mut svg = format!(
            r#"<svg class="bars" viewBox="0 0 {} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{}">"#,
            STEP * self.buckets.len() as u64,
            attribute(&sentence),
        );
        for (at, bucket) in self.buckets.iter().enumerate() {
            write_bar(&mut svg, STEP * at as u64, STEP, HEIGHT, *bucket, highest, None);
        }
        svg.push_str("</svg>");
        HtmlSafeOutput(svg)
    }

    /// Small bars within a row.
    pub fn spark(&self, ui: &Ui) -> Markup {
        const STEP: u64 = 4;
        const HEIGHT: u64 = 20;
        let highest = self.highest();
        let failing = self.buckets.iter().filter(|bucket| bucket.failed > 0).count() as u64;
        let label = ui.b("spark", "count", failing.to_string(), "all", self.buckets.len().to_string());
        let width = STEP * self.buckets.len() as u64;
        let mut svg = format!(
            r#"<svg class="spark" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" role="img" aria-label="{}">"#,
            attribute(&label),
        );
        for (at, bucket) in self.buckets.iter().enumerate() {
            write_bar(&mut svg, STEP * at as u64, STEP, HEIGHT, *bucket, highest, None);
        }
        svg.push_str("</svg>");
        HtmlSafeOutput(svg)
    }

    /// Times under the bars: the first, some between, now.
    pub fn labels(&self, ui: &Ui) -> Vec<String> {
        let count = self.buckets.len();
        (0..=4).map(|part| text::clock(self.start(count * part / 4), &ui.zone)).collect()
    }

    /// Rows for the table that stands for the chart: only bars with something in them.
    pub fn rows(&self, ui: &Ui) -> Vec<[String; 3]> {
        let filled = self.buckets.iter().enumerate().filter(|(_, bucket)| **bucket != Bucket::default());
        filled
            .map(|(at, bucket)| [ui.short(&self.start(at)), ui.num(&bucket.delivered), ui.num(&bucket.failed)])
            .collect()
    }

    fn sentence(&self, ui: &Ui) -> String {
        let delivered: u64 = self.buckets.iter().map(|bucket| bucket.delivered).sum();
        let failed: u64 = self.buckets.iter().map(|bucket| bucket.failed).sum();
        ui.b("chart-sentence", "delivered", ui.num(&delivered), "failed", ui.num(&failed))
    }
}

/// Failures on top of what was delivered. What is not zero is seen: one attempt of a million has a pixel.
fn write_bar(
    svg: &mut String,
    x: u64,
    step: u64,
    height: u64,
    bucket: Bucket,
    highest: u64,
    link: Option<(&str, &str)>,
) {
    let part = |count: u64| if count == 0 { 0 } else { (count * height / highest).max(height / 20).max(1) };
    let (failed, delivered) = (part(bucket.failed), part(bucket.delivered));
    let delivered = delivered.min(height.saturating_sub(failed));
    let (x_bar, width) = (x + step / 10, step - (step / 5).max(1));
    if let Some((href, title)) = link {
        let _ = write!(svg, r#"<a href="{href}" aria-label="{title}"><title>{title}</title>"#);
        let _ = write!(svg, r#"<rect class="hit" x="{x}" y="0" width="{step}" height="{height}"/>"#);
    }
    let mut rect = |class: &str, y: u64, tall: u64| {
        if tall > 0 {
            let _ = write!(svg, r#"<rect class="{class}" x="{x_bar}" y="{y}" width="{width}" height="{tall}"/>"#);
        }
    };
    if bucket == Bucket::default() {
        rect("zero", height - 1, 1);
    }
    rect("good", height - delivered, delivered);
    rect("bad", height - delivered - failed, failed);
    if link.is_some() {
        svg.push_str("</a>");
    }
}

/// Below a millisecond nobody looks.
fn visible(span: Duration) -> Duration {
    Duration::from_millis(u64::try_from(span.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX))
}

/// Text within quotes.
fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_fall_into_their_bars() {
        let now = Timestamp::from_secs(60 * 1_000);
        let mut series = Series::new(now, 30, 4);
        let minute = |minute, delivered| MinuteCount { minute, delivered, ..MinuteCount::default() };
        series.add(&[minute(1_000, 1), minute(990, 2), minute(989, 4), minute(900, 8), minute(800, 99)]);
        let delivered: Vec<u64> = series.buckets.iter().map(|bucket| bucket.delivered).collect();
        assert_eq!(delivered, [8, 0, 4, 3]);
        assert_eq!(series.start(3), Timestamp::from_secs(60 * 990));
    }

    #[test]
    fn one_failure_among_many_is_seen() {
        let mut svg = String::new();
        write_bar(&mut svg, 0, 20, 100, Bucket { delivered: 1_000_000, failed: 1 }, 1_000_001, None);
        assert!(svg.contains(r#"class="bad" x="2" y="0" width="16" height="5""#), "{svg}");
    }
}
