//! The retry policy as a table to read: what came of an attempt, and what each named policy makes of it.
//!
//! Every status from 100 to 599 is in exactly one row, every cause in its own, and each is tried after every number of
//! attempts made.

use std::time::Duration;

use ringup_core::limits::RETRY_DELAY_MAX;
use ringup_core::outcome::{Answer, BlockedBy, Cause, NoToken, Outcome, Phase};
use ringup_core::policy::{Next, Policy, Reason, next_step};
use ringup_core::time::Timestamp;

/// `repeated` means: by the policy's schedule below, and exhausted after it. `final` means: not repeated, whatever the
/// number of attempts.
const ANSWERS: &str = "
    status                                | guide     | durable
    100-199  not an answer to a request   | final     | repeated
    200-299  success                      | delivered | delivered
    300-399  redirects, never followed    | final     | repeated
    400-404                               | final     | repeated
    405      method not allowed           | final     | final
    406-407                               | final     | repeated
    408      request timeout, sent by it  | repeated  | repeated
    409                                   | final     | repeated
    410      gone: disables the endpoint  | gone      | gone
    411-412                               | final     | repeated
    413      too large                    | final     | final
    414      URI too long                 | final     | final
    415      unsupported media type       | final     | final
    416-428                               | final     | repeated
    429      too many requests            | repeated  | repeated
    430                                   | final     | repeated
    431      header fields too large      | final     | final
    432-450                               | final     | repeated
    451      forbidden by law             | final     | final
    452-499                               | final     | repeated
    500      server error                 | repeated  | repeated
    501      not implemented              | repeated  | final
    502-504                               | repeated  | repeated
    505      HTTP version                 | repeated  | final
    506-599                               | repeated  | repeated
";

const CAUSES: &str = "
    no answer                             | guide     | durable
    timed out: resolve                    | repeated  | repeated
    timed out: connect                    | repeated  | repeated
    timed out: tls                        | repeated  | repeated
    timed out: send                       | repeated  | repeated
    timed out: wait                       | repeated  | repeated
    timed out: body                       | repeated  | repeated
    unreachable: dns                      | final     | repeated
    unreachable: refused                  | final     | repeated
    unreachable: reset                    | final     | repeated
    unreachable: tls                      | final     | repeated
    unreachable: protocol                 | final     | repeated
    unreachable: local                    | final     | repeated
    blocked: url                          | blocked   | blocked
    blocked: scheme                       | blocked   | blocked
    blocked: address                      | blocked   | blocked
    interrupted by our own shutdown       | again     | again
";

/// A token that cannot be had follows the rules for the receiver's own statuses, but for 410: that is about the token.
const TOKENS: &str = "
    no token                              | guide     | durable
    token_refused 302                     | final     | repeated
    token_refused 400                     | final     | repeated
    token_refused 401                     | final     | repeated
    token_refused 408                     | repeated  | repeated
    token_refused 410                     | final     | repeated
    token_refused 415                     | final     | final
    token_refused 429                     | repeated  | repeated
    token_refused 503                     | repeated  | repeated
    token_unusable                        | final     | repeated
    token_timed_out                       | repeated  | repeated
    token_unreachable                     | final     | repeated
    token_blocked                         | blocked   | blocked
";

