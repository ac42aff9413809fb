//! `Retry-After`, as strangers send it. Total on any text.

use std::time::{Duration, SystemTime};

use crate::limits::RETRY_DELAY_MAX;
use crate::time::Timestamp;

/// The pause that a `Retry-After` value asks for: seconds or an HTTP date, counted from `now`.
///
/// Capped at `limits::RETRY_DELAY_MAX`; a date that has passed asks for none. `None` for anything that is neither,
/// such as `-1`, `1e3`, `NaN` or an empty value. Digits beyond any integer mean the cap.
///
/// Source: RFC 9110 §10.2.3.
pub fn parse(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim_matches([' ', '\t']);
    if value.is_empty() {
        return None;
    }
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        let secs = value.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(secs).min(RETRY_DELAY_MAX));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let secs = date.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let until = Timestamp::from_secs(i64::try_from(secs).unwrap_or(i64::MAX));
    Some(until.saturating_since(now).min(RETRY_DELAY_MAX))
}
