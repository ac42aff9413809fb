//! What went to an endpoint, counts, examples, and content that is removed.

use std::time::Duration;

use ringup_core::delivery::{After, Ended};
use ringup_store::log_entry::{AttemptResult, OutcomeWord};
use serde_json::json;

use crate::desk::Desk;

const DELIVERED: AttemptResult = AttemptResult { outcome: OutcomeWord::Delivered, status: Some(200), detail: None };
const REFUSED: AttemptResult = AttemptResult { outcome: OutcomeWord::Refused, status: Some(503), detail: None };

/// Two events that failed at `erp`, and one that waits for it; `bi` gets nothing.
async fn told() -> (Desk, [String; 3]) {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "erp", "").await;
    desk.endpoint("shop", "bi", r#","eventTypes":["nothing"]"#).await;
    let first = desk.publish("shop", "sale", r#"{"total":12500.00}"#).await;
    let second = desk.publish("shop", "stock", "{}").await;
    desk.attempt_all(REFUSED, After::Ended(Ended::Exhausted), "no, and here is why").await;
    let third = desk.publish("shop", "sale", "{}").await;
    desk.clock.advance(Duration::from_secs(1));
    (desk, [first, second, third])
}

#[tokio::test]
async fn attempted_messages_say_where_they_stand() {
    let (desk, [first, second, third]) = told().await;
    let list = "/app/shop/endpoint/erp/msg";
    let all = desk.get(list).await.is(200);
    for (place, id, status, text, outcome) in [
        (0, &third, 1, "pending", "waiting"),
        (1, &second, 2, "fail", "exhausted"),
        (2, &first, 2, "fail", "exhausted"),
    ] {
        for (field, expected) in [
            ("id", json!(id)),
            ("status", json!(status)),
            ("statusText", json!(text)),
            ("outcome", json!(outcome)),
            ("nextAttempt", json!(null)),
        ] {
            assert_eq!(all.at(&format!("/data/{place}/{field}")), expected, "{place} {field}");
        }
    }
    assert!(all.text.contains(r#""payload":{"total":12500.00}"#), "byte for byte: {}", all.text);
    assert_eq!(desk.get(&format!("{list}?with_content=false")).await.at("/data/2/payload"), json!({}));
    for (query, expected) in [
        ("status=2", vec![&second, &first]),
        ("status=1", vec![&third]),
        ("status=0", vec![]),
        ("event_types=sale", vec![&third, &first]),
        ("order=ascending&limit=2", vec![&first, &second]),
    ] {
        let listed = desk.get(&format!("{list}?{query}")).await.is(200).at("/data");
        let ids: Vec<_> = listed.as_array().expect("a list").iter().map(|row| row["id"].clone()).collect();
        assert_eq!(ids, expected.iter().map(|id| json!(id)).collect::<Vec<_>>(), "{query}");
    }
    let page = desk.get(&format!("{list}?limit=2")).await.is(200);
    let next = page.at("/iterator").as_str().expect("a text").to_owned();
    let rest = desk.get(&format!("{list}?limit=2&iterator={next}")).await.is(200);
    assert_eq!((rest.at("/data/0/id"), rest.at("/done")), (json!(first), json!(true)));
    assert_eq!(desk.get("/app/shop/endpoint/bi/msg").await.is(200).at("/data"), json!([]));
    desk.get("/app/shop/endpoint/none/msg").await.refused(404, "not_found", "none");
}

#[tokio::test]
async fn what_was_never_sent_is_told_apart_when_asked_for() {
    let (desk, _) = told().await;
    desk.call("PATCH", "/app/shop/endpoint/erp", r#"{"disabled":true}"#).await.is(200);
    let skipped = desk.publish("shop", "sale", "{}").await;
    for (query, status, count) in
        [("", 2, 4), ("?expanded_statuses=true", 4, 4), ("?status=2", 2, 3), ("?status=4&expanded_statuses=true", 4, 1)]
    {
        let listed = desk.get(&format!("/app/shop/endpoint/erp/msg{query}")).await.is(200);
        assert_eq!(listed.at("/data/0/id"), json!(skipped), "{query}");
        assert_eq!(listed.at("/data/0/status"), json!(status), "{query}");
        assert_eq!(listed.at("/data").as_array().map(Vec::len), Some(count), "{query}");
    }
    let failed = desk.get("/app/shop/endpoint/erp/msg?status=2&expanded_statuses=true").await;
    assert_eq!(failed.at("/data").as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn stats_count_what_stands_where() {
    let (desk, _) = told().await;
    let expected = json!({"success": 0, "pending": 1, "sending": 0, "fail": 2, "canceled": 0});
    assert_eq!(desk.get("/app/shop/endpoint/erp/stats").await.is(200).json(), expected);
    let span = "since=2026-11-01T00:00:00Z&until=2026-11-23T00:00:00Z";
    let none = json!({"success": 0, "pending": 0, "sending": 0, "fail": 0, "canceled": 0});
    assert_eq!(desk.get(&format!("/app/shop/endpoint/erp/stats?{span}")).await.is(200).json(), none);
    let long = "since=2026-10-01T00:00:00Z&until=2026-11-23T00:00:00Z";
    desk.get(&format!("/app/shop/endpoint/erp/stats?{long}")).await.misfit("query.since", "range", "28 days");
    let none = json!({"success": 0, "fail": 0, "canceled": 0});
    assert_eq!(desk.get(&format!("/app/shop/endpoint/erp/attempt-stats?{span}")).await.is(200).json(), none);
    desk.get(&format!("/app/shop/endpoint/erp/attempt-stats?{long}")).await.misfit("query.since", "range", "28 days");
}

#[tokio::test]
async fn it_is_told_beforehand_whether_a_message_would_go_anywhere() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let ask = async |body: &'static str| desk.post("/app/shop/msg/precheck/active", body).await.is(200).at("/active");
    assert_eq!(ask(r#"{"eventType":"sale"}"#).await, json!(false), "there is no endpoint");
    desk.endpoint("shop", "erp", r#","eventTypes":["sale"],"channels":["north"]"#).await;
    assert_eq!(ask(r#"{"eventType":"sale","channels":["north"]}"#).await, json!(true));
    assert_eq!(ask(r#"{"eventType":"sale"}"#).await, json!(false), "on no channel");
    assert_eq!(ask(r#"{"eventType":"stock","channels":["north"]}"#).await, json!(false), "another type");
    desk.call("PATCH", "/app/shop/endpoint/erp", r#"{"disabled":true}"#).await.is(200);
    assert_eq!(ask(r#"{"eventType":"sale","channels":["north"]}"#).await, json!(false), "nobody listens");
    desk.post("/app/shop/msg/precheck/active", r#"{"eventType":"no type!"}"#).await.misfit(
        "body.eventType",
        "name",
        "",
    );
}

#[tokio::test]
async fn a_payload_that_was_removed_has_expired_and_cannot_be_sent() {
    let (desk, [first, _, third]) = told().await;
    for event in [&first, &third] {
        desk.call("DELETE", &format!("/app/shop/msg/{event}/content"), "").await.is(204);
        let shown = desk.get(&format!("/app/shop/msg/{event}")).await.is(200);
        assert_eq!(shown.at("/payload"), json!({"expired": true}));
    }
    let without = desk.get(&format!("/app/shop/msg/{first}?with_content=false")).await.at("/payload");
    assert_eq!(without, json!({"expired": true}), "gone is gone, asked for or not");
    desk.post(&format!("/app/shop/msg/{first}/endpoint/erp/resend"), "").await.refused(
        409,
        "conflict",
        "payload is gone",
    );
    let waited = desk.get("/app/shop/endpoint/erp/msg?expanded_statuses=true").await;
    assert_eq!((waited.at("/data/0/id"), waited.at("/data/0/status")), (json!(third), json!(4)), "cancelled");
    desk.call("DELETE", "/app/shop/msg/none/content", "").await.refused(404, "not_found", "none");
}

#[tokio::test]
async fn a_response_that_was_removed_is_empty_and_the_attempt_stays() {
    let (desk, [first, second, _]) = told().await;
    let before = desk.get(&format!("/app/shop/attempt/msg/{first}")).await.is(200);
    let id = before.at("/data/0/id").as_str().expect("a text").to_owned();
    let elsewhere = format!("/app/shop/msg/{second}/attempt/{id}/content");
    desk.call("DELETE", &elsewhere, "").await.refused(404, "not_found", &id);
    desk.call("DELETE", &format!("/app/shop/msg/{first}/attempt/{id}/content"), "").await.is(204);
    let after = desk.get(&format!("/app/shop/msg/{first}/attempt/{id}")).await.is(200);
    assert_eq!((after.at("/response"), after.at("/responseHeaders")), (json!(""), json!([])));
    assert_eq!((after.at("/responseStatusCode"), after.at("/status")), (json!(503), json!(2)));
}

#[tokio::test]
async fn examples_go_to_one_endpoint_whatever_it_subscribes_to() {
    let (desk, _) = told().await;
    let path = "/app/shop/endpoint/bi/send-example";
    let ping = desk.post(path, r#"{"eventType":"svix.ping"}"#).await.is(202);
    assert_eq!((ping.at("/eventType"), ping.at("/payload")), (json!("svix.ping"), json!({"success": true})));
    assert_eq!(desk.get("/app/shop/endpoint/bi/msg").await.at("/data/0/id"), json!(ping.id()));
    let to = desk.get(&format!("/app/shop/msg/{}/endpoint", ping.id())).await.at("/data");
    assert_eq!(to.as_array().map(Vec::len), Some(1), "to no other");

    let schemas = r#"{"1":{"type":"object","example":{"old":1}},
        "10":{"type":"object","examples":[{"total":1.50},{"total":2.00}]},"9":{"examples":[{"nine":9}]}}"#;
    desk.post("/event-type", format!(r#"{{"name":"sale","description":"A sale","schemas":{schemas}}}"#)).await.made();
    let first = desk.post(path, r#"{"eventType":"sale"}"#).await.is(202);
    assert!(first.text.contains(r#""payload":{"total":1.50}"#), "byte for byte: {}", first.text);
    let second = desk.post(path, r#"{"eventType":"sale","exampleIndex":1}"#).await.is(202);
    assert!(second.text.contains(r#"{"total":2.00}"#), "{}", second.text);
    let beyond = desk.post(path, r#"{"eventType":"sale","exampleIndex":2}"#).await;
    beyond.misfit("body.exampleIndex", "no_example", "2 examples");
    desk.post("/event-type", r#"{"name":"bare","description":"","schemas":{"1":{"type":"object"}}}"#).await.made();
    assert_eq!(desk.post(path, r#"{"eventType":"bare"}"#).await.is(202).at("/example"), "made");
    desk.post("/event-type", r#"{"name":"unsaid","description":""}"#).await.made();
    desk.post(path, r#"{"eventType":"unsaid"}"#).await.misfit("body.eventType", "no_example", "no schema");
    desk.post(path, r#"{"eventType":"unknown"}"#).await.refused(404, "not_found", "unknown");
    desk.call("PATCH", "/app/shop/endpoint/bi", r#"{"disabled":true}"#).await.is(200);
    desk.post(path, r#"{"eventType":"svix.ping"}"#).await.refused(409, "conflict", "enable it first");
    desk.attempt_all(DELIVERED, After::Delivered, "").await;
}
