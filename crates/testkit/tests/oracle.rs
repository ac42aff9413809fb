//! The oracle itself: a clean history passes, and a history that breaks one promise is caught by that rule.

use anyhow::{Context, Result};
use ringup_testkit::{
    journal::{Receipt, Sent, Sha256},
    oracle::{AttemptRow, Delivery, Endpoint, History, Ledger, Rule, State},
};
use standardwebhooks::Webhook;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const START_S: u64 = 1_800_000_000;

fn payload(number: u64) -> String {
    format!("{{\"uid\":\"e-{number}\"}}")
}

fn sent(number: u64) -> Sent {
    Sent {
        uid: format!("e-{number}"),
        app: "shop".to_owned(),
        event_type: "sale".to_owned(),
        body_sha256: Sha256::of(payload(number).as_bytes()),
        payload: None,
        order: Some(("till".to_owned(), number)),
        sent_at_ns: number,
        answered_at_ns: Some(number + 1),
        status: Some(202),
        event: Some(format!("msg_{number}")),
    }
}

/// A request for event `number` at the `at`th second, signed and answered 200.
fn receipt(number: u64, at: u64, path: &str) -> Receipt {
    let (id, timestamp, body) = (format!("msg_{number}"), START_S + at, payload(number));
    Receipt {
        signature: sign(&id, timestamp, &body),
        id,
        at_ns: timestamp * 1_000_000_000,
        path: path.to_owned(),
        timestamp: timestamp.to_string(),
        body_sha256: Sha256::of(body.as_bytes()),
        body_len: body.len() as u64,
        body: Some(body),
        status: Some(200),
        complete: true,
        cut: false,
    }
}

fn sign(id: &str, timestamp: u64, body: &str) -> String {
    let key = Webhook::new(SECRET).expect("a published secret");
    key.sign(id, timestamp.cast_signed(), body.as_bytes()).expect("the body is UTF-8")
}

fn row(number: u64, endpoint: &str, status: Option<u16>) -> AttemptRow {
    AttemptRow { event: format!("msg_{number}"), endpoint: endpoint.to_owned(), status }
}

fn delivery(number: u64, endpoint: &str, state: State) -> Delivery {
    Delivery { event: format!("msg_{number}"), endpoint: endpoint.to_owned(), state }
}

/// Three acknowledged events of one account to two endpoints, one of them ordered; nothing went wrong.
fn clean() -> History {
    let endpoint = |id: &str, path: &str, ordered| Endpoint {
        id: id.to_owned(),
        app: "shop".to_owned(),
        path: path.to_owned(),
        event_types: Vec::new(),
        secrets: vec![SECRET.to_owned()],
        ordered,
    };
    let numbers = 0..3;
    let ledger =
        |source: &str| Ledger { source: source.to_owned(), accepted: 6, delivered: 6, pending: 0, terminal: 0 };
    History {
        sent: numbers.clone().map(sent).collect(),
        received: numbers.clone().flat_map(|n| [receipt(n, n, "/a"), receipt(n, n, "/b")]).collect(),
        endpoints: vec![endpoint("ep_a", "/a", false), endpoint("ep_b", "/b", true)],
        attempts: Some(numbers.flat_map(|n| [row(n, "ep_a", Some(200)), row(n, "ep_b", Some(200))]).collect()),
        ledgers: vec![ledger("api"), ledger("store")],
        ..History::default()
    }
}

/// Only this rule is violated, so many times, and the report says `words`.
#[track_caller]
fn caught(history: &History, rule: Rule, count: u64, words: &str) {
    let report = history.check();
    let text = report.to_string();
    assert_eq!(report.violations.keys().copied().collect::<Vec<_>>(), [rule], "{text}");
    assert_eq!(report.count(rule), count, "{text}");
    assert!(text.contains(words), "{words} in {text}");
    assert!(report.into_result().is_err());
}

