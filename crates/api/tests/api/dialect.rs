//! The shapes that SDKs of both generations read: every field they require is there and of its kind.
//!
//! Source: Svix's OpenAPI document 1.1.1 (open-source server) and 1.947.0 (from which its SDKs are generated), the
//! `required` lists, and the fields whose names differ between the generations.

use ringup_core::delivery::After;
use ringup_store::log_entry::{AttemptResult, OutcomeWord};
use serde_json::Value;

use crate::desk::Desk;

/// What a field must be. A question mark: or null.
const APPLICATION: &[(&str, &str)] = &[
    ("id", "text"),
    ("name", "text"),
    ("createdAt", "time"),
    ("updatedAt", "time"),
    ("metadata", "object"),
    ("uid", "text?"),
    ("rateLimit", "number?"),
    ("throttleRate", "number?"),
];
const ENDPOINT: &[(&str, &str)] = &[
    ("id", "text"),
    ("url", "text"),
    ("description", "text"),
    ("createdAt", "time"),
    ("updatedAt", "time"),
    ("metadata", "object"),
    ("version", "number"),
    ("disabled", "flag"),
    ("uid", "text?"),
    ("channels", "list?"),
    ("eventTypes", "list?"),
    ("filterTypes", "list?"),
    ("rateLimit", "number?"),
    ("throttleRate", "number?"),
];
const EVENT_TYPE: &[(&str, &str)] = &[
    ("name", "text"),
    ("description", "text"),
    ("createdAt", "time"),
    ("updatedAt", "time"),
    ("deprecated", "flag"),
    ("archived", "flag"),
    ("schemas", "object?"),
    ("featureFlag", "text?"),
    ("featureFlags", "list?"),
    ("groupName", "text?"),
];
const MESSAGE: &[(&str, &str)] = &[
    ("id", "text"),
    ("eventType", "text"),
    ("payload", "object"),
    ("timestamp", "time"),
    ("eventId", "text?"),
    ("channels", "list?"),
];
const ATTEMPT: &[(&str, &str)] = &[
    ("id", "text"),
    ("msgId", "text"),
    ("endpointId", "text"),
    ("url", "text"),
    ("response", "text"),
    ("responseStatusCode", "number"),
    ("responseDurationMs", "number"),
    ("status", "number"),
    ("statusText", "text"),
    ("timestamp", "time"),
    ("triggerType", "number"),
];
const DESTINATION: &[(&str, &str)] = &[
    ("id", "text"),
    ("url", "text"),
    ("description", "text"),
    ("createdAt", "time"),
    ("updatedAt", "time"),
    ("status", "number"),
    ("statusText", "text"),
    ("nextAttempt", "time?"),
    ("uid", "text?"),
    ("disabled", "flag"),
];
const LIST: &[(&str, &str)] = &[("data", "list"), ("iterator", "text?"), ("prevIterator", "text?"), ("done", "flag")];

#[track_caller]
fn check(shape: &[(&str, &str)], answer: &Value) {
    for (field, kind) in shape {
        let value = answer.get(*field).unwrap_or_else(|| panic!("no `{field}` in {answer}"));
        let fits = match kind.trim_end_matches('?') {
            "text" => value.is_string(),
            "number" => value.is_u64(),
            "flag" => value.is_boolean(),
            "object" => value.is_object(),
            "list" => value.is_array(),
            "time" => value.as_str().is_some_and(|text| text.len() == 27 && text.ends_with('Z') && text.contains('T')),
            other => panic!("unknown kind {other}"),
        };
        assert!(fits || kind.ends_with('?') && value.is_null(), "`{field}` is to be {kind} in {answer}");
    }
}

#[tokio::test]
async fn answers_have_what_sdks_require() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.post("/app", r#"{"name":"bare"}"#).await.made();
    desk.endpoint("shop", "erp", r#","channels":["a"],"eventTypes":["sale"],"rateLimit":5"#).await;
    desk.endpoint("shop", "crm", "").await;
    let full = r#"{"name":"sale","description":"","schemas":{"1":{}},"featureFlag":"f","groupName":"g"}"#;
    desk.post("/event-type", full).await.made();
    desk.post("/event-type", r#"{"name":"bare","description":""}"#).await.made();
    desk.publish("shop", "bare", "{}").await;
    let body = r#"{"eventType":"sale","eventId":"e","channels":["a"],"payload":{}}"#;
    desk.post("/app/shop/msg", body).await.is(202);
    let answered = AttemptResult { outcome: OutcomeWord::Delivered, status: Some(200), detail: None };
    desk.attempt_all(answered, After::Delivered, "ok").await;

    for (path, shape, rows) in [
        ("/app", APPLICATION, 2),
        ("/app/shop/endpoint", ENDPOINT, 2),
        ("/event-type?with_content=true", EVENT_TYPE, 2),
        ("/app/shop/msg", MESSAGE, 2),
        ("/app/shop/msg/e/endpoint", DESTINATION, 2),
        ("/app/shop/attempt/msg/e", ATTEMPT, 2),
        ("/app/shop/attempt/endpoint/crm", ATTEMPT, 2),
    ] {
        let page = desk.get(path).await.is(200).json();
        check(LIST, &page);
        let data = page["data"].as_array().expect("checked above");
        assert_eq!(data.len(), rows, "{path}");
        data.iter().for_each(|row| check(shape, row));
    }
    for (path, shape) in [
        ("/app/shop", APPLICATION),
        ("/app/shop/endpoint/erp", ENDPOINT),
        ("/event-type/sale", EVENT_TYPE),
        ("/app/shop/msg/e", MESSAGE),
    ] {
        check(shape, &desk.get(path).await.is(200).json());
    }
    check(&[("key", "text")], &desk.get("/app/shop/endpoint/erp/secret").await.json());
    check(&[("headers", "object"), ("sensitive", "list")], &desk.get("/app/shop/endpoint/erp/headers").await.json());
    check(&[("code", "text"), ("detail", "text")], &desk.get("/app/nobody").await.is(404).json());
    let misfit = desk.post("/app", "{}").await.is(422).json();
    check(&[("loc", "list"), ("msg", "text"), ("type", "text")], &misfit["detail"][0]);
}

#[tokio::test]
async fn both_generations_of_names_are_taken() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    for (uid, types, rate) in [("old", "filterTypes", "rateLimit"), ("new", "eventTypes", "throttleRate")] {
        desk.endpoint("shop", uid, &format!(r#","{types}":["sale"],"{rate}":9"#)).await;
        let shown = desk.get(&format!("/app/shop/endpoint/{uid}")).await.json();
        for field in ["filterTypes", "eventTypes"] {
            assert_eq!(shown[field], serde_json::json!(["sale"]), "{uid} {field}");
        }
        for field in ["rateLimit", "throttleRate"] {
            assert_eq!(shown[field], 9, "{uid} {field}");
        }
        let path = format!("/app/shop/endpoint/{uid}");
        let patched = desk.call("PATCH", &path, format!(r#"{{"{types}":null,"{rate}":3}}"#)).await.is(200);
        assert_eq!((patched.at("/eventTypes"), patched.at("/rateLimit")), (Value::Null, serde_json::json!(3)));
    }
}
