//! Attempts, destinations, resend.

use std::time::Duration;

use ringup_core::delivery::{After, Ended};
use ringup_core::outcome::{Cause, Phase};
use ringup_store::log_entry::{AttemptResult, OutcomeWord};
use serde_json::json;

use crate::desk::{Desk, NOON};

const DELIVERED: AttemptResult = AttemptResult { outcome: OutcomeWord::Delivered, status: Some(200), detail: None };
const REFUSED: AttemptResult = AttemptResult { outcome: OutcomeWord::Refused, status: Some(503), detail: None };

async fn sold(desk: &Desk) -> String {
    desk.account("shop").await;
    desk.endpoint("shop", "erp", "").await;
    desk.publish("shop", "sale", "{}").await
}

#[tokio::test]
async fn an_attempt_is_shown_by_event_by_endpoint_and_alone() {
    let desk = Desk::open().await;
    let event = sold(&desk).await;
    desk.attempt_all(DELIVERED, After::Delivered, "thank you").await;
    let page = desk.get(&format!("/app/shop/attempt/msg/{event}")).await.is(200);
    let endpoint = desk.get("/app/shop/endpoint/erp").await.id();
    for (pointer, expected) in [
        ("/msgId", json!(event)),
        ("/endpointId", json!(endpoint)),
        ("/url", json!("https://example.com/hook")),
        ("/response", json!("thank you")),
        ("/responseStatusCode", json!(200)),
        ("/responseDurationMs", json!(12)),
        ("/status", json!(0)),
        ("/statusText", json!("success")),
        ("/triggerType", json!(0)),
        ("/timestamp", json!("2026-11-23T08:30:01.000000Z")),
        ("/attempt", json!(1)),
        ("/outcome", json!("delivered")),
        ("/timedOut", json!(false)),
        ("/error", json!(null)),
        ("/responseHeaders", json!(["content-type: text/plain"])),
        ("/responseEnd", json!("complete")),
    ] {
        assert_eq!(page.at(&format!("/data/0{pointer}")), expected, "{pointer}");
    }
    let id = page.at("/data/0/id").as_str().unwrap().to_owned();
    assert!(id.starts_with("atmpt_"), "{id}");
    assert_eq!(desk.get("/app/shop/attempt/endpoint/erp").await.is(200).at("/data"), page.at("/data"));
    assert_eq!(desk.get(&format!("/app/shop/msg/{event}/attempt/{id}")).await.is(200).json(), page.at("/data/0"));
    let other = "atmpt_2srOrx2ZWZBpBUvZwXKQmoEYga2";
    desk.get(&format!("/app/shop/msg/{event}/attempt/{other}")).await.refused(404, "not_found", other);
    desk.get(&format!("/app/shop/msg/{event}/attempt/x")).await.refused(404, "not_found", "attempt \"x\"");
    let without = desk.get(&format!("/app/shop/attempt/msg/{event}?with_content=false")).await;
    assert_eq!(without.at("/data/0/response"), "");
}

#[tokio::test]
async fn each_outcome_has_its_words() {
    for (result, status, code, timed_out, error) in [
        (DELIVERED, 0, 200, false, json!(null)),
        (REFUSED, 2, 503, false, json!(null)),
        (
            AttemptResult { outcome: OutcomeWord::TimedOut, status: Some(408), detail: Some(Phase::Wait.word()) },
            2,
            408,
            true,
            json!("wait"),
        ),
        (
            AttemptResult { outcome: OutcomeWord::Unreachable, status: None, detail: Some(Cause::Dns.word()) },
            2,
            0,
            false,
            json!("dns"),
        ),
    ] {
        let desk = Desk::open().await;
        let event = sold(&desk).await;
        desk.attempt_all(result, After::Ended(Ended::NotRepeated), "").await;
        let row = desk.get(&format!("/app/shop/attempt/msg/{event}")).await.is(200).at("/data/0");
        assert_eq!(
            [&row["status"], &row["responseStatusCode"], &row["timedOut"], &row["error"], &row["outcome"]],
            [&json!(status), &json!(code), &json!(timed_out), &error, &json!(result.outcome.word())]
        );
    }
}

#[tokio::test]
async fn attempts_are_filtered() {
    let desk = Desk::open().await;
    let event = sold(&desk).await;
    desk.endpoint("shop", "crm", "").await;
    desk.attempt_all(REFUSED, After::Ended(Ended::NotRepeated), "").await;
    for (query, rows) in [
        ("", 1),
        ("status=2", 1),
        ("status=0", 0),
        ("status=1", 0),
        ("status=3", 0),
        ("status_code_class=500", 1),
        ("status_code_class=200", 0),
        ("status_code_class=0", 0),
        ("endpoint_id=erp", 1),
        ("endpoint_id=crm", 0),
        ("event_types=sale", 1),
        ("event_types=stock", 0),
        ("channel=north", 0),
        ("after=2026-11-23T08:30:00Z", 1),
        ("before=2026-11-23T08:30:00Z", 0),
    ] {
        let page = desk.get(&format!("/app/shop/attempt/msg/{event}?{query}")).await.is(200);
        assert_eq!(page.at("/data").as_array().unwrap().len(), rows, "{query}");
    }
    desk.get(&format!("/app/shop/attempt/msg/{event}?endpoint_id=nobody")).await.refused(404, "not_found", "nobody");
    desk.get("/app/shop/attempt/msg/nothing?status=1").await.refused(404, "not_found", "message \"nothing\"");
    desk.get("/app/shop/attempt/endpoint/nobody?status=1").await.refused(404, "not_found", "nobody");
    desk.get(&format!("/app/shop/attempt/msg/{event}?status=9")).await.misfit("query.status", "range", "");
}

