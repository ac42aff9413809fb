//! `/app/{account}/msg/{event}/why` and `/policy`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::desk::Desk;

async fn why(desk: &Desk, event: &str) -> Vec<Value> {
    let reply = desk.get(&format!("/app/shop/msg/{event}/why")).await.is(200);
    reply.at("/endpoints").as_array().expect("a list").clone()
}

fn of<'a>(endpoints: &'a [Value], uid: &str) -> &'a Value {
    endpoints.iter().find(|endpoint| endpoint["uid"] == uid).expect("it is listed")
}

#[tokio::test]
async fn every_endpoint_has_its_reason() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "all", "").await;
    desk.endpoint("shop", "other-type", r#","eventTypes":["productCreated"]"#).await;
    desk.endpoint("shop", "family", r#","families":["product"]"#).await;
    desk.endpoint("shop", "channel", r#","channels":["kemang"]"#).await;
    desk.endpoint("shop", "filter", r#","filter":"event:invoice* data.Total:>100""#).await;
    desk.endpoint("shop", "disabled", r#","disabled":true"#).await;
    let removed = desk.endpoint("shop", "removed", "").await;
    let event = desk.publish("shop", "invoiceCreated", r#"{"Total":19.99}"#).await;
    desk.call("DELETE", &format!("/app/shop/endpoint/{removed}"), "").await.is(204);
    desk.clock.advance(Duration::from_secs(1));
    desk.endpoint("shop", "late", "").await;

    let endpoints = why(&desk, &event).await;
    assert_eq!(endpoints.len(), 7);
    for (uid, matched, reason) in [
        ("all", true, "waiting"),
        ("other-type", false, "event_type"),
        ("family", false, "event_type"),
        ("channel", false, "channel"),
        ("filter", false, "filter"),
        ("disabled", true, "skipped"),
        ("late", false, "made_later"),
    ] {
        let endpoint = of(&endpoints, uid);
        assert_eq!((&endpoint["matched"], &endpoint["reason"]), (&json!(matched), &json!(reason)), "{uid}");
        assert_eq!(endpoint["logMode"], "full");
        assert_eq!(endpoint["changedSince"], uid == "late", "{uid}");
    }
    let filter = of(&endpoints, "filter");
    assert_eq!((&filter["clause"], &filter["found"]), (&json!("data.Total:>100"), &json!("19.99")));
    let disabled = of(&endpoints, "disabled");
    assert_eq!(disabled["disabledBy"], "owner");
    assert_eq!(disabled["disabledAt"], "2026-11-23T08:30:00.000000Z");
    assert_eq!(desk.get(&format!("/app/shop/msg/{event}/why")).await.at("/removedEndpoints"), 1);
}

#[tokio::test]
async fn a_change_since_is_said_and_not_guessed_away() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "erp", r#","filter":"data.Total:>100""#).await;
    let event = desk.publish("shop", "invoiceCreated", r#"{"Total":5}"#).await;
    desk.clock.advance(Duration::from_secs(1));
    desk.call("PATCH", "/app/shop/endpoint/erp", r#"{"filter":null}"#).await.is(200);
    let endpoint = why(&desk, &event).await.remove(0);
    assert_eq!((&endpoint["reason"], &endpoint["changedSince"]), (&json!("would_match_now"), &json!(true)));
}

#[tokio::test]
async fn what_is_not_kept_cannot_be_told() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.call("PATCH", "/app/shop/settings", r#"{"logMode":"none"}"#).await.is(200);
    desk.endpoint("shop", "erp", r#","filter":"data.Total:>100""#).await;
    let event = desk.publish("shop", "invoiceCreated", r#"{"Total":5}"#).await;
    let endpoint = why(&desk, &event).await.remove(0);
    assert_eq!((&endpoint["reason"], &endpoint["logMode"]), (&json!("payload_gone"), &json!("none")));
    desk.account("other").await;
    desk.get(&format!("/app/other/msg/{event}/why")).await.refused(404, "not_found", &event);
    desk.get("/app/shop/msg/nothing/why").await.refused(404, "not_found", "nothing");
}

#[tokio::test]
async fn the_named_policies_are_listed() {
    let desk = Desk::open().await;
    let policies = desk.get("/policy").await.is(200);
    assert_eq!((policies.at("/data/0/name"), policies.at("/data/0/default")), (json!("guide"), json!(true)));
    assert_eq!(policies.at("/data/0/pauses"), json!([7_000]));
    let classes = json!({
        "serverError": true, "requestTimeout": true, "tooManyRequests": true, "timedOut": true, "noResponse": false,
        "other": false,
    });
    assert_eq!(policies.at("/data/0/classes"), classes);
    assert_eq!((policies.at("/data/1/name"), policies.at("/data/1/jitterPercent")), (json!("durable"), json!(20)));
    assert_eq!(policies.at("/data/1/pauses").as_array().map(Vec::len), Some(9));
}
