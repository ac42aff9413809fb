//! The `webhooks` section: what receivers get, from the catalogue of events that the product knows.
//!
//! Questions that are asked while the cashier waits are not in it: nobody is sent them yet.

use ringup_app::guide::{self, Known};
use serde_json::{Map, Value, json};

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
    guide::all().iter().filter(|known| !known.is_question()).map(webhook).collect()
}

fn webhook(known: &Known) -> (String, Value) {
    let name = known.name.to_owned();
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
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
    let mut schema = json(known.schema());
    if let Some(schema) = schema.as_object_mut() {
        // The document has one dialect for all its schemas.
        schema.remove("$schema");
    }
    let operation = json!({
        "operationId": format!("event.{name}"),
        "summary": known.title,
        "description": known.summary,
        "tags": [known.group],
        "x-family": known.family(),
        "parameters": parameters,
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": schema, "example": json(known.sample()) } },
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
        assert_eq!(webhooks.len(), 35);
        for (name, item) in &webhooks {
            let content = &item["post"]["requestBody"]["content"]["application/json"];
            let fields = content["schema"]["properties"].as_object().expect("fields");
            let sample = content["example"].as_object().expect("a sample");
            assert!(sample.keys().all(|key| fields.contains_key(key)), "{name}: the sample has fields of its own");
            assert!(item["post"]["summary"].is_string() && item["post"]["x-family"].is_string(), "{name}");
        }
    }
}