/// The pause after the first attempt, the second, and so on; there is one more attempt than pauses.
const SCHEDULES: [(Policy, &[&str]); 2] =
    [(Policy::Guide, &["7s"]), (Policy::Durable, &["5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "20h"])];

const NOW: Timestamp = Timestamp::from_secs(1_795_471_200);

/// A draw in the middle: jittered pauses are exactly their step.
const MIDDLE: f64 = 0.5;

/// More attempts than any schedule has.
const ATTEMPTS: std::ops::RangeInclusive<u32> = 1..=12;

#[test]
fn every_status() {
    let mut covered = Vec::new();
    for (what, words) in rows(ANSWERS) {
        let range = what.split_whitespace().next().expect("a row begins with its statuses");
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        for status in parse(first)..=parse(last) {
            covered.push(status);
            check(&Outcome::answered(Answer { status, ..Answer::default() }), words);
        }
    }
    assert_eq!(covered, (100..=599).collect::<Vec<u16>>(), "each status in one row, in order");
}

#[test]
fn every_cause() {
    let rows: Vec<_> = rows(CAUSES).collect();
    let outcomes: Vec<Outcome> = (Phase::ALL.iter().copied().map(Outcome::TimedOut))
        .chain(Cause::ALL.iter().copied().map(Outcome::Unreachable))
        .chain(BlockedBy::ALL.iter().copied().map(Outcome::Blocked))
        .chain([Outcome::Interrupted])
        .collect();
    assert_eq!(rows.len(), outcomes.len(), "each cause in one row");
    for ((what, words), outcome) in rows.into_iter().zip(&outcomes) {
        assert_eq!(what, name(outcome));
        check(outcome, words);
    }
}

#[test]
fn every_token_that_cannot_be_had() {
    for (what, words) in rows(TOKENS) {
        let no_token = match what.split_once(' ') {
            Some(("token_refused", status)) => NoToken::Refused { status: parse(status), error: None },
            _ => match what {
                "token_unusable" => NoToken::Unusable,
                "token_timed_out" => NoToken::TimedOut(Phase::Wait),
                "token_unreachable" => NoToken::Unreachable(Cause::Dns),
                "token_blocked" => NoToken::Blocked(BlockedBy::Address),
                other => panic!("no such cause: {other}"),
            },
        };
        assert!(what.starts_with(no_token.word()), "{what}");
        check(&Outcome::NoToken(no_token), words);
    }
}

#[test]
fn jitter_stays_within_a_fifth_and_only_durable_has_it() {
    let outcome = Outcome::TimedOut(Phase::Wait);
    for (policy, pauses) in SCHEDULES {
        for (attempts_made, step) in (1..).zip(pauses) {
            let pause = |draw| match next_step(&outcome, attempts_made, &policy.plan(), draw, NOW) {
                Next::RetryAt(due_at) => due_at.saturating_since(NOW),
                other => panic!("{other:?}"),
            };
            let step = span(step);
            let (low, high) = match policy {
                Policy::Guide => (step, step),
                Policy::Durable => (step / 5 * 4, step / 5 * 6),
            };
            assert_eq!((pause(0.0), pause(1.0)), (low, high));
            assert!(high <= RETRY_DELAY_MAX, "the cap takes no jitter away");
        }
    }
}

#[test]
fn durable_makes_ten_attempts_in_three_days() {
    let plan = Policy::Durable.plan();
    let mut now = NOW;
    let mut attempts = 1;
    while let Next::RetryAt(due_at) = next_step(&Outcome::TimedOut(Phase::Wait), attempts, &plan, MIDDLE, now) {
        now = due_at;
        attempts += 1;
    }
    assert_eq!(attempts, 10);
    assert_eq!(now.saturating_since(NOW).as_secs() / 3_600, 71);
}

/// Tries an outcome under both policies after every number of attempts.
#[track_caller]
fn check(outcome: &Outcome, words: [&str; 2]) {
    for ((policy, pauses), word) in SCHEDULES.into_iter().zip(words) {
        for attempts_made in ATTEMPTS {
            let next = next_step(outcome, attempts_made, &policy.plan(), MIDDLE, NOW);
            let pause = pauses.get(attempts_made as usize - 1);
            let expected = match (word, pause) {
                ("repeated", Some(pause)) => Next::RetryAt(NOW.saturating_add(span(pause))),
                ("repeated", None) => Next::Failed(Reason::Exhausted),
                ("final", _) => Next::Failed(Reason::NotRepeated),
                ("gone", _) => Next::Failed(Reason::Gone),
                ("blocked", _) => Next::Failed(Reason::Blocked),
                ("delivered", _) => Next::Delivered,
                ("again", _) => Next::Again,
                other => panic!("no such word: {other:?}"),
            };
            assert_eq!(next, expected, "{}, {policy}, after attempt {attempts_made}", name(outcome));
        }
    }
}

/// The rows below the headings: what, and the words of both policies.
fn rows(table: &str) -> impl Iterator<Item = (&str, [&str; 2])> {
    table.trim().lines().skip(1).map(|row| {
        let mut cells = row.split('|').map(str::trim);
        let mut cell = || cells.next().expect("a row has three cells");
        (cell(), [cell(), cell()])
    })
}

fn name(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Delivered(answer) | Outcome::Refused(answer) => answer.status.to_string(),
        Outcome::TimedOut(phase) => format!("timed out: {phase}"),
        Outcome::Unreachable(cause) => format!("unreachable: {cause}"),
        Outcome::Blocked(by) => format!("blocked: {by}"),
        Outcome::NoToken(why) => why.to_string(),
        Outcome::Interrupted => "interrupted by our own shutdown".to_owned(),
    }
}

fn parse(status: &str) -> u16 {
    status.parse().expect("a status is a number")
}

fn span(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.len() - 1);
    let number = number.parse().expect("a number before the unit");
    match unit {
        "s" => Duration::from_secs(number),
        "m" => Duration::from_mins(number),
        "h" => Duration::from_hours(number),
        other => panic!("no such unit: {other}"),
    }
}
