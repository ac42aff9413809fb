//! The guide's event types in an environment, schemas that are none, and payloads that do not fit.

use std::sync::Arc;

use ringup_app::guide;
use serde_json::json;

use crate::desk::Desk;

const SALE: &str = r#"{"name":"sale","description":"","schemas":{"1":{"type":"object","required":["ID"],
    "properties":{"ID":{"type":"string"},"Total":{"type":"number","multipleOf":0.01}}}}}"#;

async fn set(desk: &Desk, mode: &str) {
    let reply = desk.call("PUT", "/environment/validation", format!(r#"{{"mode":"{mode}"}}"#)).await.is(200);
    assert_eq!(reply.at("/mode"), mode);
    assert_eq!(desk.get("/environment/validation").await.is(200).at("/mode"), mode);
}

#[tokio::test]
async fn a_payload_that_does_not_fit_is_noted_refused_or_not_looked_at() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.post("/event-type", SALE).await.made();
    assert_eq!(desk.get("/environment/validation").await.is(200).at("/mode"), "off");
    let bad = r#"{"eventType":"sale","payload":{"Total": 19.999}}"#;
    let publish = async || desk.post("/app/shop/msg", bad).await;
    assert!(publish().await.is(202).json().get("misfits").is_none());

    set(&desk, "warn").await;
    let noted = publish().await.is(202);
    assert_eq!(noted.at("/misfits/1"), "/Total: it is to be a multiple of 0.01");
    let why = noted.at("/misfits/0");
    assert!(why.as_str().is_some_and(|why| why.starts_with(": ") && why.contains("ID")), "{why}");
    assert_eq!(desk.get(&format!("/app/shop/msg/{}", noted.id())).await.is(200).text, noted.text);
    let batch = format!(r#"{{"messages":[{bad}]}}"#);
    let batch = desk.post("/app/shop/msg/batch", batch).await.is(202);
    assert_eq!(batch.at("/data/0/misfits/1"), noted.at("/misfits/1"));

    set(&desk, "strict").await;
    let refused = publish().await;
    refused.misfit("body.payload./Total", "schema", "a multiple of 0.01");
    refused.misfit("body.payload", "schema", "ID");
    assert!(!refused.text.contains("19.999"), "{}", refused.text);
    let fine = r#"{"eventType":"sale","payload":{"ID":"1","Total":1234567890123456789.01}}"#;
    desk.post("/app/shop/msg", fine).await.is(202);
    desk.post("/app/shop/msg", r#"{"eventType":"other","payload":{}}"#).await.is(202);
    // The schema as it is now counts.
    let looser = r#"{"schemas":{"1":{"type":"object"}}}"#;
    desk.call("PATCH", "/event-type/sale", looser).await.is(200);
    publish().await.is(202);
    let wrong = desk.call("PUT", "/environment/validation", r#"{"mode":"loud"}"#).await;
    wrong.misfit("body.mode", "word", "off, warn or strict");
}

#[tokio::test]
async fn what_is_no_schema_is_refused_wherever_it_comes_from() {
    let desk = Desk::open().await;
    let body = |schema: &str| format!(r#"{{"name":"sale","description":"","schemas":{{"1":{schema}}}}}"#);
    for (schema, pointer) in [
        (r#"{"type":"text"}"#, "/1/type"),
        (r#"{"properties":{"a":{"$ref":"https://example.com/a"}}}"#, "/1/properties/a"),
    ] {
        let place = format!("body.schemas.{pointer}");
        desk.post("/event-type", body(schema)).await.misfit(&place, "schemas", "");
        desk.call("PUT", "/event-type/sale", body(schema)).await.misfit(&place, "schemas", "");
        let import = format!(r#"{{"eventTypes":[{}]}}"#, body(schema));
        desk.post("/environment/import", import).await.misfit(&place, "schemas", "");
    }
    desk.get("/event-type/sale").await.is(404);
}

#[tokio::test]
async fn the_guides_event_types_are_loaded_and_a_loaded_one_is_the_environments_own() {
    let desk = Desk::open().await;
    let own = r#"{"name":"invoiceCreated","description":"ours"}"#;
    desk.post("/event-type", own).await.made();
    let dry = desk.post("/event-type/import/guide?dry_run=true", "").await.is(200);
    assert_eq!(dry.at("/data/modified").as_array().map(Vec::len), Some(37));
    assert_eq!(desk.get("/event-type").await.at("/data").as_array().map(Vec::len), Some(1));
    desk.post("/event-type/import/guide", "").await.is(200);
    assert_eq!(desk.post("/event-type/import/guide", "").await.is(200).at("/data/modified"), json!([]));
    assert_eq!(desk.get("/event-type/invoiceCreated").await.at("/description"), "ours");
    let one = desk.get("/event-type/productCreated").await.is(200);
    assert_eq!(one.at("/groupName"), "product");
    assert_eq!(one.at("/schemas/1/examples/0/Name"), "Oat Cold Brew");
    let mut names = Vec::new();
    let mut path = "/event-type?limit=30".to_owned();
    loop {
        let page = desk.get(&path).await.is(200);
        let rows = page.at("/data").as_array().cloned().unwrap_or_default();
        names.extend(rows.iter().filter_map(|row| row["name"].as_str().map(str::to_owned)));
        if page.at("/done") == true {
            break;
        }
        path = format!("/event-type?limit=30&iterator={}", page.at("/iterator").as_str().unwrap_or_default());
    }
    let mut expected: Vec<&str> = guide::all().iter().map(|known| known.name).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn an_example_is_sent_and_says_where_it_comes_from() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "till", "").await;
    desk.post("/event-type", r#"{"name":"own","description":"","schemas":{"1":{"examples":[{"a" : 1.50}]}}}"#)
        .await
        .made();
    desk.post("/event-type", r#"{"name":"productCreated","description":""}"#).await.made();
    let made =
        r#"{"name":"made","description":"","schemas":{"1":{"type":"object","properties":{"n":{"type":"integer"}}}}}"#;
    desk.post("/event-type", made).await.made();
    desk.post("/event-type", r#"{"name":"bare","description":""}"#).await.made();
    let send = async |name: &str| {
        desk.post("/app/shop/endpoint/till/send-example", format!(r#"{{"eventType":"{name}"}}"#)).await
    };
    let own = send("own").await.is(202);
    assert_eq!(own.at("/example"), "own");
    assert!(own.text.contains(r#"{"a" : 1.50}"#), "{}", own.text);
    assert_eq!(send("productCreated").await.is(202).at("/example"), "guide");
    // One of the guide that is not registered here works as well.
    assert_eq!(send("invoiceCreated").await.is(202).at("/example"), "guide");
    let made = send("made").await.is(202);
    assert_eq!((made.at("/example"), made.at("/payload")), (json!("made"), json!({"n": 0})));
    assert_eq!(send("svix.ping").await.is(202).at("/example"), "ping");
    send("bare").await.misfit("body.eventType", "no_example", "schema");
    send("nobody").await.is(404);
    let last = desk.heard.accepted();
    let bodies: Vec<Arc<_>> = last.iter().map(|fresh| fresh.event.clone()).collect();
    assert_eq!(bodies.first().map(|event| &event.payload[..]), Some(&br#"{"a" : 1.50}"#[..]));
}
