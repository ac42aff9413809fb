//! Figures over a time that are no attempts: how much waits, what is due. Each with a sentence and rows for a table.

use std::fmt::Write as _;

use askama::filters::HtmlSafeOutput;
use ringup_core::time::Timestamp;

use super::attribute;
use crate::markup::Markup;

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 100.0;

/// A drawing, and the same as rows of a table.
pub struct Figure {
    pub svg: Markup,
    pub rows: Vec<[String; 2]>,
    /// Times under it: the first, some between, the last.
    pub labels: Vec<String>,
}

/// How much there was over a time, as an area.
pub fn area(points: &[(Timestamp, u64)], from: Timestamp, until: Timestamp, sentence: &str) -> Markup {
    let highest = points.iter().map(|(_, value)| *value).max().unwrap_or_default().max(1) as f64;
    let span = until.saturating_since(from).as_secs_f64().max(1.0);
    let place = |(at, value): &(Timestamp, u64)| {
        let x = WIDTH * at.saturating_since(from).as_secs_f64() / span;
        // What is not zero is seen.
        let tall = if *value == 0 { 0.0 } else { (HEIGHT - 4.0) * *value as f64 / highest };
        (x.min(WIDTH), HEIGHT - tall.max(if *value == 0 { 0.5 } else { 2.0 }))
    };
    let line: Vec<(f64, f64)> = points.iter().map(place).collect();
    let mut svg = format!(
        r#"<svg class="area" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{}">"#,
        attribute(sentence)
    );
    if let (Some(first), Some(last)) = (line.first(), line.last()) {
        let mut path = String::new();
        for (x, y) in &line {
            let _ = write!(path, " L{x:.1} {y:.1}");
        }
        let _ = write!(svg, r#"<path class="fill" d="M{:.1} {HEIGHT}{path} L{:.1} {HEIGHT}z"/>"#, first.0, last.0);
        let along = path.trim_start_matches(" L");
        let _ = write!(svg, r#"<path class="edge" vector-effect="non-scaling-stroke" d="M{along}"/>"#);
    }
    svg.push_str("</svg>");
    HtmlSafeOutput(svg)
}

/// Columns of equal width, each with its words.
pub fn columns(values: &[(u64, String)], sentence: &str) -> Markup {
    const STEP: u64 = 10;
    let highest = values.iter().map(|(value, _)| *value).max().unwrap_or_default().max(1);
    let mut svg = format!(
        r#"<svg class="bars" viewBox="0 0 {} 100" preserveAspectRatio="none" role="img" aria-label="{}">"#,
        STEP * values.len() as u64,
        attribute(sentence)
    );
    for (at, (value, words)) in values.iter().enumerate() {
        let x = STEP * at as u64 + 1;
        let (class, tall) = if *value == 0 { ("zero", 1) } else { ("due", (value * 96 / highest).max(4)) };
        let _ = write!(
            svg,
            r#"<rect class="{class}" x="{x}" y="{}" width="{}" height="{tall}"><title>{}</title></rect>"#,
            100 - tall,
            STEP - 2,
            attribute(words)
        );
    }
    svg.push_str("</svg>");
    HtmlSafeOutput(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_reaches_from_its_first_point_to_its_last() {
        let at = |secs: i64| Timestamp::from_secs(1_795_422_600 + secs);
        let drawn = area(&[(at(0), 0), (at(50), 10), (at(100), 5)], at(0), at(100), "a \"line\"").0;
        assert!(drawn.contains(r#"d="M0.0 100 L0.0 99.5 L300.0 4.0 L600.0 52.0 L600.0 100z""#), "{drawn}");
        assert!(drawn.contains("a &quot;line&quot;"), "{drawn}");
        assert!(!area(&[], at(0), at(100), "").0.contains("path"));
    }

    #[test]
    fn a_column_that_is_not_empty_is_seen() {
        let drawn = columns(&[(1, "<one>".to_owned()), (1_000, String::new()), (0, String::new())], "s").0;
        assert!(drawn.contains(r#"class="due" x="1" y="96" width="8" height="4""#), "{drawn}");
        assert!(drawn.contains("&lt;one&gt;") && drawn.contains("class=\"zero\""), "{drawn}");
    }
}
