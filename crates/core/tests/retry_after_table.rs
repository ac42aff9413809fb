//! `Retry-After` as strangers send it. `Ok` is the pause in seconds, at 2026-11-23 22:00:00 UTC.

use std::time::Duration;

use proptest::prelude::*;
use ringup_core::limits::RETRY_DELAY_MAX;
use ringup_core::retry_after::parse;
use ringup_core::time::Timestamp;

const NOW: Timestamp = Timestamp::from_secs(1_795_471_200);

const DAY: u64 = 86_400;
const IGNORED: Option<u64> = None;

#[rustfmt::skip]
const TABLE: &[(&str, Option<u64>)] = &[
    // Seconds.
    ("0", Some(0)),
    ("1", Some(1)),
    ("7", Some(7)),
    ("120", Some(120)),
    ("3600", Some(3_600)),
    ("86399", Some(86_399)),
    ("86400", Some(DAY)),
    ("007", Some(7)),
    ("00000000000000000000000000000005", Some(5)),
    (" 5", Some(5)),
    ("5\t ", Some(5)),
    // More than we wait: a day.
    ("86401", Some(DAY)),
    ("604800", Some(DAY)),
    ("2147483647", Some(DAY)),
    ("2147483648", Some(DAY)),
    ("4294967296", Some(DAY)),
    ("9223372036854775807", Some(DAY)),
    ("9223372036854775808", Some(DAY)),
    ("18446744073709551615", Some(DAY)),
    ("18446744073709551616", Some(DAY)),
    ("99999999999999999999999999999999999999999999", Some(DAY)),
    // Numbers that are none: the header means nothing.
    ("-1", IGNORED),
    ("-0", IGNORED),
    ("+5", IGNORED),
    ("1.5", IGNORED),
    ("5.0", IGNORED),
    (".5", IGNORED),
    ("5.", IGNORED),
    ("1e3", IGNORED),
    ("1e300", IGNORED),
    ("1E+400", IGNORED),
    ("NaN", IGNORED),
    ("inf", IGNORED),
    ("Infinity", IGNORED),
    ("-inf", IGNORED),
    ("0x10", IGNORED),
    ("1_000", IGNORED),
    ("1,000", IGNORED),
    ("1 000", IGNORED),
    ("5, 10", IGNORED),
    ("5;q=1", IGNORED),
    ("5s", IGNORED),
    ("5 seconds", IGNORED),
    ("PT5S", IGNORED),
    ("５", IGNORED),
    ("٥", IGNORED),
    ("5\u{a0}", IGNORED),
    ("\"5\"", IGNORED),
    ("", IGNORED),
    ("   ", IGNORED),
    ("null", IGNORED),
    ("soon", IGNORED),
    // Dates, in the three forms of RFC 9110 §5.6.7.
    ("Mon, 23 Nov 2026 22:00:30 GMT", Some(30)),
    ("Mon, 23 Nov 2026 22:00:00 GMT", Some(0)),
    ("Tue, 24 Nov 2026 22:00:00 GMT", Some(DAY)),
    ("Monday, 23-Nov-26 22:01:00 GMT", Some(60)),
    ("Mon Nov 23 22:02:00 2026", Some(120)),
    (" Mon, 23 Nov 2026 22:00:30 GMT ", Some(30)),
    // Far ones: a day.
    ("Wed, 25 Nov 2026 22:00:00 GMT", Some(DAY)),
    ("Tue, 19 Jan 2038 03:14:08 GMT", Some(DAY)),
    ("Fri, 31 Dec 9999 23:59:59 GMT", Some(DAY)),
    // Past ones: no pause.
    ("Mon, 23 Nov 2026 21:59:59 GMT", Some(0)),
    ("Fri, 31 Dec 1999 23:59:59 GMT", Some(0)),
    ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
    ("Sunday, 06-Nov-94 08:49:37 GMT", Some(0)),
    ("Sun Nov  6 08:49:37 1994", Some(0)),
    // Dates that are none.
    ("Mon, 23 Nov 2026 22:00:30", IGNORED),
    ("Mon, 23 Nov 2026 22:00:30 UTC", IGNORED),
    ("Mon, 23 Nov 2026 22:00:30 +0700", IGNORED),
    ("2026-11-23T22:00:30Z", IGNORED),
    ("Mon, 30 Feb 2026 22:00:30 GMT", IGNORED),
    ("Mon, 23 Nov 2026 24:00:30 GMT", IGNORED),
    ("Mon, 23 Nov 2026 22:60:30 GMT", IGNORED),
    ("Mon, 23 Növ 2026 22:00:30 GMT", IGNORED),
    ("Fri, 31 Dec 10000 23:59:59 GMT", IGNORED),
    ("Wed, 31 Dec 1969 23:59:59 GMT", IGNORED),
    ("Mon, 23 Nov 2026 22:00:30 GMT, Mon, 23 Nov 2026 22:00:30 GMT", IGNORED),
];

#[test]
fn the_table_holds() {
    let wrong: Vec<_> = TABLE
        .iter()
        .map(|(value, expected)| (value, parse(value, NOW).map(|pause| pause.as_secs()), expected))
        .filter(|(_, found, expected)| found != *expected)
        .collect();
    assert_eq!(wrong, [], "value, found, expected");
}

#[test]
fn a_date_counts_from_the_microsecond() {
    let now = NOW.saturating_add(Duration::from_micros(1));
    assert_eq!(parse("Mon, 23 Nov 2026 22:00:01 GMT", now), Some(Duration::from_micros(999_999)));
}

proptest! {
    #[test]
    fn any_text_at_any_time_is_survived(value in any::<String>(), now in any::<i64>()) {
        let pause = parse(&value, Timestamp::from_micros(now));
        prop_assert!(pause.is_none_or(|pause| pause <= RETRY_DELAY_MAX));
    }

    #[test]
    fn almost_dates_are_survived(
        value in "(Mon|Sunday|Thu),? ?[0-9]{1,2}[ -](Nov|Feb|Xxx)[ -][0-9]{1,5} [0-9]{2}:[0-9]{2}:[0-9]{2}( GMT)?",
        now in any::<i64>(),
    ) {
        let pause = parse(&value, Timestamp::from_micros(now));
        prop_assert!(pause.is_none_or(|pause| pause <= RETRY_DELAY_MAX));
    }
}
