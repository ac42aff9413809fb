//! Background tasks: begun, listed, cancelled, refused.

use std::time::Duration;

use ringup_core::delivery::{After, Ended};
use ringup_store::log_entry::{AttemptResult, OutcomeWord};
use serde_json::json;

use crate::desk::Desk;

const REFUSED: AttemptResult = AttemptResult { outcome: OutcomeWord::Refused, status: Some(503), detail: None };

async fn failed(desk: &Desk, count: usize) {
    desk.account("shop").await;
    desk.endpoint("shop", "erp", "").await;
    for _ in 0..count {
        desk.publish("shop", "sale", "{}").await;
    }
    desk.attempt_all(REFUSED, After::Ended(Ended::Exhausted), "no").await;
}

#[tokio::test]
async fn a_task_is_shown_while_it_runs_and_can_be_cancelled() {
    let desk = Desk::open().await;
    failed(&desk, 3).await;
    let since = r#"{"since":"2026-11-23T00:00:00Z"}"#;
    let begun = desk.post("/app/shop/endpoint/erp/recover", since).await.is(202);
    assert_eq!((begun.at("/status"), begun.at("/task")), (json!("running"), json!("endpoint.recover")));
    assert_eq!(begun.json().as_object().map(|fields| fields.len()), Some(4), "what SDKs know, and no more");
    let id = begun.id();
    let shown = desk.get(&format!("/background-task/{id}")).await.is(200);
    let (account, endpoint) = (desk.get("/app/shop").await.id(), desk.get("/app/shop/endpoint/erp").await.id());
    for (pointer, expected) in [
        ("/id", json!(id)),
        ("/status", json!("running")),
        ("/data/messagesSent", json!(0)),
        ("/data/messagesPassedOver", json!(0)),
        ("/data/since", json!("2026-11-23T00:00:00.000000Z")),
        ("/data/rate", json!(null)),
        ("/data/appId", json!(account)),
        ("/data/endpointId", json!(endpoint)),
        ("/data/cancelled", json!(false)),
        ("/data/error", json!(null)),
    ] {
        assert_eq!(shown.at(pointer), expected, "{pointer}");
    }
    assert_eq!(desk.get("/background-task").await.is(200).at("/data/0"), shown.json());
    for (query, count) in
        [("status=running", 1), ("status=finished", 0), ("task=endpoint.recover", 1), ("task=endpoint.replay", 0)]
    {
        let listed = desk.get(&format!("/background-task?{query}")).await.is(200);
        assert_eq!(listed.at("/data").as_array().map(Vec::len), Some(count), "{query}");
    }
    let cancelled = desk.post(&format!("/background-task/{id}/cancel"), "").await.is(200);
    assert_eq!((cancelled.at("/status"), cancelled.at("/data/cancelled")), (json!("failed"), json!(true)));
    assert_eq!(desk.get("/background-task?status=failed").await.at("/data/0/id"), json!(id));
    desk.post(&format!("/background-task/{id}/cancel"), "").await.refused(409, "conflict", "ended already");
}

