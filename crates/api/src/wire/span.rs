//! Lengths of time: a number of milliseconds, or text such as `"7s"` or `"1h30m"`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::describe;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

/// As answers carry it.
pub fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        deserializer.deserialize_any(SpanVisitor)
    }
}

impl PartialSchema for Span {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^([0-9]+(ms|s|m|h|d))+$"));
        OneOfBuilder::new()
            .item(describe::whole(0, u64::MAX))
            .item(text)
            .description(Some("A number of milliseconds, or text such as `7s` or `1h30m`."))
            .into()
    }
}

impl ToSchema for Span {
    fn name() -> Cow<'static, str> {
        "Duration".into()
    }
}

struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of milliseconds, or text such as \"7s\" or \"1h30m\"")
    }

    fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Span, E> {
        Ok(Span(Duration::from_millis(millis)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
        parse(text).map(Span).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// Whole numbers with a unit each, largest units first or not; `None` for anything else.
fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let millis: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        sum = sum.checked_add(Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(millis)?))?;
        rest = after;
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected_ms: Option<u64>) {
        let read = serde_json::from_str::<Span>(json).ok().map(|Span(span)| millis(span));
        assert_eq!(read, expected_ms, "{json}");
    }

    #[test]
    fn numbers_are_milliseconds_and_texts_have_units() {
        check("0", Some(0));
        check("7000", Some(7_000));
        check(r#""7s""#, Some(7_000));
        check(r#""250ms""#, Some(250));
        check(r#""1h30m""#, Some(5_400_000));
        check(r#""2d""#, Some(172_800_000));
        check(r#""0s""#, Some(0));
    }

    #[test]
    fn anything_else_is_refused() {
        for json in ["-1", "1.5", "null", "true", r#""""#, r#""7""#, r#""s""#, r#""7 s""#, r#""-7s""#, r#""7w""#] {
            check(json, None);
        }
        check(r#""99999999999999999999d""#, None);
        check(r#""18446744073709551615d""#, None);
    }
}
