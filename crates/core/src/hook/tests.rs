//! The published table, row by row, and what no row says.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::log::LogMode;
use crate::outcome::{Answer, BlockedBy, BodyEnd, Cause, Outcome, Phase};
use crate::policy::{Next, Policy, next_step};
use crate::time::Timestamp;

const TABLE: &str = include_str!("../../../../docs/hooks.md");

/// The rows of the table: seven cells each.
fn rows() -> Vec<Vec<&'static str>> {
    let table = TABLE.split("## What happens when").nth(1).expect("the table has a heading");
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

fn answer(status: u16, body: &str) -> Outcome {
    Outcome::answered(Answer { status, body: Bytes::copy_from_slice(body.as_bytes()), ..Answer::default() })
}

fn ended(body: &str, body_end: BodyEnd) -> Outcome {
    Outcome::Delivered(Answer { status: 200, body: body.to_owned().into(), body_end, ..Answer::default() })
}

/// What the app did in a row; the cause of not asking it.
fn played(app: &str) -> Result<Outcome, FailCause> {
    Ok(match app {
        "answers nothing" => answer(200, ""),
        "answers in another charset" => {
            let headers = vec![("content-type".to_owned(), "application/json; charset=ISO-8859-1".into())];
            Outcome::Delivered(Answer { status: 200, headers, body: "{\"Point\":1}".into(), ..Answer::default() })
        }
        "answers a gigabyte" => ended("{\"Point\":1,\"x\":\"", BodyEnd::Capped),
        "breaks off in its answer" => ended("{\"Point\":1}", BodyEnd::Broken),
        "drips a byte a second" => Outcome::TimedOut(Phase::Body),
        "is silent" => Outcome::TimedOut(Phase::Wait),
        "closes before an answer" => Outcome::Unreachable(Cause::Reset),
        "refuses the connection" => Outcome::Unreachable(Cause::Refused),
        "is at a forbidden address" => Outcome::Blocked(BlockedBy::Address),
        "redirects" => answer(302, ""),
        "is left alone by the breaker" => return Err(FailCause::BreakerOpen),
        "has as many questions open as it may" => return Err(FailCause::Busy),
        "is not set" => return Err(FailCause::NotSet),
        "is switched off" => return Err(FailCause::Stopped),
        other => {
            let said = other.strip_prefix("answers ").unwrap_or_else(|| panic!("no such case: {other}"));
            let said = said.split(", and ").next().unwrap_or_default();
            let (status, body) = match said.split_once(' ') {
                Some((status, body)) if status.len() == 3 => (status.parse().expect("a status"), body),
                _ if said.len() == 3 => (said.parse().expect("a status"), ""),
                _ => (200, said),
            };
            answer(status, body.trim_matches('`'))
        }
    })
}

/// An answer of every hook that has a fallback or a cache.
const STANDS_IN: &str = "{\"Point\":7,\"Available\":7}";

/// A hook that an operator declared, with the schema of the example in the document.
fn stock_check() -> Arc<Contract> {
    let rule = HookRule {
        cache: Some((Duration::from_secs(5), Duration::from_mins(1))),
        refusals: Cow::Borrowed(&[404]),
        reason: Some(Cow::Borrowed("/message")),
        may_fall_back: true,
        ..HookRule::reading()
    };
    Arc::new(Contract { name: "stockCheck".into(), rule, words: Words::Declared(Arc::new(Stock)) })
}

/// One that writes.
fn book_tax() -> Arc<Contract> {
    let rule = HookRule {
        mode: Mode::Write,
        key: Some(Cow::Borrowed("/OrderId")),
        settled: HookRule::settled_of(Mode::Write),
        ..HookRule::reading()
    };
    Arc::new(Contract { name: "bookTax".into(), rule, words: Words::Declared(Arc::new(Tax)) })
}

#[derive(Debug)]
struct Tax;

impl Shape for Tax {
    fn question(&self, _: &str) -> Vec<Misfit> {
        Vec::new()
    }

    fn answer(&self, document: &str) -> Option<Misfit> {
        let bad = || Misfit { pointer: "/Number".to_owned(), why: "no text".to_owned() };
        let is_text = Reading::Whole(document.to_owned()).get("Number").is_some_and(|value| value.starts_with('"'));
        (!is_text).then(bad)
    }
}

/// Stands in for the schemas, which are compiled elsewhere.
#[derive(Debug)]
struct Stock;

impl Shape for Stock {
    fn question(&self, document: &str) -> Vec<Misfit> {
        let has = crate::json::members(document.as_bytes()).iter().any(|member| member.name == "Sku");
        let missing = Misfit { pointer: String::new(), why: "\"Sku\" is a required property".to_owned() };
        if has { Vec::new() } else { vec![missing] }
    }

