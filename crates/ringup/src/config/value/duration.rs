//! Durations: `"7s"`, `"1h30m"`. A day is 24 hours; months and years have no fixed length and are refused.

use std::time::Duration;

use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use jiff::{SignedDuration, Span, SpanRelativeTo, SpanRound, Unit};

use super::{Scalar, quoted};

impl Scalar for Duration {
    const EXPECTED: &'static str = r#"a duration such as "500ms", "7s", "5m", "1h30m" or "3d""#;

    fn parse(text: &str) -> Result<Self, String> {
        if text == "0" {
            return Ok(Duration::ZERO);
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("has no unit".to_owned());
        }
        let span: Span = text.parse().map_err(|_| "is not a duration".to_owned())?;
        let duration =
            span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| "has no fixed length".to_owned())?;
        Duration::try_from(duration).map_err(|_| "is negative".to_owned())
    }

    fn show(&self) -> String {
        quoted(&text(*self))
    }

    fn measure(&self) -> Option<u128> {
        Some(self.as_nanos())
    }
}

/// The duration as it would be written, in the largest units up to days.
fn text(duration: Duration) -> String {
    let largest = SpanRound::new().largest(Unit::Day).days_are_24_hours();
    SignedDuration::try_from(duration)
        .and_then(Span::try_from)
        .and_then(|span| span.round(largest))
        .map(|span| {
            let printer = SpanPrinter::new().designator(Designator::Compact).spacing(Spacing::None);
            printer.span_to_string(&span)
        })
        // Only what exceeds ten thousand years, which no bound of the table admits.
        .unwrap_or_else(|_| format!("{}s", duration.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accepts, refuses};
    use super::*;

    #[test]
    fn durations_are_read_and_shown() {
        let cases = [
            ("500ms", "500ms"),
            ("7s", "7s"),
            ("5m", "5m"),
            ("90m", "1h30m"),
            ("1h30m", "1h30m"),
            ("1h 30m", "1h30m"),
            ("2h", "2h"),
            ("24h", "1d"),
            ("3d", "3d"),
            ("3d12h", "3d12h"),
            ("5 minutes", "5m"),
            ("PT7S", "7s"),
            ("0", "0s"),
            ("0s", "0s"),
        ];
        for (text, shown) in cases {
            accepts::<Duration>(text, &format!("{shown:?}"));
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_its_reason() {
        let cases = [
            ("7", "has no unit"),
            ("", "is not a duration"),
            ("soon", "is not a duration"),
            ("7 parsecs", "is not a duration"),
            ("30m1h", "is not a duration"),
            ("7s;", "is not a duration"),
            ("-7s", "is negative"),
            ("1mo", "has no fixed length"),
            ("99999999999999999999s", "is not a duration"),
        ];
        for (text, why) in cases {
            refuses::<Duration>(text, &format!("{text:?} {why}"));
        }
    }
}
