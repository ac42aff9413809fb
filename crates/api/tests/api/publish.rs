//! Publishing: answers, and whom an event goes to.

use std::sync::Arc;

use ringup_core::event::KeepPayload;
use ringup_core::order::order_key;
use serde_json::json;

use crate::desk::Desk;

/// The uids of the endpoints that the last event went to, and what is kept of it.
async fn goes_to(desk: &Desk, account: &str, body: &str) -> Vec<String> {
    let before = desk.heard.accepted().len();
    desk.post(&format!("/app/{account}/msg"), body.to_owned()).await.is(202);
    let who = desk.app.authenticate(&desk.key, None).unwrap();
    let endpoints = desk.app.endpoints(&who, account).unwrap();
    let uid = |key| endpoints.iter().find(|view| view.endpoint.key == key).and_then(|view| view.endpoint.uid.clone());
    let mut uids: Vec<String> =
        desk.heard.accepted()[before..].iter().filter_map(|fresh| uid(fresh.endpoint)).collect();
    uids.sort();
    uids
}

#[tokio::test]
async fn a_message_is_accepted_and_shown() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let body = r#"{"eventType":"sale","eventId":"s-1","channels":["outlet-1"],"payload":{"Total": 19.90}}"#;
    let reply = desk.post("/app/shop/msg", body).await.is(202);
    for (pointer, expected) in [
        ("/eventType", json!("sale")),
        ("/eventId", json!("s-1")),
        ("/channels", json!(["outlet-1"])),
        ("/timestamp", json!("2026-11-23T08:30:00.000000Z")),
        ("/unregistered", json!(true)),
    ] {
        assert_eq!(reply.at(pointer), expected, "{pointer}");
    }
    assert!(reply.text.contains(r#""payload":{"Total": 19.90}"#), "{}", reply.text);
    let id = reply.id();
    assert!(id.starts_with("msg_") && id.len() == 31, "{id}");
    for name in [&id, "s-1"] {
        assert_eq!(desk.get(&format!("/app/shop/msg/{name}")).await.is(200).text, reply.text, "{name}");
    }
    let withheld = desk.get("/app/shop/msg/s-1?with_content=false").await.is(200);
    assert_eq!(withheld.at("/payload"), json!({}));
    let withheld =
        desk.post("/app/shop/msg?with_content=false", r#"{"eventType":"sale","payload":{"a":1}}"#).await.is(202);
    assert_eq!((withheld.at("/payload"), withheld.at("/channels")), (json!({}), json!(null)));
    desk.post("/event-type", r#"{"name":"sale","description":"A sale"}"#).await.made();
    let known = desk.post("/app/shop/msg", r#"{"eventType":"sale","payload":{}}"#).await.is(202);
    assert!(known.json().get("unregistered").is_none());
}

#[tokio::test]
async fn subscriptions_decide_whom_it_goes_to() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.account("other").await;
    desk.endpoint("other", "foreign", "").await;
    desk.endpoint("shop", "all", "").await;
    desk.endpoint("shop", "sales", r#","eventTypes":["sale"]"#).await;
    desk.endpoint("shop", "north", r#","channels":["north","east"]"#).await;
    desk.endpoint("shop", "north-sales", r#","eventTypes":["sale"],"channels":["north"]"#).await;
    for (body, expected) in [
        (r#"{"eventType":"sale","payload":{}}"#, vec!["all", "sales"]),
        (r#"{"eventType":"stock","payload":{}}"#, vec!["all"]),
        (r#"{"eventType":"stock","payload":{},"channels":["east"]}"#, vec!["all", "north"]),
        (
            r#"{"eventType":"sale","payload":{},"channels":["west","north"]}"#,
            vec!["all", "north", "north-sales", "sales"],
        ),
        (r#"{"eventType":"sale","payload":{},"channels":null}"#, vec!["all", "sales"]),
    ] {
        assert_eq!(goes_to(&desk, "shop", body).await, expected, "{body}");
    }
}

#[tokio::test]
async fn a_stopped_endpoint_is_skipped_and_the_event_is_listed_with_it() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "on", "").await;
    desk.endpoint("shop", "off", r#","disabled":true"#).await;
    assert_eq!(goes_to(&desk, "shop", r#"{"eventType":"sale","eventId":"s","payload":{}}"#).await, ["on"]);
    let page = desk.get("/app/shop/msg/s/endpoint").await.is(200);
    let states: Vec<_> = page
        .at("/data")
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["uid"].as_str().unwrap().to_owned(), row["status"].clone(), row["outcome"].clone()))
        .collect();
    assert!(states.contains(&("on".to_owned(), json!(1), json!("waiting"))), "{states:?}");
    assert!(states.contains(&("off".to_owned(), json!(2), json!("skipped"))), "{states:?}");
    let expanded = desk.get("/app/shop/msg/s/endpoint?expanded_statuses=true").await.is(200);
    assert!(expanded.text.contains(r#""status":4,"statusText":"canceled""#), "{}", expanded.text);
    desk.post("/app/shop/msg/s/endpoint/off/resend", "").await.refused(409, "conflict", "disabled (owner)");
}

#[tokio::test]
async fn the_order_key_is_taken_from_the_payload() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "erp", "").await;
    desk.call("PATCH", "/app/shop/endpoint/erp/settings", r#"{"orderKey":"/ID"}"#).await.is(200);
    desk.publish("shop", "sale", r#"{"ID":"INV-1"}"#).await;
    let fresh = desk.heard.accepted();
    assert_eq!(fresh[0].order_key, Some(order_key(br#""INV-1""#, "")));
}

#[tokio::test]
async fn log_modes_and_pointers_decide_what_is_kept() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "a", "").await;
    desk.endpoint("shop", "b", "").await;
    let kept = async |account: &str, a: &str, b: &str| {
        desk.call("PUT", "/app/shop/settings", account.to_owned()).await.is(200);
        desk.call("PUT", "/app/shop/endpoint/a/settings", a.to_owned()).await.is(200);
        desk.call("PUT", "/app/shop/endpoint/b/settings", b.to_owned()).await.is(200);
        desk.publish("shop", "sale", "{}").await;
        desk.heard.accepted().last().unwrap().event.keep_payload.clone()
    };
    let pointers = |list: &[&str]| -> Arc<[String]> { list.iter().map(|text| (*text).to_owned()).collect() };
    let none = r#"{"logMode":"none"}"#;
    assert_eq!(kept("{}", "{}", "{}").await, KeepPayload::Whole);
    assert_eq!(kept(none, "{}", "{}").await, KeepPayload::Never);
    assert_eq!(kept(none, r#"{"logMode":"error"}"#, "{}").await, KeepPayload::IfLogged(pointers(&[])));
    assert_eq!(kept(none, r#"{"fullFor":"1h"}"#, "{}").await, KeepPayload::Whole);
    assert_eq!(kept(r#"{"redact":["/b","/a"]}"#, "{}", "{}").await, KeepPayload::Redacted(pointers(&["/a", "/b"])));
    assert_eq!(
        kept("{}", r#"{"redact":["/x"]}"#, r#"{"redact":["/y"]}"#).await,
        KeepPayload::Redacted(pointers(&["/x", "/y"]))
    );
    desk.clock.advance(std::time::Duration::from_hours(1));
    assert_eq!(kept(none, "{}", "{}").await, KeepPayload::Never, "full for one hour is over");
}

#[tokio::test]
async fn a_message_may_bring_its_account_along() {
    let desk = Desk::open().await;
    let body = r#"{"eventType":"sale","payload":{},"application":{"name":"New shop","metadata":{"a":"b"}}}"#;
    desk.post("/app/new-shop/msg", body).await.is(202);
    assert_eq!(desk.get("/app/new-shop").await.is(200).at("/name"), "New shop");
    let again = r#"{"eventType":"sale","payload":{},"application":{"name":"Other name"}}"#;
    desk.post("/app/new-shop/msg", again).await.is(202);
    assert_eq!(desk.get("/app/new-shop").await.at("/name"), "New shop", "ignored where there is one");
    desk.post("/app/x/msg", r#"{"eventType":"sale","payload":{},"application":{}}"#).await.misfit(
        "body.name",
        "missing",
        "",
    );
    desk.post("/app/x/msg", r#"{"eventType":"sale","payload":{},"application":null}"#).await.refused(
        404,
        "not_found",
        "\"x\"",
    );
}

#[tokio::test]
async fn a_strict_environment_takes_only_what_is_registered() {
    let desk = Desk::strict().await;
    desk.account("shop").await;
    let body = r#"{"eventType":"sale","payload":{}}"#;
    desk.post("/app/shop/msg", body).await.misfit("body.eventType", "unregistered", "\"sale\" is not registered");
    let subscribe = r#"{"url":"https://example.com/","eventTypes":["sale"]}"#;
    desk.post("/app/shop/endpoint", subscribe).await.misfit("body.eventTypes.0", "unregistered", "sale");
    desk.post("/event-type", r#"{"name":"sale","description":""}"#).await.made();
    desk.post("/app/shop/msg", body).await.is(202);
    desk.post("/app/shop/endpoint", subscribe).await.made();
    desk.call("DELETE", "/event-type/sale", "").await.is(204);
    desk.post("/app/shop/msg", body).await.is(202);
}

#[tokio::test]
async fn a_store_that_cannot_take_it_is_said_with_when_to_come_back() {
    use ringup_store::memory::{Failure, Fault, MemoryStore, Operation, Plan};
    let faults = Arc::new(|operation| Fault {
        failure: (operation == Operation::Accept).then_some(Failure::BeforeCommit),
        ..Fault::default()
    });
    let desk = Desk::with(MemoryStore::new(Plan { faults, linger: None, ..Plan::default() }), false).await;
    desk.account("shop").await;
    let reply = desk.post("/app/shop/msg", r#"{"eventType":"sale","payload":{}}"#).await;
    reply.refused(503, "unavailable", "try again later");
    assert_eq!(reply.headers["retry-after"], "1");
    assert_eq!(
        desk.post("/app/shop/msg/batch", r#"{"messages":[{"eventType":"sale","payload":{}}]}"#).await.status,
        503
    );
}
