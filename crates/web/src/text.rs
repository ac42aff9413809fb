//! Times, spans and sizes in words.

use std::time::Duration;

use jiff::tz::TimeZone;
use ringup_core::time::Timestamp;

use crate::lang::Lang;

/// A moment in a time zone.
fn zoned(at: Timestamp, zone: &TimeZone) -> jiff::ZonedDateTime {
    let moment = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.to_zoned_datetime(zone.clone())
}

/// As machines read it, in UTC.
pub fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// The time of day if it is today's, else the date with it.
pub fn short_time(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, today) = (zoned(at, zone), zoned(now, zone).date());
    let pattern = if at.date() == today { "%H:%M:%S" } else { "%Y-%m-%d %H:%M" };
    at.strftime(pattern).to_string()
}

/// Date, time and zone.
pub fn full_time(at: Timestamp, zone: &TimeZone) -> String {
    zoned(at, zone).strftime("%Y-%m-%d %H:%M:%S%.3f %Z").to_string()
}

/// Hours and minutes.
pub fn clock(at: Timestamp, zone: &TimeZone) -> String {
    zoned(at, zone).strftime("%H:%M").to_string()
}

/// A span with the unit that suits it: `84 ms`, `1.2 s`, `2 h 50 min`.
pub fn span(span: Duration, lang: Lang) -> String {
    let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let pair = |big: u64, big_unit: &str, small: u64, small_unit: &str| {
        let (big_word, small_word) = (lang.text(big_unit), lang.text(small_unit));
        if small == 0 { format!("{big} {big_word}") } else { format!("{big} {big_word} {small} {small_word}") }
    };
    match ms {
        0 if span.is_zero() => "0 s".to_owned(),
        0 => "< 1 ms".to_owned(),
        1..1_000 => format!("{ms} ms"),
        1_000..60_000 if ms % 1_000 == 0 => format!("{} s", ms / 1_000),
        1_000..60_000 => format!("{} s", lang.tenths(ms / 100)),
        60_000..3_600_000 => pair(ms / 60_000, "unit-min", ms / 1_000 % 60, "unit-s"),
        3_600_000..86_400_000 => pair(ms / 3_600_000, "unit-h", ms / 60_000 % 60, "unit-min"),
        _ => pair(ms / 86_400_000, "unit-d", ms / 3_600_000 % 24, "unit-h"),
    }
}

/// How long ago, in one unit.
pub fn ago(at: Timestamp, now: Timestamp, lang: Lang) -> String {
    let secs = now.saturating_since(at).as_secs();
    let (count, key) = match secs {
        0..5 => return lang.text("ago-now"),
        5..60 => (secs, "ago-s"),
        60..3_600 => (secs / 60, "ago-min"),
        3_600..86_400 => (secs / 3_600, "ago-h"),
        _ => (secs / 86_400, "ago-d"),
    };
    lang.text_with(key, &[("count", count.into())])
}

/// A size: `812 B`, `64 KiB`, `1.2 MiB`.
pub fn size(bytes: usize, lang: Lang) -> String {
    let bytes = bytes as u64;
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", lang.tenths(bytes * 10 / 1_024)),
        1_048_576..1_073_741_824 => format!("{} MiB", lang.tenths(bytes * 10 / 1_048_576)),
        _ => format!("{} GiB", lang.tenths(bytes / 107_374_182)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn spans_take_the_unit_that_suits_them() {
        let said = |ms: u64| span(Duration::from_millis(ms), Lang::English);
        assert_eq!(said(84), "84 ms");
        assert_eq!(said(1_234), "1.2 s");
        assert_eq!(said(7_000), "7 s");
        assert_eq!(said(90_000), "1 min 30 s");
        assert_eq!(said(10_200_000), "2 h 50 min");
        assert_eq!(said(5 * 86_400_000), "5 d");
        assert_eq!(span(Duration::from_millis(1_234), Lang::Indonesian), "1,2 s");
        assert_eq!(span(Duration::from_micros(400), Lang::English), "< 1 ms");
    }

    #[test]
    fn times_are_short_today_and_dated_before() {
        let now = Timestamp::from_secs(1_795_471_200);
        let at = now.saturating_sub(Duration::from_hours(30));
        assert_eq!(short_time(now, now, &TimeZone::UTC).len(), "22:00:00".len());
        assert_eq!(short_time(at, now, &TimeZone::UTC).len(), "2026-11-22 16:00".len());
        let jakarta = TimeZone::get("Asia/Jakarta").unwrap();
        assert!(full_time(now, &jakarta).ends_with("+07") || full_time(now, &jakarta).ends_with("WIB"));
    }

    #[test]
    fn ages_are_told_in_one_unit() {
        let now = Timestamp::from_secs(1_795_471_200);
        let told = |secs: u64| ago(now.saturating_sub(Duration::from_secs(secs)), now, Lang::English);
        assert_eq!(told(0), "just now");
        assert_eq!(told(61), "1 min ago");
        assert_eq!(told(7_300), "2 h ago");
    }
}
