//! The API reference: what a document says is told in full, in its order, to anybody.

use serde_json::{Value, json};

use crate::desk::Desk;

/// What the console of these tests is about.
pub fn document() -> Value {
    json!({
        "info": { "version": "9.9", "description": "What `Ringup` does <here>." },
        "tags": [{ "name": "Message", "description": "Events." }, { "name": "Endpoint" }],
        "paths": {
            "/api/v1/app/{app_id}/endpoint": { "get": {
                "operationId": "v1.endpoint.list", "summary": "List endpoints", "tags": ["Endpoint"], "responses": {},
            } },
            "/api/v1/app/{app_id}/msg": {
                "get": { "operationId": "ringup.old", "summary": "List, as it was", "tags": ["Message"], "deprecated": true,
                         "x-ringup-instead": "v1.message.list", "responses": {} },
                "post": {
                    "operationId": "v1.message.create", "summary": "Publish", "tags": ["Message"], "x-ringup": "extended",
                    "description": "Durable when `202` is answered.",
                    "security": [{ "key": ["publish"] }], "x-ringup-place": "account",
                    "parameters": [{ "name": "limit", "in": "query", "description": "Rows.",
                                     "schema": { "type": "integer", "minimum": 1, "maximum": 250 } }],
                    "requestBody": { "required": true, "content": { "application/json": {
                        "schema": { "$ref": "#/components/schemas/EventIn" } } } },
                    "responses": {
                        "202": { "description": "Accepted.", "content": { "application/json": { "example": { "id": "msg_1" } } } },
                        "422": { "$ref": "#/components/responses/Misfit" },
                    },
                },
            },
        },
        "webhooks": { "invoiceCreated": { "post": {
            "operationId": "event.invoiceCreated", "summary": "Invoice Created", "tags": ["Invoice"], "responses": {} } } },
        "components": {
            "schemas": { "EventIn": { "type": "object", "required": ["eventType"], "properties": {
                "eventType": { "type": "string", "description": "Its `type`, isn't it?", "example": "it's" },
                "channels": { "type": ["array", "null"], "items": { "type": "string" } },
            } } },
            "responses": { "Misfit": { "description": "It makes no sense." } },
        },
    })
}

#[tokio::test]
async fn the_list_is_open_to_all_and_finds() {
    let desk = Desk::open().await;
    let stranger = desk.browser();
    let page = stranger.get("/docs/api").await;
    page.shows("What <code>Ringup</code> does &lt;here&gt;.").shows("9.9").shows("4 operations").lacks("sign-out");
    let at = |text: &str| page.text.find(text).unwrap_or_else(|| panic!("{text} is not there"));
    assert!(at("<h2>Message</h2>") < at("<h2>Endpoint</h2>") && at("<h2>Endpoint</h2>") < at("<h2>Invoice</h2>"));
    page.shows("deprecated").shows("extended").shows(r#"href="/docs/api/event.invoiceCreated""#);
    let found = stranger.get("/docs/api?find=post+MSG").await;
    found.shows("Publish").shows("1 operation").lacks("List endpoints").lacks("Invoice Created");
    stranger.get("/docs/api?find=%3Cscript%3E").await.shows("&#60;script&#62;").lacks("<script>alert");
    desk.operator().await.get("/docs/api").await.shows("Fleet");
}

#[tokio::test]
async fn an_operation_is_told_with_its_call_its_fields_and_its_answers() {
    let desk = Desk::open().await;
    let stranger = desk.browser();
    let page = stranger.get("/docs/api/v1.message.create").await;
    page.shows("<h1>Publish</h1>").shows("Durable when <code>202</code> is answered.").shows("integer, 1 to 250");
    page.shows("array of string | null").shows("Its <code>type</code>, isn&#39;t it?").shows("It makes no sense.");
    page.shows("Takes the scope <code>publish</code> · in the account that is named");
    page.shows("msg_1").shows("curl -X POST").shows("$RINGUP_URL/api/v1/app/{app_id}/msg");
    // A quote does not end what the shell reads.
    page.shows(r"it&#39;\&#39;&#39;s");
    stranger.get("/docs/api/ringup.old").await.shows("Use instead").shows("v1.message.list");
    let event = stranger.get("/docs/api/event.invoiceCreated").await;
    event.shows("Invoice Created").lacks("curl");
    assert_eq!(stranger.get("/docs/api/v1.nothing").await.status, 404);
}
