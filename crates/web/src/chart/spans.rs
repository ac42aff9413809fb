//! Where the time of one attempt went: a bar of its steps.

use std::fmt::Write as _;
use std::time::Duration;

use askama::filters::HtmlSafeOutput;
use ringup_core::timing::Timing;

use super::attribute;
use crate::markup::Markup;
use crate::ui::Ui;

/// The steps that are known by the names of their texts and colours, each with how long it took, and the rest. Empty where nothing is known.
pub fn parts(timing: &Timing, whole: Duration) -> Vec<(&'static str, Duration)> {
    if timing.is_empty() {
        return Vec::new();
    }
    let known = timing.steps().into_iter().filter_map(|(step, took)| Some((step, took?)));
    let mut parts: Vec<(&'static str, Duration)> = known.collect();
    let rest = parts.iter().fold(whole, |rest, (_, took)| rest.saturating_sub(*took));
    parts.push(("rest", rest));
    parts
}

/// A bar as long as the attempt took, beside the `longest` of its delivery.
pub fn spans(ui: &Ui, timing: &Timing, whole: Duration, longest: Duration) -> Markup {
    let parts = parts(timing, whole);
    let said: Vec<String> = parts
        .iter()
        .map(|(step, took)| format!("{} {}", ui.t(format!("step-{step}")), ui.span(&super::visible(*took))))
        .collect();
    let said = if said.is_empty() { ui.span(&super::visible(whole)) } else { said.join(", ") };
    let mut svg = format!(
        r#"<svg class="spans" width="100%" height="8" role="img" aria-label="{}"><title>{}</title>"#,
        attribute(&said),
        attribute(&said)
    );
    let scale = longest.max(whole).as_secs_f64().max(1e-6);
    let parts = if parts.is_empty() { vec![("rest", whole)] } else { parts };
    let mut x = 0.0;
    for (step, took) in parts {
        // What happened is seen, however short it was.
        let width = (100.0 * took.as_secs_f64() / scale).max(if took.is_zero() { 0.0 } else { 0.8 }).min(100.0 - x);
        if width > 0.0 {
            let _ = write!(svg, r#"<rect class="step-{step}" x="{x:.2}%" y="0" width="{width:.2}%" height="8"/>"#);
            x += width;
        }
    }
    svg.push_str("</svg>");
    HtmlSafeOutput(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn the_rest_is_what_the_steps_leave() {
        let timing = Timing { connect: Some(MS(2)), first_byte: Some(MS(30)), ..Timing::default() };
        assert_eq!(parts(&timing, MS(40)), [("connect", MS(2)), ("first_byte", MS(30)), ("rest", MS(8))]);
        assert_eq!(parts(&timing, MS(20))[2], ("rest", MS(0)), "clocks that disagree leave nothing, not less");
        assert!(parts(&Timing::default(), MS(20)).is_empty());
    }
}