#[tokio::test]
async fn a_dry_run_counts_what_would_be_sent() {
    let desk = Desk::open().await;
    failed(&desk, 7).await;
    desk.endpoint("shop", "bi", r#","eventTypes":["sale"]"#).await;
    desk.publish("shop", "stock", "{}").await;
    desk.clock.advance(Duration::from_secs(1));
    let since = r#"{"since":"2026-11-23T00:00:00Z"}"#;
    for (path, count) in [
        ("erp/recover", 7),
        ("bi/recover", 0),
        ("bi/replay-missing", 7),
        ("erp/replay-missing", 0),
        // The one that waits is in it; when the task comes to it, it will be passed over.
        ("erp/bulk-replay", 8),
    ] {
        let dry = desk.post(&format!("/app/shop/endpoint/{path}?dry_run=true"), since).await.is(200);
        assert_eq!(dry.json(), json!({"dryRun": true, "count": count, "approximated": false}), "{path}");
    }
    for (narrowed, count) in [
        (r#""eventTypes":["stock"]"#, 1),
        (r#""status":2"#, 7),
        (r#""status":1"#, 1),
        (r#""statusCodeClass":500"#, 7),
        (r#""statusCodeClass":400"#, 0),
        (r#""channel":"outlet-1""#, 0),
        (r#""until":"2026-11-23T00:00:01Z""#, 0),
    ] {
        let body = format!(r#"{{"since":"2026-11-23T00:00:00Z",{narrowed}}}"#);
        let dry = desk.post("/app/shop/endpoint/erp/bulk-replay?dry_run=true", body).await.is(200);
        assert_eq!(dry.at("/count"), json!(count), "{narrowed}");
    }
    assert_eq!(desk.get("/background-task").await.at("/data"), json!([]), "nothing began");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let desk = Desk::open().await;
    failed(&desk, 1).await;
    let recover = "/app/shop/endpoint/erp/recover";
    desk.post(recover, "{}").await.misfit("body.since", "missing", "since");
    desk.post(recover, r#"{"since":"soon"}"#).await.misfit("body.since", "type", "a time such as");
    desk.post(recover, r#"{"since":"2030-01-01T00:00:00Z"}"#).await.misfit("body.since", "range", "past");
    let backwards = r#"{"since":"2026-11-20T00:00:00Z","until":"2026-11-19T00:00:00Z"}"#;
    desk.post(recover, backwards).await.misfit("body.until", "range", "after `since`");
    let fast = r#"{"since":"2026-11-20T00:00:00Z","rate":0}"#;
    desk.post(recover, fast).await.misfit("body.rate", "range", "1 to");
    let status = r#"{"since":"2026-11-20T00:00:00Z","status":9}"#;
    desk.post("/app/shop/endpoint/erp/bulk-replay", status).await.misfit("body.status", "range", "0, 1, 2, 3 or 4");
    let class = r#"{"since":"2026-11-20T00:00:00Z","statusCodeClass":201}"#;
    desk.post("/app/shop/endpoint/erp/bulk-replay", class).await.misfit("body.statusCodeClass", "range", "expected 0");
    desk.get("/background-task?status=asleep").await.misfit("query.status", "word", "running");
    desk.get("/background-task?task=nap").await.misfit("query.task", "word", "endpoint.recover");
    desk.get("/background-task/qtask_x").await.refused(404, "not_found", "qtask_x");
    desk.get("/background-task/qtask_2srOrx2ZWZBpBUvZwXKQmoEYga2").await.refused(404, "not_found", "background task");
    desk.call("PATCH", "/app/shop/endpoint/erp", r#"{"disabled":true}"#).await.is(200);
    desk.post(recover, r#"{"since":"2026-11-20T00:00:00Z"}"#).await.refused(409, "conflict", "enable it first");
}

#[tokio::test]
async fn so_many_tasks_of_an_account_run_at_once() {
    let desk = Desk::open().await;
    failed(&desk, 1).await;
    let since = r#"{"since":"2026-11-23T00:00:00Z"}"#;
    let recover = "/app/shop/endpoint/erp/recover";
    let first = desk.post(recover, since).await.is(202).id();
    for _ in 0..3 {
        desk.post(recover, since).await.is(202);
    }
    desk.post(recover, since).await.refused(409, "conflict", "4 background tasks");
    desk.account("other").await;
    desk.endpoint("other", "erp", "").await;
    desk.post("/app/other/endpoint/erp/recover", since).await.is(202);
    desk.post(&format!("/background-task/{first}/cancel"), "").await.is(200);
    desk.post(recover, since).await.is(202);
}

#[tokio::test]
async fn a_repeated_request_begins_one_task() {
    let desk = Desk::open().await;
    failed(&desk, 1).await;
    let headers = [("authorization", &*format!("Bearer {}", desk.key)), ("idempotency-key", "auto_1")];
    let send = async || {
        desk.send("POST", "/app/shop/endpoint/erp/recover", &headers, r#"{"since":"2026-11-23T00:00:00Z"}"#).await
    };
    let (first, second) = (send().await.is(202).id(), send().await.is(202).id());
    assert_eq!(first, second);
    assert_eq!(desk.get("/background-task").await.at("/data").as_array().map(Vec::len), Some(1));
}