    fn answer(&self, document: &str) -> Option<Misfit> {
        let members = crate::json::members(document.as_bytes());
        let available = members.iter().find(|member| member.name == "Available");
        let value = available.and_then(|member| document.get(member.value.clone()));
        match value.map(str::parse::<u32>) {
            Some(Ok(_)) => None,
            Some(Err(_)) => Some(Misfit { pointer: "/Available".to_owned(), why: "no whole number".to_owned() }),
            None => Some(Misfit { pointer: String::new(), why: "\"Available\" is a required property".to_owned() }),
        }
    }
}

#[test]
fn a_declared_hook_is_read_by_its_shape_alone() {
    let stock = stock_check();
    let asked = r#" {"Sku": "A-1", "Qty": 2.50}"#;
    assert_eq!(question(&stock, Generation::Newer, asked), Ok((asked.to_owned(), None)));
    let faults = question(&stock, Generation::Newer, r#"{"Qty":1,"Qty":2}"#).expect_err("two things are wrong");
    assert_eq!(faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), ["schema", "duplicate"]);
    let Judgement::Answered(reading) = judge(&stock, &answer(200, " {\"Available\": 3, \"At\": 1.50} ")) else {
        panic!("an answer")
    };
    assert_eq!(reading.to_json(), "{\"Available\": 3, \"At\": 1.50}");
    let Judgement::Failed(failed) = judge(&stock, &answer(200, "{\"Available\":\"3\"}")) else { panic!("no answer") };
    assert_eq!(failed.to_string(), "the app's answer is not as declared (/Available: no whole number)");
    let refused = judge(&stock, &answer(404, "{\"message\":\"no such \\u0041\"}"));
    let refused = told(refused, None, None);
    assert_eq!((refused.kind, reason(&stock, &refused).as_deref()), (AnswerKind::Refused, Some("no such A")));
}

