//! UTC time as the rest of the house uses it: microseconds since 1970, days for the store's files, and ticks, the
//! strictly growing numbers that events are filed under.

use std::fmt;
use std::time::Duration;

/// Seconds between 1970-01-01 and the KSUID epoch, 2014-05-13T16:53:20Z.
pub const KSUID_EPOCH_SECS: i64 = 1_400_000_000;

const MICROS_PER_SEC: i64 = 1_000_000;
const SECS_PER_DAY: i64 = 86_400;

/// A moment in UTC, in microseconds since 1970-01-01T00:00:00Z. Arithmetic saturates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros)
    }

    pub const fn from_secs(secs: i64) -> Timestamp {
        Timestamp(secs.saturating_mul(MICROS_PER_SEC))
    }

    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down: what `webhook-timestamp` carries.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SEC)
    }

    /// Whole minutes since 1970, rounded down: the grain of the counters.
    pub const fn as_minutes(self) -> i64 {
        self.as_secs().div_euclid(60)
    }

    pub const fn day(self) -> Day {
        Day(self.as_secs().div_euclid(SECS_PER_DAY))
    }

    pub fn saturating_add(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(micros(span)))
    }

    pub fn saturating_sub(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(micros(span)))
    }

    /// The time from `earlier` to `self`; zero if `earlier` is later.
    pub fn saturating_since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// A step back of the clock that is taken for threads reading it out of order rather than for someone setting it.
pub const CLOCK_SLACK: Duration = Duration::from_secs(1);

/// A wait with both ends, so that a clock that was set back ends it instead of lengthening it. The default is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Window {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Window {
    pub fn starting(now: Timestamp, length: Duration) -> Window {
        Window { from: now, until: now.saturating_add(length) }
    }

    /// Whether the wait still goes on.
    pub fn contains(self, now: Timestamp) -> bool {
        self.from.saturating_sub(CLOCK_SLACK) <= now && now < self.until
    }

    /// The one that ends later, of those that go on.
    #[must_use]
    pub fn max(self, other: Window, now: Timestamp) -> Window {
        if self.contains(now) && self.until > other.until { self } else { other }
    }
}

/// A UTC calendar day, counted from 1970-01-01. Prints as `2026-11-23`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day(pub i64);

impl Day {
    pub const fn start(self) -> Timestamp {
        Timestamp::from_secs(self.0.saturating_mul(SECS_PER_DAY))
    }

    /// Reads `2026-11-23`; `None` for anything else, including days that no calendar has.
    pub fn parse(text: &str) -> Option<Day> {
        let mut parts = text.splitn(3, '-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        if (year.len(), month.len(), day.len()) != (4, 2, 2) {
            return None;
        }
        let day = Day(days_from_civil(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?));
        (day.to_string() == text).then_some(day)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Source: as [`days_from_civil`], `civil_from_days`.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The number an event is filed under: strictly growing in the order of acceptance, and still a time.
///
/// 32 bits of seconds since the KSUID epoch, then 31 bits of fraction. The same 63 bits open the event's wire id, so an
/// id leads to its row without an index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Tick(pub u64);

const FRACTION_BITS: u32 = 31;
const FRACTION_MASK: u64 = (1 << FRACTION_BITS) - 1;

impl Tick {
    pub const MAX: Tick = Tick((1 << 63) - 1);

    /// The first tick of a moment; clamped to the years 2014 to 2150, which KSUIDs can express.
    pub fn at(time: Timestamp) -> Tick {
        let since_epoch = time.as_micros().saturating_sub(KSUID_EPOCH_SECS * MICROS_PER_SEC).max(0).unsigned_abs();
        let (secs, rest) = (since_epoch / 1_000_000, since_epoch % 1_000_000);
        if secs > u64::from(u32::MAX) {
            return Tick::MAX;
        }
        Tick((secs << FRACTION_BITS) | ((rest << FRACTION_BITS) / 1_000_000))
    }

    /// The next tick to hand out: the clock's, or one more than the last if the clock stood still or went back.
    pub fn after(last: Tick, now: Timestamp) -> Tick {
        Tick::at(now).max(Tick(last.0.saturating_add(1))).min(Tick::MAX)
    }

    pub fn time(self) -> Timestamp {
        let secs = i64::try_from(self.0 >> FRACTION_BITS).unwrap_or(i64::MAX);
        let micros = ((self.0 & FRACTION_MASK) * 1_000_000).div_ceil(1 << FRACTION_BITS);
        Timestamp::from_micros((secs + KSUID_EPOCH_SECS) * MICROS_PER_SEC + i64::try_from(micros).unwrap_or(0))
    }

    pub fn day(self) -> Day {
        self.time().day()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_print_and_parse() {
        for (day, text) in [(0, "1970-01-01"), (20_780, "2026-11-23"), (19_782, "2024-02-29"), (-1, "1969-12-31")] {
            assert_eq!(Day(day).to_string(), text);
            assert_eq!(Day::parse(text), Some(Day(day)));
        }
        for text in ["2026-02-30", "2026-13-01", "2026-1-1", "", "day", "2026-11-23x"] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_tick_keeps_its_microsecond() {
        for micros in [1_764_000_000_000_001, 1_764_000_000_999_999, 1_400_000_000_000_000, 1_795_471_234_567_891] {
            let time = Timestamp::from_micros(micros);
            assert_eq!(Tick::at(time).time(), time);
        }
    }

    #[test]
    fn ticks_grow_when_the_clock_goes_back() {
        let now = Timestamp::from_secs(1_795_471_200);
        let first = Tick::after(Tick::default(), now);
        let second = Tick::after(first, now.saturating_sub(Duration::from_secs(3_600)));
        assert_eq!(second, Tick(first.0 + 1));
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp::MAX.saturating_add(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::default().saturating_since(Timestamp::MAX), Duration::ZERO);
        assert_eq!(Tick::at(Timestamp::MAX), Tick::MAX);
        assert_eq!(Tick::at(Timestamp::from_micros(i64::MIN)), Tick::default());
    }
}
