//! Tags, a later time, and how long a payload is kept.

use std::time::Duration;

use ringup_core::delivery::After;
use ringup_store::Store;
use ringup_store::log_entry::{AttemptResult, OutcomeWord};
use ringup_store::seam::Retention;
use serde_json::{Value, json};

use crate::desk::Desk;

const DELIVERED: AttemptResult = AttemptResult { outcome: OutcomeWord::Delivered, status: Some(200), detail: None };

async fn ids(desk: &Desk, path: &str, pointer: &str) -> Vec<String> {
    let reply = desk.get(path).await.is(200);
    let rows = reply.at("/data").as_array().expect("a list").clone();
    rows.iter().map(|row| row.pointer(pointer).and_then(Value::as_str).expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn messages_and_attempts_are_found_by_tag() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "till", "").await;
    let red = r#"{"eventType":"sale","tags":["red","till/7#2"],"payload":{}}"#;
    let red = desk.post("/app/shop/msg", red).await.is(202);
    assert_eq!(red.at("/tags"), json!(["red", "till/7#2"]));
    let plain = desk.post("/app/shop/msg", r#"{"eventType":"sale","tags":[],"payload":{}}"#).await.is(202);
    assert_eq!(plain.at("/tags"), json!(null));
    desk.attempt_all(DELIVERED, After::Delivered, "").await;
    assert_eq!(desk.get(&format!("/app/shop/msg/{}", red.id())).await.is(200).text, red.text);
    for (path, pointer) in [
        ("/app/shop/msg?tag=red", "/id"),
        ("/app/shop/msg?tag=till%2F7%232", "/id"),
        ("/app/shop/endpoint/till/msg?tag=red", "/id"),
        ("/app/shop/attempt/endpoint/till?tag=red", "/msgId"),
        (&format!("/app/shop/attempt/msg/{}?tag=red", red.id()), "/msgId"),
    ] {
        assert_eq!(ids(&desk, path, pointer).await, [red.id()], "{path}");
    }
    assert!(ids(&desk, "/app/shop/msg?tag=blue", "/id").await.is_empty());
    assert_eq!(ids(&desk, "/app/shop/msg", "/id").await, [plain.id(), red.id()]);
}

#[tokio::test]
async fn filters_of_endpoints_see_tags() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "red", r#","filter":"tag:red""#).await;
    let before = desk.heard.accepted().len();
    desk.post("/app/shop/msg", r#"{"eventType":"sale","tags":["blue"],"payload":{}}"#).await.is(202);
    assert_eq!(desk.heard.accepted().len(), before);
    desk.post("/app/shop/msg", r#"{"eventType":"sale","tags":["red"],"payload":{}}"#).await.is(202);
    assert_eq!(desk.heard.accepted().len(), before + 1);
}

#[tokio::test]
async fn a_message_can_be_put_off_and_taken_back() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "till", "").await;
    let body = r#"{"eventType":"sale","deliverAt":"2026-11-24T10:30:00+02:00","payload":{"a":1}}"#;
    let later = desk.post("/app/shop/msg", body).await.is(202);
    assert_eq!(later.at("/deliverAt"), "2026-11-24T08:30:00.000000Z");
    let standing = desk.get(&format!("/app/shop/msg/{}/endpoint", later.id())).await.is(200);
    for (pointer, expected) in [
        ("/data/0/status", json!(1)),
        ("/data/0/outcome", json!("scheduled")),
        ("/data/0/nextAttempt", json!("2026-11-24T08:30:00.000000Z")),
    ] {
        assert_eq!(standing.at(pointer), expected);
    }
    // One that has passed is now.
    let past = r#"{"eventType":"sale","deliverAt":"2026-11-23T08:29:59Z","payload":{}}"#;
    let past = desk.post("/app/shop/msg", past).await.is(202);
    let standing = desk.get(&format!("/app/shop/msg/{}/endpoint", past.id())).await.is(200);
    assert_eq!(standing.at("/data/0/outcome"), "waiting");

    desk.call("DELETE", &format!("/app/shop/msg/{}/content", later.id()), "").await.is(204);
    let standing = desk.get(&format!("/app/shop/msg/{}/endpoint?expanded_statuses=true", later.id())).await.is(200);
    assert_eq!((standing.at("/data/0/outcome"), standing.at("/data/0/status")), (json!("cancelled"), json!(4)));
}

