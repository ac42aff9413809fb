//! Whom a message goes to: families and filters.

use serde_json::json;

use crate::desk::Desk;

async fn sent_to(desk: &Desk, event_type: &str, payload: &str) -> Vec<String> {
    let id = desk.publish("shop", event_type, payload).await;
    let reply = desk.get(&format!("/app/shop/msg/{id}/endpoint")).await.is(200).json();
    let rows = reply["data"].as_array().expect("a list");
    let mut uids: Vec<String> = rows.iter().map(|row| row["uid"].as_str().expect("a uid").to_owned()).collect();
    uids.sort();
    uids
}

async fn register(desk: &Desk, name: &str, family: &str) {
    let body = json!({"name": name, "description": "", "groupName": family});
    desk.post("/event-type", body.to_string()).await.made();
}

#[tokio::test]
async fn a_family_brings_its_events_those_to_come_included() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    register(&desk, "invoiceCreated", "customer invoice").await;
    desk.endpoint("shop", "family", r#","families":["customer invoice"]"#).await;
    desk.endpoint("shop", "among", r#","eventTypes":["family:customer invoice","productCreated"]"#).await;
    desk.endpoint("shop", "all", "").await;
    assert_eq!(sent_to(&desk, "invoiceCreated", "{}").await, ["all", "among", "family"]);
    assert_eq!(sent_to(&desk, "productCreated", "{}").await, ["all", "among"]);
    assert_eq!(sent_to(&desk, "paymentCreated", "{}").await, ["all"]);
    register(&desk, "paymentCreated", "customer invoice").await;
    assert_eq!(sent_to(&desk, "paymentCreated", "{}").await, ["all", "among", "family"]);
    let moved = r#"{"description":"","groupName":"payment"}"#;
    desk.call("PUT", "/event-type/paymentCreated", moved).await.is(200);
    assert_eq!(sent_to(&desk, "paymentCreated", "{}").await, ["all"]);
}

#[tokio::test]
async fn families_are_read_and_put_back_in_either_spelling() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "erp", r#","families":["customer invoice"],"eventTypes":["family:product","a"]"#).await;
    let path = "/app/shop/endpoint/erp";
    let shown = desk.get(path).await;
    assert_eq!(shown.at("/eventTypes"), json!(["a", "family:customer invoice", "family:product"]));
    assert_eq!(shown.at("/families"), json!(["customer invoice", "product"]));
    // A client that knows nothing of families.
    let back = json!({"url": "https://example.com/", "filterTypes": shown.at("/filterTypes")});
    assert_eq!(desk.call("PUT", path, back.to_string()).await.is(200).at("/families"), shown.at("/families"));
    for (patch, types, families) in [
        (r#"{"families":["x"]}"#, json!(["a", "family:x"]), json!(["x"])),
        (r#"{"eventTypes":["b"]}"#, json!(["b"]), json!([])),
        (r#"{"eventTypes":["b"],"families":["y"]}"#, json!(["b", "family:y"]), json!(["y"])),
        (r#"{"eventTypes":["family: z "]}"#, json!(["family:z"]), json!(["z"])),
        (r#"{"families":null}"#, json!(null), json!([])),
        (r#"{"families":["x"]}"#, json!(["family:x"]), json!(["x"])),
        (r#"{"eventTypes":null}"#, json!(null), json!([])),
    ] {
        let patched = desk.call("PATCH", path, patch).await.is(200);
        assert_eq!((patched.at("/eventTypes"), patched.at("/families")), (types, families), "{patch}");
    }
    desk.call("PATCH", path, r#"{"families":[" "]}"#).await.misfit("body.families.0", "name", "1 to");
    desk.call("PATCH", path, r#"{"eventTypes":["family:"]}"#).await.misfit("body.families.0", "name", "1 to");
    desk.call("PATCH", path, r#"{"eventTypes":[]}"#).await.misfit("body.eventTypes", "count", "1 to");
}

#[tokio::test]
async fn a_filter_looks_into_the_payload() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "big", r#","filter":"data.Total:>19.989999999999999999 data.Outlet:Kemang""#).await;
    desk.endpoint("shop", "id", r#","filter":"data.ID:9007199254740993""#).await;
    desk.endpoint("shop", "neither", r#","filter":"event:product*""#).await;
    let sale = r#"{"Total":19.99,"Outlet":"Kemang","ID":9007199254740992}"#;
    assert_eq!(sent_to(&desk, "invoiceCreated", sale).await, ["big"]);
    assert_eq!(sent_to(&desk, "invoiceCreated", r#"{"Total":19.98,"ID":9007199254740993}"#).await, ["id"]);
    let path = "/app/shop/endpoint/big";
    let wrong = desk.call("PATCH", path, r#"{"filter":"data.Total:>"}"#).await;
    wrong.misfit("body.filter", "filter", "at character 13: a value is missing");
    assert_eq!(desk.call("PATCH", path, r#"{"filter":null}"#).await.is(200).at("/filter"), json!(null));
    assert_eq!(sent_to(&desk, "invoiceCreated", "{}").await, ["big"]);
    assert_eq!(desk.get("/app/shop/endpoint/id").await.at("/filter"), "data.ID:9007199254740993");
}

#[tokio::test]
async fn a_filter_is_tried_on_what_came_lately() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let mut ids = Vec::new();
    for total in 1..=10 {
        ids.push(desk.publish("shop", "invoiceCreated", &format!(r#"{{"Total":{total}}}"#)).await);
    }
    let body = r#"{"filter":"data.Total:>7","eventTypes":["invoiceCreated"]}"#;
    let tried = desk.post("/app/shop/filter/try", body).await.is(200).json();
    let examples = [&ids[9], &ids[8], &ids[7]];
    let expected = json!({"matched": 3, "messages": 10, "messagesMax": 100, "unknown": 0, "examples": examples});
    assert_eq!(tried, expected);
    let none = desk.post("/app/shop/filter/try", r#"{"families":["product"]}"#).await.is(200);
    assert_eq!(none.at("/matched"), 0);
    let wrong = desk.post("/app/shop/filter/try", r#"{"filter":"Total:>7"}"#).await;
    wrong.misfit("body.filter", "filter", "data.Total");
    desk.post("/app/nobody/filter/try", "{}").await.refused(404, "not_found", "nobody");
}
