//! Settings of accounts and endpoints.

use serde_json::{Value, json};

use crate::desk::{Desk, Reply};

async fn desk() -> Desk {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "erp", "").await;
    desk
}

const ACCOUNT: &str = "/app/shop/settings";
const ENDPOINT: &str = "/app/shop/endpoint/erp/settings";

#[track_caller]
fn says(reply: &Reply, field: &str, value: impl Into<Value>, origin: &str) {
    assert_eq!(reply.at(&format!("/{field}")), json!({"value": value.into(), "origin": origin}), "{field}");
}

#[tokio::test]
async fn what_nobody_set_comes_from_the_system() {
    let desk = desk().await;
    for path in [ACCOUNT, ENDPOINT] {
        let reply = desk.get(path).await.is(200);
        says(&reply, "policy", "guide", "system");
        says(&reply, "retry", 1, "system");
        says(&reply, "cooldown", 7_000, "system");
        says(&reply, "schedule", Value::Null, "system");
        says(&reply, "timeLimit", 30_000, "system");
        says(&reply, "classes/serverError", true, "system");
        says(&reply, "classes/other", false, "system");
        says(&reply, "honourRetryAfter", false, "system");
        says(&reply, "logMode", "full", "system");
        says(&reply, "fullUntil", Value::Null, "system");
        says(&reply, "redact", json!([]), "system");
        says(&reply, "ordering", "none", "system");
        says(&reply, "orderKey", Value::Null, "system");
        says(&reply, "rateLimit", Value::Null, "system");
        says(&reply, "inFlightMax", 64, "system");
        says(&reply, "pauseAfter", 432_000_000, "system");
        says(&reply, "headerNames", "both", "system");
    }
}