#[test]
fn what_makes_a_declared_question_the_same_is_read_by_its_pointer() {
    let rule = HookRule {
        mode: Mode::Write,
        key: Some(Cow::Borrowed("/Order/Id")),
        settled: Some((HOOK_SETTLED, "key")),
        ..HookRule::reading()
    };
    let book = Contract { name: "bookTax".into(), rule, words: Words::Declared(Arc::new(Stock)) };
    let key = |document: &str| question(&book, Generation::Newer, document).map(|(_, key)| key);
    assert_eq!(key(r#"{"Sku":1,"Order":{"Id":"T-1"}}"#), Ok(Some("T-1".to_owned())));
    assert_eq!(key(r#"{"Sku":1,"Order":{"Id":71.0}}"#), Ok(Some("71.0".to_owned())));
    for without in [r#"{"Sku":1}"#, r#"{"Sku":1,"Order":{"Id":""}}"#, r#"{"Sku":1,"Order":{"Id":[1]}}"#] {
        let faults = key(without).expect_err(without);
        assert_eq!(faults[0].name, "/Order/Id", "{without}");
    }
}

fn afterwards(next: Next, judgement: &Judgement) -> &'static str {
    match (next, judgement) {
        (Next::Delivered, Judgement::Failed(_)) => "not repeated: the app took the sale",
        (Next::Delivered, _) => "–",
        (Next::RetryAt(_), _) => "queued",
        (Next::Failed(_) | Next::Again, _) => "listed: it can be resent",
    }
}

#[test]
fn every_row_of_the_published_table_holds() {
    let now = Timestamp::from_secs(1_795_471_200);
    let rows = rows();
    assert!(rows.len() >= 50, "{} rows", rows.len());
    for row in rows {
        let [hook, app, kind, cause, entry, kept_in_error, then] = row[..] else { panic!("seven cells: {row:?}") };
        let contract = match hook {
            "stockCheck" => stock_check(),
            "bookTax" => book_tax(),
            hook => contract(hook).unwrap_or_else(|| panic!("no such hook: {hook}")),
        };
        let contract = &*contract;
        let played = played(app);
        let judgement = match &played {
            Ok(outcome) => judge(contract, outcome),
            Err(cause) => Judgement::Failed(Failed::of(*cause)),
        };
        let declared = fallback(contract, STANDS_IN).ok().filter(|_| app.ends_with("a fallback is declared"));
        let kept = fallback(contract, STANDS_IN).ok().filter(|_| app.ends_with("an older answer is kept"));
        let kept = kept.map(|reading| (reading, Duration::from_secs(60)));
        let told = told(judgement.clone(), kept, declared);
        assert_eq!(told.kind.word(), kind, "{row:?}");
        assert_eq!(told.failed.as_ref().map_or("–", |failed| failed.cause.word()), cause, "{row:?}");
        assert_eq!(told.reading.is_some(), told.kind != AnswerKind::Failed, "{row:?}");

        let Ok(outcome) = played else {
            assert_eq!((entry, kept_in_error, then), ("–", "–", "–"), "{row:?}");
            continue;
        };
        // What writes goes the way of deliveries, and is logged as one.
        let as_logged = match contract.rule.mode {
            Mode::Read => judgement.clone(),
            Mode::Write if matches!(outcome, Outcome::Delivered(_)) => Judgement::Answered(Reading::Fields(Vec::new())),
            Mode::Write => judgement.clone(),
        };
        let words = log_words(&outcome, &as_logged);
        let said =
            [Some(words.outcome.to_owned()), words.status.map(|s| s.to_string()), words.detail.map(str::to_owned)];
        assert_eq!(said.into_iter().flatten().collect::<Vec<_>>().join(" "), entry, "{row:?}");
        assert_eq!(is_logged(LogMode::Error, &as_logged), kept_in_error == "kept", "{row:?}");
        assert!(is_logged(LogMode::Full, &as_logged) && !is_logged(LogMode::None, &as_logged));
        if contract.rule.mode == Mode::Write {
            assert_eq!(LogMode::Error.keeps(&outcome), kept_in_error == "kept", "{row:?}");
            let next = next_step(&outcome, 1, &Policy::Durable.plan(), 0.5, now);
            assert_eq!(afterwards(next, &judgement), then, "{row:?}");
        } else {
            assert_eq!(then, "–", "{row:?}");
        }
    }
}

#[test]
fn an_answer_is_told_under_the_names_of_its_contract() {
    let coupon = contract("validateCoupon").expect("a published one");
    let said = answer(200, r#" {"TYPE":"VALUE", "x": [1], "amount" : 25000.50, "expiredat":"2026-12-01T00:00:00Z"} "#);
    let Judgement::Answered(reading) = judge(&coupon, &said) else { panic!("an answer") };
    assert_eq!(reading.to_json(), r#"{"Type":"Amount","Amount":25000.50,"expiredAt":"2026-12-01T00:00:00Z"}"#);
}

#[test]
fn a_question_of_the_older_generation_has_its_names() {
    let coupon = contract("validateCoupon").expect("a published one");
    let asked =
        r#"{"Code":"A\"1", "Outlet":"Kemang","Customer":{"Email":"","Phone":"1"},"ShoppingCart":{"Amount":1.10}}"#;
    let (newer, key) = question(&coupon, Generation::Newer, asked).expect("it is whole");
    assert_eq!((newer.as_str(), key), (asked, None));
    let (older, _) = question(&coupon, Generation::Older, asked).expect("it is whole");
    assert_eq!(older, r#"{"Key":"A\"1","Outlet":"Kemang","Customer":{"Email":"","Phone":"1"}}"#);
    let (renamed, _) =
        question(&coupon, Generation::Newer, r#"{"Key":"A","Outlet":"K","Till":7}"#).expect("it is whole");
    assert_eq!(renamed, r#"{"Code":"A","Outlet":"K","Till":7}"#);
}

#[test]
fn a_question_that_is_not_whole_is_refused_with_every_reason() {
    let points = contract("fetchMemberPoint").expect("a published one");
    let faults = question(&points, Generation::Newer, r#"{"Outlet":1,"Phone":"","Phone":"","Email":""}"#);
    let faults = faults.expect_err("three things are wrong");
    let said: Vec<(&str, &str)> = faults.iter().map(|fault| (fault.name.as_str(), fault.code)).collect();
    assert_eq!(said, [("Outlet", "type"), ("Phone", "duplicate"), ("Code", "missing")]);
    let order = contract("orderComplete").expect("a published one");
    for without in [r#"{"Number":"1"}"#, r#"{"ID":""}"#, r#"{"ID":7}"#] {
        assert!(question(&order, Generation::Newer, without).is_err(), "{without}");
    }
    let (_, key) = question(&order, Generation::Newer, r#"{"ID":"INV\u002d1"}"#).expect("it is whole");
    assert_eq!(key.as_deref(), Some("INV-1"));
}

#[test]
fn the_shorter_deadline_counts_and_a_senseless_one_is_refused() {
    let set = Duration::from_secs(5);
    assert_eq!(budget(set, None), Ok(set));
    assert_eq!(budget(set, Some(200)), Ok(Duration::from_millis(200)));
    assert_eq!(budget(set, Some(20_000)), Ok(set));
    for asked_ms in [0, 30_001, 31_536_000_000, u64::MAX] {
        assert_eq!(budget(set, Some(asked_ms)), Err(BadDeadline { asked_ms }));
    }
}

#[test]
fn a_till_in_a_hurry_does_not_open_the_breaker() {
    use crate::breaker::Verdict;
    let late = Outcome::TimedOut(Phase::Wait);
    assert_eq!(verdict(&late, true), Verdict::Neutral);
    assert_eq!(verdict(&late, false), Verdict::Trouble);
    assert_eq!(verdict(&answer(503, ""), true), Verdict::Trouble);
}

#[test]
fn whatever_an_app_says_is_judged() {
    for contract in NAMES.iter().filter_map(|name| contract(name)) {
        for body in
            ["{\"", "{\"\\", "{\"Point\"", "{\"Point\":}", "\u{feff}{\"Point\":1}", "nul", "\\", "{\"\\ud800\":1}"]
        {
            for status in [200, 204, 400, 500] {
                let _ = judge(&contract, &answer(status, body));
            }
        }
    }
}
