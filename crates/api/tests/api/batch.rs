//! `/app/{account}/msg/batch`

use serde_json::json;

use crate::desk::{BODY_BYTES_MAX, Desk};

#[tokio::test]
async fn each_message_is_answered_in_its_place() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "erp", "").await;
    let taken = desk.post("/app/shop/msg", r#"{"eventType":"sale","eventId":"taken","payload":{}}"#).await.is(202).id();
    let body = r#"{"messages":[
        {"eventType":"sale","eventId":"one","payload":{"n": 1.0}},
        {"eventType":"a b","payload":{}},
        {"payload":{}},
        {"eventType":"sale","eventId":"taken","payload":{}},
        {"eventType":"sale","payload":[]},
        {"eventType":"sale","payload":{},"payload":{}},
        7,
        {"eventType":"refund","payload":{"n": 2.0}}
    ]}"#;
    let reply = desk.post("/app/shop/msg/batch", body).await.is(207);
    let statuses: Vec<_> = reply.at("/data").as_array().unwrap().iter().map(|row| row["status"].clone()).collect();
    assert_eq!(statuses, [202, 422, 422, 409, 422, 422, 422, 202].map(|status| json!(status)));
    assert_eq!(reply.at("/data/0/eventId"), "one");
    assert_eq!(reply.at("/data/1/detail/0/loc"), json!(["body", "eventType"]));
    assert_eq!(reply.at("/data/2/detail/0/type"), "missing");
    assert!(reply.at("/data/3/detail").as_str().unwrap().contains(&taken));
    assert_eq!(reply.at("/data/5/detail/0/type"), "duplicate_key");
    let payloads: Vec<_> = desk.heard.accepted().iter().map(|fresh| fresh.event.payload.clone()).collect();
    assert_eq!(payloads, ["{}", r#"{"n": 1.0}"#, r#"{"n": 2.0}"#]);
    let ids: Vec<String> = desk.heard.accepted().iter().map(|fresh| fresh.event.id.to_string()).collect();
    assert_eq!((reply.at("/data/0/id"), reply.at("/data/7/id")), (json!(ids[1]), json!(ids[2])));
}

#[tokio::test]
async fn all_accepted_is_202_and_a_repeated_batch_is_the_same() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let message = r#"{"eventType":"sale","payload":{}}"#;
    let body = format!(r#"{{"messages":[{message},{message}]}}"#);
    let bearer = format!("Bearer {}", desk.key);
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "b-1")];
    let first = desk.send("POST", "/app/shop/msg/batch", &headers, body.clone()).await.is(202);
    let second = desk.send("POST", "/app/shop/msg/batch", &headers, body).await.is(202);
    assert_eq!(first.text, second.text);
    assert_ne!(first.at("/data/0/id"), first.at("/data/1/id"));
}

#[tokio::test]
async fn a_batch_that_makes_no_sense_is_refused_whole() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let path = "/app/shop/msg/batch";
    desk.post(path, r#"{"messages":[]}"#).await.misfit("body.messages", "count", "1 to 500");
    desk.post(path, "{}").await.misfit("body.messages", "missing", "");
    desk.post(path, r#"{"messages":{}}"#).await.misfit("body.messages", "type", "a list of 1 to 500 messages");
    desk.post(path, r#"{"messages":[{"eventType":"sale","payload":{}]}"#).await.refused(
        400,
        "malformed_json",
        "line 1",
    );
    let message = r#"{"eventType":"sale","payload":{}}"#;
    let many = |count| format!(r#"{{"messages":[{}]}}"#, vec![message; count].join(","));
    desk.post(path, many(501)).await.misfit("body.messages", "type", "1 to 500");
    desk.post(path, many(500)).await.is(202);
    desk.post("/app/nobody/msg/batch", many(1)).await.refused(404, "not_found", "nobody");
    desk.post("/app/nobody/msg/batch", r#"{"messages":[7]}"#).await.refused(404, "not_found", "nobody");
}

#[tokio::test]
async fn one_payload_of_a_batch_has_the_bound_of_a_message() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let large = "x".repeat(BODY_BYTES_MAX);
    let body = format!(r#"{{"messages":[{{"eventType":"sale","payload":{{"a":"{large}"}}}}]}}"#);
    let reply = desk.post("/app/shop/msg/batch", body).await.is(207);
    assert_eq!(reply.at("/data/0/detail/0/type"), "too_large");
    let too_large = vec![b' '; 16 * BODY_BYTES_MAX + 1];
    desk.post("/app/shop/msg/batch", too_large).await.refused(
        413,
        "payload_too_large",
        &(16 * BODY_BYTES_MAX).to_string(),
    );
}