#[track_caller]
fn passes(history: &History) {
    let report = history.check();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_clean_history_passes_and_everything_was_compared() -> Result<()> {
    let counts = clean().check().into_result()?;
    assert_eq!((counts.acknowledged, counts.owed, counts.delivered, counts.received), (3, 6, 6, 6));
    assert_eq!((counts.signatures_valid, counts.signatures_unchecked), (6, 0));
    assert_eq!((counts.duplicates, counts.duplicates_allowed, counts.rows_missing), (0, 0, 0));
    Ok(())
}

#[test]
fn o1_an_acknowledged_event_that_never_arrives_is_lost() {
    let mut history = clean();
    (history.attempts, history.ledgers) = (None, Vec::new());
    history.received.retain(|receipt| (receipt.id.as_str(), receipt.path.as_str()) != ("msg_1", "/b"));
    caught(&history, Rule::NoLoss, 1, "e-1 (msg_1) to /b never arrived and is not listed");

    history.deliveries = vec![delivery(1, "ep_b", State::Pending)];
    caught(&history, Rule::NoLoss, 1, "is still pending");
    history.deliveries = vec![delivery(1, "ep_b", State::Delivered)];
    caught(&history, Rule::NoLoss, 1, "listed as delivered, but no receiver took it");
    history.deliveries = vec![delivery(1, "ep_a", State::Terminal("exhausted".to_owned()))];
    caught(&history, Rule::NoLoss, 1, "never arrived");
    history.deliveries = vec![delivery(1, "ep_b", State::Terminal("exhausted".to_owned()))];
    passes(&history);
    assert_eq!(history.check().counts.terminal, 1);
}

#[test]
fn o1_refused_by_the_receiver_and_forgotten_is_lost() {
    let mut history = clean();
    (history.attempts, history.ledgers) = (None, Vec::new());
    history.received[0].status = Some(500);
    caught(&history, Rule::NoLoss, 1, "arrived, was not taken, and is not listed");
}

#[test]
fn o1_a_subscription_limits_what_is_owed() {
    let mut history = clean();
    (history.attempts, history.ledgers) = (None, Vec::new());
    history.endpoints[1].event_types = vec!["refund".to_owned()];
    history.received.retain(|receipt| receipt.path == "/a");
    passes(&history);
    history.received.push(receipt(0, 9, "/b"));
    caught(&history, Rule::NoInvention, 1, "not subscribed to its type");
}

#[test]
fn o2_what_nobody_published_is_invention() {
    let mut history = clean();
    history.received.push(receipt(7, 7, "/a"));
    caught(&history, Rule::NoInvention, 1, "msg_7 at /a: never published");

    let mut history = clean();
    history.received.push(receipt(1, 7, "/elsewhere"));
    caught(&history, Rule::NoInvention, 1, "no endpoint has this path");
}

#[test]
fn o2_other_bytes_are_caught_although_their_signature_is_valid() {
    let mut history = clean();
    let changed = "{\"uid\": \"e-0\"}";
    let receipt = &mut history.received[0];
    receipt.body = Some(changed.to_owned());
    receipt.body_sha256 = Sha256::of(changed.as_bytes());
    receipt.signature = sign("msg_0", START_S, changed);
    caught(&history, Rule::NoInvention, 1, "other bytes than published");
}

#[test]
fn o2_a_signature_must_be_valid_for_the_endpoint_and_fresh() {
    let mut history = clean();
    history.endpoints[0].secrets = vec!["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned()];
    caught(&history, Rule::NoInvention, 3, "is not valid");
    history.endpoints[0].secrets.push(SECRET.to_owned());
    passes(&history);

    let mut history = clean();
    history.received[0].signature.insert_str(0, "v1a,AAAA ");
    passes(&history);
    history.received[0].signature = "v1,".to_owned();
    caught(&history, Rule::NoInvention, 1, "\"v1,\" is not valid");

    let mut history = clean();
    history.received[0].timestamp = (START_S - 301).to_string();
    history.received[0].signature = sign("msg_0", START_S - 301, &payload(0));
    caught(&history, Rule::NoInvention, 1, "is not valid");
}

#[test]
fn o2_without_a_body_or_a_secret_the_signature_counts_as_unchecked() {
    let mut history = clean();
    history.received[0].body = None;
    history.endpoints[1].secrets.clear();
    passes(&history);
    assert_eq!(history.check().counts.signatures_unchecked, 4);
    history.sent[0].payload = Some(payload(0));
    assert_eq!(history.check().counts.signatures_unchecked, 3);
}

#[test]
fn o2_another_account_must_not_see_it() {
    let mut history = clean();
    (history.attempts, history.ledgers) = (None, Vec::new());
    history.endpoints[1].app = "rival".to_owned();
    caught(&history, Rule::NoInvention, 3, "an endpoint of another account");
}

#[test]
fn o2_a_refused_publish_must_not_arrive() {
    let mut history = clean();
    (history.attempts, history.ledgers) = (None, Vec::new());
    (history.sent[2].status, history.sent[2].event) = (Some(422), None);
    caught(&history, Rule::NoInvention, 2, "the publish was refused");
}

#[test]
fn o3_duplicates_beyond_what_was_in_flight_are_caught() {
    let mut history = clean();
    history.attempts = None;
    history.received.extend([receipt(2, 8, "/a"), receipt(2, 9, "/b")]);
    caught(&history, Rule::BoundedDuplicates, 2, "beyond 0 allowed");
    history.in_flight_at_kills = vec![1, 0];
    caught(&history, Rule::BoundedDuplicates, 1, "duplicates 2 of 1 allowed");
    history.resends = 1;
    passes(&history);
    (history.resends, history.received[0].cut) = (0, true);
    passes(&history);
}

#[test]
fn o3_a_retry_after_a_refusal_is_no_duplicate() {
    let mut history = clean();
    history.attempts = None;
    history.received.push(Receipt { status: Some(503), ..receipt(0, 0, "/a") });
    history.received[0].at_ns += 7_000_000_000;
    passes(&history);
}

#[test]
fn o4_an_ordered_endpoint_must_not_go_back() {
    let mut history = clean();
    history.in_flight_at_kills = vec![1];
    history.received.push(receipt(2, 9, "/b"));
    passes(&history);
    history.received.pop();
    history.received.push(receipt(1, 9, "/b"));
    caught(&history, Rule::Order, 1, "e-1 (msg_1) to /b: place 1 of till after place 2");
    history.received.pop();
    history.received.push(receipt(1, 9, "/a"));
    passes(&history);
}

#[test]
fn o5_a_request_without_a_row_is_caught() -> Result<()> {
    let mut history = clean();
    history.attempts.as_mut().context("there is a log")?.remove(0);
    caught(&history, Rule::HonestLog, 1, "msg_0 to ep_a: 1 requests, 0 rows");
    history.in_flight_at_kills = vec![1];
    passes(&history);
    assert_eq!(history.check().counts.rows_missing, 1);

    let mut history = clean();
    history.attempts.as_mut().context("there is a log")?[0].status = None;
    passes(&history);
    Ok(())
}

#[test]
fn o5_a_row_that_claims_an_answer_nobody_gave_is_caught() -> Result<()> {
    let mut history = clean();
    history.attempts.as_mut().context("there is a log")?.push(row(0, "ep_a", Some(200)));
    caught(&history, Rule::HonestLog, 1, "msg_0 to ep_a: 2 rows say 200, 1 were answered");
    history.attempts.as_mut().context("there is a log")?[6] = row(0, "ep_a", None);
    passes(&history);
    Ok(())
}

#[test]
fn o6_sums_must_add_up_agree_and_fit_what_happened() {
    let mut history = clean();
    history.ledgers.pop();
    history.ledgers[0].pending = 1;
    caught(&history, Rule::Conservation, 1, "api: accepted 6, but 6 + 1 + 0");

    let mut history = clean();
    (history.ledgers[1].delivered, history.ledgers[1].terminal) = (5, 1);
    caught(&history, Rule::Conservation, 1, "differ");

    let mut history = clean();
    history.ledgers.pop();
    (history.ledgers[0].accepted, history.ledgers[0].delivered) = (5, 5);
    caught(&history, Rule::Conservation, 1, "accepted 5, owed 6");
    (history.ledgers[0].accepted, history.ledgers[0].delivered) = (7, 7);
    caught(&history, Rule::Conservation, 2, "delivered 7, receivers took 6");
}

#[test]
fn o7_an_unanswered_publish_may_appear_once_but_not_twice() {
    let mut history = clean();
    history.attempts = None;
    history.sent[0] = Sent { status: None, event: None, answered_at_ns: None, ..sent(0) };
    passes(&history);
    assert_eq!(history.check().counts.unanswered, 1);
    let mut absent = history.clone();
    absent.received.retain(|receipt| receipt.id != "msg_0");
    (absent.ledgers[0].accepted, absent.ledgers[0].delivered) = (4, 4);
    absent.ledgers.pop();
    passes(&absent);

    // The same event again under another id.
    let twin = |path: &str| {
        let twin = receipt(0, 5, path);
        Receipt { id: "msg_x".to_owned(), signature: sign("msg_x", START_S + 5, &payload(0)), ..twin }
    };
    let mut twice = history.clone();
    twice.in_flight_at_kills = vec![1];
    twice.received.push(twin("/a"));
    caught(&twice, Rule::OnceUnderItsKey, 1, "e-0 became 2 events");

    // The repeat is acknowledged with another id than the one that arrived.
    history.sent.push(Sent { event: Some("msg_y".to_owned()), ..sent(0) });
    caught(&history, Rule::OnceUnderItsKey, 1, "e-0 became 2 events");
}

#[test]
fn a_publish_that_was_repeated_and_acknowledged_is_owed_once() {
    let mut history = clean();
    history.sent.insert(0, Sent { status: Some(503), event: None, ..sent(0) });
    history.sent.insert(0, Sent { status: None, event: None, answered_at_ns: None, ..sent(0) });
    passes(&history);
    let counts = history.check().counts;
    assert_eq!((counts.requests, counts.acknowledged, counts.owed), (5, 3, 6));
}
