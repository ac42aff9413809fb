//! Values of the search that are not just text: statuses, spans, moments.

use std::time::Duration;

use crate::filter::{Operand, Order, Test};
use crate::time::{Day, Timestamp};

/// Bytes of a span or a moment: longer ones are none.
const VALUE_BYTES_MAX: usize = 40;

/// What a status may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Code {
    /// 1 to 5: any of that hundred.
    Class(u16),
    /// There was no answer.
    None,
    /// Of a number.
    Number(Test),
}

impl Code {
    pub(super) fn holds(&self, code: Option<u16>) -> bool {
        match self {
            Code::None => code.is_none(),
            Code::Class(class) => code.is_some_and(|code| code / 100 == *class),
            Code::Number(test) => code.is_some_and(|code| test.holds_for_text(&code.to_string())),
        }
    }

    /// Whether only attempts with such a status delivered, or only others; `None` where that is open.
    pub(super) fn delivered(&self) -> Option<bool> {
        match self {
            Code::None => Some(false),
            Code::Class(class) => Some(*class == 2),
            Code::Number(Test::Equals(operand)) => Some(operand.text().starts_with('2')),
            Code::Number(_) => None,
        }
    }
}

/// From and to, each with whether it is included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    from: Option<(Duration, bool)>,
    to: Option<(Duration, bool)>,
}

impl Span {
    /// `Err` says what is wrong.
    pub(super) fn of(test: &Test) -> Result<Span, String> {
        let read = |operand: &Operand| {
            let text = operand.text();
            span(text).ok_or_else(|| format!("{text:?} is no time span; write one such as 500ms, 2s or 5m"))
        };
        Ok(match test {
            Test::Compares(Order::More, from) => Span { from: Some((read(from)?, false)), to: None },
            Test::Compares(Order::AtLeast, from) => Span { from: Some((read(from)?, true)), to: None },
            Test::Compares(Order::Less, to) => Span { from: None, to: Some((read(to)?, false)) },
            Test::Compares(Order::AtMost, to) => Span { from: None, to: Some((read(to)?, true)) },
            Test::Within(from, to) => {
                let end = |end: &Option<Operand>| end.as_ref().map(read).transpose();
                let included = |end: Option<Duration>| end.map(|end| (end, true));
                Span { from: included(end(from)?), to: included(end(to)?) }
            }
            Test::Equals(operand) => {
                let text = operand.text();
                return Err(format!("no two attempts take exactly as long; write took:>{text} or took:<{text}"));
            }
            Test::There | Test::Prefix(_) => return Err("write a comparison such as took:>2s".to_owned()),
        })
    }

    pub(super) fn contains(&self, took: Duration) -> bool {
        let is_from = self.from.is_none_or(|(from, included)| took > from || (included && took == from));
        let is_to = self.to.is_none_or(|(to, included)| took < to || (included && took == to));
        is_from && is_to
    }
}

/// Reads `500ms`, `2s`, `1.5s`, `15m`, `1h`, `7d`, `2w`.
fn span(text: &str) -> Option<Duration> {
    if text.len() > VALUE_BYTES_MAX {
        return None;
    }
    let unit_at = text.find(|character: char| character.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(unit_at)?;
    let micros: u64 = match unit {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        "w" => 604_800_000_000,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').map_or((number, ""), |(whole, part)| (whole, part));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(part) || (part.is_empty() && number.contains('.')) {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(micros)?;
    let part = part.get(..part.len().min(6)).unwrap_or_default();
    let scale = 10_u64.checked_pow(u32::try_from(part.len()).ok()?)?;
    let part = if part.is_empty() { 0 } else { part.parse::<u64>().ok()?.checked_mul(micros)? / scale };
    Some(Duration::from_micros(whole.checked_add(part)?))
}

/// A time, or one counted back from now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Moment {
    At(Timestamp),
    Ago(Duration),
}

impl Moment {
    /// Reads `-1h`, `now`, `2026-11-23`, `2026-11-23T10:00`, with seconds, fractions and a zone where there are some.
    ///
    /// Source: RFC 3339 §5.6; a zone that is missing is UTC.
    pub(super) fn parse(text: &str) -> Option<Moment> {
        if text.eq_ignore_ascii_case("now") {
            return Some(Moment::Ago(Duration::ZERO));
        }
        if let Some(back) = text.strip_prefix('-') {
            return span(back).map(Moment::Ago);
        }
        if text.len() > VALUE_BYTES_MAX {
            return None;
        }
        let day = Day::parse(text.get(..10)?)?;
        let micros = match text.get(10..)? {
            "" => 0,
            rest => time_of_day(rest.strip_prefix(['T', 't'])?)?,
        };
        Some(Moment::At(Timestamp::from_micros(day.start().as_micros().checked_add(micros)?)))
    }

    pub(super) fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Moment::At(at) => at,
            Moment::Ago(span) => now.saturating_sub(span),
        }
    }
}

/// Microseconds since the day began in UTC, which a zone may move to another day.
fn time_of_day(text: &str) -> Option<i64> {
    let (clock, zone_secs) = match text.find(['Z', 'z', '+', '-']) {
        None => (text, 0),
        Some(at) => {
            let (clock, zone) = text.split_at_checked(at)?;
            (clock, zone_secs(zone)?)
        }
    };
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (two(parts.next()?, 23)?, two(parts.next()?, 59)?);
    let (second, micros) = match parts.next() {
        None => (0, 0),
        Some(second) => {
            let (whole, part) = second.split_once('.').map_or((second, None), |(whole, part)| (whole, Some(part)));
            (two(whole, 59)?, part.map_or(Some(0), micros)?)
        }
    };
    Some((hour * 3_600 + minute * 60 + second - zone_secs) * 1_000_000 + micros)
}

/// `Z`, `+07:00`, `-03:30`: seconds ahead of UTC.
fn zone_secs(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = zone.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    let secs = two(hours, 23)? * 3_600 + two(minutes, 59)? * 60;
    Some(if sign == "-" { -secs } else { secs })
}

/// Two digits.
fn two(text: &str, max: i64) -> Option<i64> {
    let is_two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_two && *number <= max)
}

fn micros(part: &str) -> Option<i64> {
    let is_digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let six: String = part.chars().chain("000000".chars()).take(6).collect();
    six.parse().ok().filter(|_| is_digits)
}

/// A moment as it is read again, to the microsecond: `2026-11-23T10:00:00.000000Z`.
pub fn utc(at: Timestamp) -> String {
    let of_day = at.as_micros() - at.day().start().as_micros();
    let (secs, micros) = (of_day / 1_000_000, of_day % 1_000_000);
    format!("{}T{:02}:{:02}:{:02}.{micros:06}Z", at.day(), secs / 3_600, secs / 60 % 60, secs % 60)
}

/// Whether bytes contain a text, whatever the case of its ASCII letters. `text` is in lower case.
pub(super) fn contains(bytes: &[u8], text: &str) -> bool {
    let text = text.as_bytes();
    let Some(first) = text.first() else { return true };
    let upper = first.to_ascii_uppercase();
    bytes.windows(text.len()).any(|window| {
        window.first().is_some_and(|byte| byte == first || *byte == upper) && window.eq_ignore_ascii_case(text)
    })
}