#[tokio::test]
async fn the_endpoint_overrides_the_account() {
    let desk = desk().await;
    let account = json!({
        "retry": 3, "cooldown": "90s", "timeLimit": 5_000, "logMode": "error", "redact": ["/customer/phone"],
        "classes": {"noResponse": true}, "pauseAfter": "2d", "headerNames": "svix", "rateLimit": 10, "inFlightMax": 8,
        "honourRetryAfter": true, "fullFor": "1h",
    });
    let reply = desk.call("PATCH", ACCOUNT, account.to_string()).await.is(200);
    says(&reply, "cooldown", 90_000, "account");
    let reply = desk.call("PATCH", ENDPOINT, r#"{"retry":0,"logMode":"none","ordering":"strict"}"#).await.is(200);
    says(&reply, "retry", 0, "endpoint");
    says(&reply, "cooldown", 90_000, "account");
    says(&reply, "timeLimit", 5_000, "account");
    says(&reply, "logMode", "none", "endpoint");
    says(&reply, "fullUntil", "2026-11-23T09:30:00.000000Z", "account");
    says(&reply, "classes/noResponse", true, "account");
    says(&reply, "classes/other", false, "system");
    says(&reply, "ordering", "strict", "endpoint");
    says(&reply, "redact", json!(["/customer/phone"]), "account");
    says(&reply, "pauseAfter", 172_800_000, "account");
    says(&reply, "headerNames", "svix", "account");
    says(&reply, "rateLimit", 10, "account");
    says(&reply, "inFlightMax", 8, "account");
    assert_eq!(desk.get(ENDPOINT).await.is(200).text, reply.text);

    let reply = desk.call("PATCH", ENDPOINT, r#"{"logMode":null}"#).await.is(200);
    says(&reply, "logMode", "error", "account");
    says(&reply, "retry", 0, "endpoint");
    let reply = desk.call("PUT", ENDPOINT, r#"{"cooldown":0}"#).await.is(200);
    says(&reply, "cooldown", 0, "endpoint");
    says(&reply, "retry", 3, "account");
    says(&reply, "ordering", "none", "system");
}

#[tokio::test]
async fn a_named_policy_and_a_list_of_pauses() {
    let desk = desk().await;
    let reply = desk.call("PATCH", ACCOUNT, r#"{"policy":"durable"}"#).await.is(200);
    says(&reply, "policy", "durable", "account");
    says(&reply, "retry", 9, "account");
    says(&reply, "cooldown", Value::Null, "account");
    assert_eq!(reply.at("/schedule/value/0"), 5_000);
    says(&reply, "honourRetryAfter", true, "account");
    says(&reply, "classes/other", true, "account");
    let reply = desk.call("PATCH", ENDPOINT, r#"{"schedule":["1s",2000,"1m30s"]}"#).await.is(200);
    says(&reply, "schedule", json!([1_000, 2_000, 90_000]), "endpoint");
    says(&reply, "retry", 3, "endpoint");
    says(&reply, "policy", "durable", "account");
}

#[tokio::test]
async fn ordering_by_key_needs_a_key() {
    let desk = desk().await;
    let reply = desk.call("PATCH", ENDPOINT, r#"{"ordering":"key","orderKey":"/ID"}"#).await.is(200);
    says(&reply, "ordering", "key", "endpoint");
    says(&reply, "orderKey", "/ID", "endpoint");
    says(&desk.call("PATCH", ENDPOINT, r#"{"orderKey":"/No"}"#).await.is(200), "orderKey", "/No", "endpoint");
    says(&desk.call("PATCH", ENDPOINT, r#"{"ordering":"key"}"#).await.is(200), "orderKey", "/No", "endpoint");
    desk.call("PATCH", ENDPOINT, r#"{"ordering":"strict","orderKey":"/x"}"#).await.misfit(
        "body.orderKey",
        "contradiction",
        "only",
    );
    says(&desk.call("PATCH", ENDPOINT, r#"{"ordering":"strict"}"#).await.is(200), "orderKey", Value::Null, "endpoint");
    desk.call("PATCH", ENDPOINT, r#"{"ordering":"key"}"#).await.misfit("body.orderKey", "contradiction", "pointer");
    says(&desk.call("PATCH", ENDPOINT, r#"{"ordering":null}"#).await.is(200), "ordering", "none", "system");
}

#[tokio::test]
async fn ranges_and_words_are_checked() {
    let desk = desk().await;
    let many: Vec<String> = (0..65).map(|n| format!("/{n}")).collect();
    for (body, place, rule) in [
        (json!({"retry": 101}), "body.retry", "range"),
        (json!({"retry": -1}), "body.retry", "type"),
        (json!({"cooldown": "25h"}), "body.cooldown", "range"),
        (json!({"cooldown": "soon"}), "body.cooldown", "type"),
        (json!({"cooldown": 1.5}), "body.cooldown", "type"),
        (json!({"timeLimit": 99}), "body.timeLimit", "range"),
        (json!({"timeLimit": "121s"}), "body.timeLimit", "range"),
        (json!({"schedule": vec!["1s"; 101]}), "body.schedule", "count"),
        (json!({"schedule": ["1s", "2d"]}), "body.schedule.1", "range"),
        (json!({"schedule": ["1s"], "retry": 1}), "body.schedule", "contradiction"),
        (json!({"policy": "forever"}), "body.policy", "type"),
        (json!({"logMode": "all"}), "body.logMode", "type"),
        (json!({"redact": ["customer"]}), "body.redact.0", "pointer"),
        (json!({"redact": ["/a", "/a~2"]}), "body.redact.1", "pointer"),
        (json!({"redact": many}), "body.redact", "count"),
        (json!({"orderKey": "ID"}), "body.orderKey", "pointer"),
        (json!({"ordering": "some"}), "body.ordering", "type"),
        (json!({"rateLimit": 0}), "body.rateLimit", "range"),
        (json!({"inFlightMax": 0}), "body.inFlightMax", "range"),
        (json!({"inFlightMax": 65}), "body.inFlightMax", "range"),
        (json!({"pauseAfter": "366d"}), "body.pauseAfter", "range"),
        (json!({"headerNames": "mine"}), "body.headerNames", "type"),
        (json!({"fullUntil": "tomorrow"}), "body.fullUntil", "type"),
        (json!({"classes": {"other": "yes"}}), "body.classes.other", "type"),
    ] {
        for path in [ACCOUNT, ENDPOINT] {
            desk.call("PATCH", path, body.to_string()).await.misfit(place, rule, "");
        }
    }
    says(&desk.get(ENDPOINT).await.is(200), "retry", 1, "system");
}