#[tokio::test]
async fn a_payload_goes_at_its_own_time() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let publish = async |more: &str| {
        desk.post("/app/shop/msg", format!(r#"{{"eventType":"sale",{more}"payload":{{"a":1}}}}"#)).await.is(202).id()
    };
    let day = publish(r#""payloadRetentionPeriod":1,"#).await;
    let hours = publish(r#""payloadRetentionHours":2,"#).await;
    let plain = publish(r#""payloadRetentionPeriod":null,"#).await;
    let long = Retention { payloads: Duration::from_hours(9_000), attempts: Duration::from_hours(9_000) };
    let payload = async |id: &str| desk.get(&format!("/app/shop/msg/{id}")).await.is(200).at("/payload");
    for (hours_later, expected) in [(1, [true, true]), (1, [true, false]), (22, [false, false])] {
        desk.clock.advance(Duration::from_hours(hours_later));
        desk.store.retain(long, desk.clock_now()).await.unwrap();
        for (id, is_there) in [&day, &hours].into_iter().zip(expected) {
            let expected = if is_there { json!({"a": 1}) } else { json!({"expired": true}) };
            assert_eq!(payload(id).await, expected);
        }
    }
    assert_eq!(payload(&plain).await, json!({"a": 1}));
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_refused_with_the_reason() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    for (more, place, rule) in [
        (r#""tags":["1","2","3","4","5","6"]"#, "body.tags", "count"),
        (r#""tags":["a b"]"#, "body.tags.0", "name"),
        (r#""tags":["a",""]"#, "body.tags.1", "name"),
        (r#""tags":["a","b","a"]"#, "body.tags.2", "twice"),
        (r#""tags":"a""#, "body.tags", "type"),
        (r#""deliverAt":"2026-12-23T08:30:00.000001Z""#, "body.deliverAt", "range"),
        (r#""deliverAt":7"#, "body.deliverAt", "type"),
        (r#""payloadRetentionPeriod":0"#, "body.payloadRetentionPeriod", "range"),
        (r#""payloadRetentionPeriod":91"#, "body.payloadRetentionPeriod", "range"),
        (r#""payloadRetentionHours":-1"#, "body.payloadRetentionPeriod", "range"),
        (r#""payloadRetentionHours":2161"#, "body.payloadRetentionPeriod", "range"),
        (r#""payloadRetentionPeriod":1.5"#, "body.payloadRetentionPeriod", "type"),
        (r#""payloadRetentionPeriod":1,"payloadRetentionHours":1"#, "body.payloadRetentionHours", "twice"),
    ] {
        let body = format!(r#"{{"eventType":"sale","payload":{{}},{more}}}"#);
        desk.post("/app/shop/msg", body).await.misfit(place, rule, "");
    }
    let last = r#"{"eventType":"sale","payload":{},"deliverAt":"2026-12-23T08:30:00Z","payloadRetentionHours":2160}"#;
    desk.post("/app/shop/msg", last).await.is(202);
}

#[tokio::test]
async fn another_time_makes_another_request_of_the_same_key() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let auth = format!("Bearer {}", desk.key);
    let headers = [("authorization", auth.as_str()), ("idempotency-key", "k")];
    let send = async |more: &str| {
        let body = format!(r#"{{"eventType":"sale","payload":{{}}{more}}}"#);
        desk.send("POST", "/app/shop/msg", &headers, body).await.status
    };
    let later = r#","deliverAt":"2026-11-24T08:30:00Z""#;
    assert_eq!(send(later).await, 202);
    assert_eq!(send(later).await, 202);
    for other in ["", r#","deliverAt":"2026-11-24T08:30:01Z""#, r#","tags":["a"],"deliverAt":"2026-11-24T08:30:00Z""#] {
        assert_eq!(send(other).await, 409, "{other}");
    }
}