#[tokio::test]
async fn a_destination_says_where_the_message_stands() {
    let due_at = NOON.saturating_add(Duration::from_secs(7));
    for (after, status, text, outcome, next) in [
        (None, 1, "pending", "waiting", json!(null)),
        (Some(After::Delivered), 0, "success", "delivered", json!(null)),
        (Some(After::Ended(Ended::Exhausted)), 2, "fail", "exhausted", json!(null)),
        (
            Some(After::Retry { due_at, attempts_made: 1 }),
            1,
            "pending",
            "scheduled",
            json!("2026-11-23T08:30:07.000000Z"),
        ),
    ] {
        let desk = Desk::open().await;
        let event = sold(&desk).await;
        if let Some(after) = after {
            desk.attempt_all(REFUSED, after, "").await;
        }
        let row = desk.get(&format!("/app/shop/msg/{event}/endpoint")).await.is(200).at("/data/0");
        assert_eq!(
            [&row["status"], &row["statusText"], &row["outcome"], &row["nextAttempt"], &row["uid"]],
            [&json!(status), &json!(text), &json!(outcome), &next, &json!("erp")]
        );
    }
}

#[tokio::test]
async fn resend_asks_for_one_more_or_says_why_not() {
    let desk = Desk::open().await;
    let event = sold(&desk).await;
    desk.attempt_all(REFUSED, After::Ended(Ended::Exhausted), "").await;
    let reply = desk.post(&format!("/app/shop/msg/{event}/endpoint/erp/resend"), "").await.is(202);
    assert_eq!(reply.json(), json!({}));
    assert_eq!(desk.get(&format!("/app/shop/msg/{event}/endpoint")).await.at("/data/0/outcome"), "waiting");

    desk.endpoint("shop", "late", "").await;
    desk.post(&format!("/app/shop/msg/{event}/endpoint/late/resend"), "").await.refused(409, "conflict", "did not go");
    desk.post(&format!("/app/shop/msg/{event}/endpoint/nobody/resend"), "").await.refused(404, "not_found", "nobody");
    desk.post("/app/shop/msg/nothing/endpoint/erp/resend", "").await.refused(404, "not_found", "nothing");
    desk.account("other").await;
    desk.endpoint("other", "erp", "").await;
    desk.post(&format!("/app/other/msg/{event}/endpoint/erp/resend"), "").await.refused(404, "not_found", &event);
    desk.get(&format!("/app/other/msg/{event}")).await.refused(404, "not_found", &event);
    desk.get(&format!("/app/other/msg/{event}/endpoint")).await.refused(404, "not_found", &event);
    desk.get(&format!("/app/other/attempt/msg/{event}")).await.refused(404, "not_found", &event);
}

#[tokio::test]
async fn a_payload_that_is_gone_is_said_to_be() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "erp", "").await;
    desk.call("PATCH", "/app/shop/settings", r#"{"logMode":"none"}"#).await.is(200);
    let event = desk.publish("shop", "sale", r#"{"phone":"0812"}"#).await;
    desk.attempt_all(DELIVERED, After::Delivered, "").await;
    assert_eq!(desk.get(&format!("/app/shop/msg/{event}")).await.is(200).at("/payload"), json!({"expired": true}));
    desk.post(&format!("/app/shop/msg/{event}/endpoint/erp/resend"), "").await.refused(
        409,
        "conflict",
        "payload is gone",
    );
}

#[tokio::test]
async fn a_redacted_payload_shows_what_is_left() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "erp", "").await;
    desk.call("PATCH", "/app/shop/settings", r#"{"redact":["/phone"]}"#).await.is(200);
    let event = desk.publish("shop", "sale", r#"{"phone":"0812","Total": 1.50}"#).await;
    assert!(!desk.get(&format!("/app/shop/msg/{event}")).await.is(200).text.contains("0812"), "also while it waits");
    desk.attempt_all(DELIVERED, After::Delivered, "").await;
    let shown = desk.get(&format!("/app/shop/msg/{event}")).await.is(200);
    assert!(shown.text.contains(r#"{"phone":"[redacted]","Total": 1.50}"#), "{}", shown.text);
    assert_eq!(shown.at("/redacted"), json!(true));
}

#[tokio::test]
async fn a_removed_endpoint_leaves_its_attempts() {
    let desk = Desk::open().await;
    let event = sold(&desk).await;
    desk.attempt_all(DELIVERED, After::Delivered, "").await;
    desk.call("DELETE", "/app/shop/endpoint/erp", "").await.is(204);
    let page = desk.get(&format!("/app/shop/attempt/msg/{event}")).await.is(200);
    assert_eq!(page.at("/data/0/endpointId"), "ep_removed");
    assert_eq!(desk.get(&format!("/app/shop/msg/{event}/endpoint")).await.is(200).at("/data"), json!([]));
}
