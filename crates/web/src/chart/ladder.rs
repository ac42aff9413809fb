//! When a delivery was and will be attempted: a time axis that grows by powers, since pauses do.

use std::fmt::Write as _;
use std::time::Duration;

use askama::filters::HtmlSafeOutput;

use super::attribute;
use crate::markup::Markup;
use crate::ui::Ui;

/// Percents of the width that a written time takes on a narrow screen.
const LABEL_WIDTH: f64 = 15.0;

/// One attempt, made or planned.
#[derive(Clone, PartialEq, Debug)]
pub struct Rung {
    /// Since the event was accepted.
    pub at: Duration,
    /// `ok`, `fail`, `warn`, `skip`; `wait` for one that is planned, `start` for the event's acceptance.
    pub shape: &'static str,
}

/// Filled marks for what was done, open ones for what is planned. `sentence` says the same in words.
pub fn ladder(ui: &Ui, rungs: &[Rung], sentence: &str) -> Markup {
    let places = places(rungs);
    let mut svg = format!(
        r#"<svg class="ladder-chart" width="100%" height="44" role="img" aria-label="{}">"#,
        attribute(sentence)
    );
    let done = rungs.iter().rposition(|rung| rung.shape != "wait").and_then(|at| places.get(at)).copied();
    let (first, last) = (places.first().copied().unwrap_or(1.0), places.last().copied().unwrap_or(1.0));
    let line = |from: f64, to: f64, class: &str| {
        format!(r#"<line class="{class}" x1="{from:.2}%" x2="{to:.2}%" y1="14" y2="14"/>"#)
    };
    svg.push_str(&line(first, done.unwrap_or(first), "done"));
    svg.push_str(&line(done.unwrap_or(first), last, "planned"));
    for (rung, x) in rungs.iter().zip(&places) {
        let _ = match rung.shape {
            "fail" => write!(
                svg,
                r#"<svg x="{x:.2}%" y="14" overflow="visible"><rect class="fail" x="-5" y="-5" width="10" height="10" rx="1.5"/></svg>"#
            ),
            "start" => write!(svg, r#"<circle class="skip" cx="{x:.2}%" cy="14" r="2.5"/>"#),
            shape => write!(svg, r#"<circle class="{shape}" cx="{x:.2}%" cy="14" r="5"/>"#),
        };
    }
    for at in labelled(&places) {
        let anchor = if places[at] < 5.0 {
            "start"
        } else if places[at] > 95.0 {
            "end"
        } else {
            "middle"
        };
        let x = places[at].clamp(0.0, 100.0);
        let _ = write!(svg, r#"<text x="{x:.2}%" y="38" text-anchor="{anchor}">{}</text>"#, ui.span(&rungs[at].at));
    }
    svg.push_str("</svg>");
    HtmlSafeOutput(svg)
}

/// Percents of the width.
fn places(rungs: &[Rung]) -> Vec<f64> {
    let grown = |at: Duration| (1.0 + at.as_secs_f64() * 10.0).ln();
    let longest = rungs.iter().map(|rung| grown(rung.at)).fold(0.1, f64::max);
    rungs.iter().map(|rung| 1.5 + 97.0 * grown(rung.at) / longest).collect()
}

/// Those with room for a written time: the last one always, and from the first on.
fn labelled(places: &[f64]) -> Vec<usize> {
    let Some((last, rest)) = places.split_last() else { return Vec::new() };
    let mut chosen: Vec<usize> = Vec::new();
    for (at, place) in rest.iter().enumerate() {
        let before = chosen.last().map_or(f64::NEG_INFINITY, |before| places[*before]);
        if place - before >= LABEL_WIDTH && last - place >= LABEL_WIDTH {
            chosen.push(at);
        }
    }
    chosen.push(rest.len());
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(secs: u64) -> Rung {
        Rung { at: Duration::from_secs(secs), shape: "fail" }
    }

    #[test]
    fn short_pauses_stay_apart_beside_long_ones() {
        let places = places(&[rung(0), rung(7), rung(60), rung(86_400)]);
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] > 10.0), "{places:?}");
        assert!((places[0] - 1.5).abs() < 0.01 && (places[3] - 98.5).abs() < 0.01, "{places:?}");
    }

    #[test]
    fn written_times_do_not_overlap_and_the_last_is_written() {
        assert_eq!(labelled(&[1.5, 5.0, 40.0, 90.0, 98.5]), [0, 2, 4]);
        assert_eq!(labelled(&[1.5]), [0]);
        assert!(labelled(&[]).is_empty());
    }
}
