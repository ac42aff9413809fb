//! Moments as RFC 3339 text.

use jiff::Timestamp as Moment;
use ringup_core::time::Timestamp;

/// In UTC with six digits of a second: `2026-11-23T08:30:00.000000Z`.
pub fn text(time: Timestamp) -> String {
    let moment = Moment::from_microsecond(time.as_micros()).unwrap_or(Moment::MAX);
    format!("{moment:.6}")
}

/// Any offset; `None` for what is not RFC 3339.
pub fn parse(text: &str) -> Option<Timestamp> {
    // In a query, a plus sign that nobody escaped arrives as a space.
    let moment = text.parse::<Moment>().or_else(|_| text.replace(' ', "+").parse()).ok()?;
    Some(Timestamp::from_micros(moment.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, expected: Option<&str>) {
        assert_eq!(parse(from).map(text).as_deref(), expected, "{from}");
    }

    #[test]
    fn moments_are_read_with_any_offset_and_written_in_utc() {
        check("2026-11-23T08:30:00Z", Some("2026-11-23T08:30:00.000000Z"));
        check("2026-11-23T08:30:00.25Z", Some("2026-11-23T08:30:00.250000Z"));
        check("2026-11-23T15:30:00+07:00", Some("2026-11-23T08:30:00.000000Z"));
        check("2026-11-23T15:30:00 07:00", Some("2026-11-23T08:30:00.000000Z"));
        check("1969-12-31T23:59:59-00:00", Some("1969-12-31T23:59:59.000000Z"));
    }

    #[test]
    fn what_is_not_a_moment_is_refused() {
        for text in ["", "now", "2026-11-23", "2026-11-23T08:30:00", "2026-13-01T00:00:00Z", "1700000000"] {
            check(text, None);
        }
    }

    #[test]
    fn the_ends_of_time_do_not_panic() {
        assert!(!text(Timestamp::MAX).is_empty());
        assert!(!text(Timestamp::from_micros(i64::MIN)).is_empty());
    }
}
