//! The `webhooks` section: what receivers get, from the catalogue of events that the product knows.
//!
//! Questions that are asked while the cashier waits are not in it: nobody is sent them yet.

use serde_json::{Map, Value, json};

const CATALOGUE: &str = include_str!("../../../../assets/catalogue/events.json");

/// Headers of every request to a receiver.
const HEADERS: [(&str, &str, &str); 3] = [
    ("webhook-id", "The message's id: the same at every attempt.", "msg_2h6v9Zq0Yc1mJ4b7Xk3Tn5RsWd8"),
    ("webhook-timestamp", "Seconds since 1970 at which this attempt began.", "1795422600"),
    (
        "webhook-signature",
        "`v1,` and the HMAC-SHA256, in Base64, of `{webhook-id}.{webhook-timestamp}.{body}` under the endpoint's secret. \
         Several stand side by side, with a space between, while a secret is being rotated.",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
];

/// By name.
pub fn webhooks() -> Map<String, Value> {
    let events: Vec<Value> = serde_json::from_str(CATALOGUE).expect("a test reads it");
    events.iter().filter(|event| event["mode"] == "async").map(webhook).collect()
}

fn webhook(event: &Value) -> (String, Value) {
    let name = event["name"].as_str().unwrap_or_default().to_owned();
    let parameters: Value = HEADERS
        .iter()
        .map(|(name, what, example)| {
            json!({
                "name": name,
                "in": "header",
                "required": true,
                "description": what,
                "schema": { "type": "string" },
                "example": example,
            })
        })
        .collect();
    let mut schema = event["fields"].clone();
    if let Some(schema) = schema.as_object_mut() {
        // The document has one dialect for all its schemas.
        schema.remove("$schema");
    }
    let operation = json!({
        "operationId": format!("event.{name}"),
        "summary": event["title"],
        "description": event["summary"],
        "tags": [event["group"]],
        "x-family": event["family"],
        "parameters": parameters,
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": schema, "example": event["example"] } },
        },
        "responses": {
            "2XX": { "description": "Taken. What the body says makes no difference." },
            "default": { "description": "Not taken; sent again as the policy says." },
        },
    });
    (name, json!({ "post": operation }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_schema_and_a_sample() {
        let webhooks = webhooks();
        assert_eq!(webhooks.len(), 34);
        for (name, item) in &webhooks {
            let content = &item["post"]["requestBody"]["content"]["application/json"];
            let fields = content["schema"]["properties"].as_object().expect("fields");
            let sample = content["example"].as_object().expect("a sample");
            assert!(sample.keys().all(|key| fields.contains_key(key)), "{name}: the sample has fields of its own");
            assert!(item["post"]["summary"].is_string() && item["post"]["x-family"].is_string(), "{name}");
        }
    }
}
