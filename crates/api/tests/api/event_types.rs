//! `/event-type`

use serde_json::json;

use crate::desk::Desk;

#[tokio::test]
async fn an_event_type_is_registered_changed_archived_and_expunged() {
    let desk = Desk::open().await;
    let schemas = r#"{"1":{"type":"object","properties":{"Total":{"type":"number","maximum": 1.50}}}}"#;
    let body = format!(
        r#"{{"name":"sale","description":"A sale","groupName":"till","featureFlags":["beta"],"schemas":{schemas}}}"#
    );
    let made = desk.post("/event-type", body.clone()).await.made();
    assert!(made.text.contains(schemas), "schemas come back as they were: {}", made.text);
    let without = |pointer: &str| made.at(pointer);
    assert_eq!(
        (without("/groupName"), without("/featureFlag"), without("/archived")),
        (json!("till"), json!("beta"), json!(false))
    );
    desk.post("/event-type", body.clone()).await.refused(409, "conflict", "sale");

    let patched = desk.call("PATCH", "/event-type/sale", r#"{"deprecated":true,"groupName":null}"#).await.is(200);
    assert_eq!(
        (patched.at("/deprecated"), patched.at("/groupName"), patched.at("/description")),
        (json!(true), json!(null), json!("A sale"))
    );
    assert_eq!(patched.at("/createdAt"), made.at("/createdAt"));

    assert_eq!(desk.get("/event-type").await.is(200).at("/data/0/schemas"), json!(null));
    assert!(desk.get("/event-type?with_content=true").await.text.contains(schemas));

    desk.call("DELETE", "/event-type/sale", "").await.is(204);
    assert_eq!(desk.get("/event-type").await.at("/data"), json!([]));
    assert_eq!(desk.get("/event-type?include_archived=true").await.at("/data/0/name"), "sale");
    assert_eq!(desk.get("/event-type/sale").await.is(200).at("/archived"), json!(true));
    desk.post("/event-type", body).await.made();
    assert_eq!(desk.get("/event-type/sale").await.at("/archived"), json!(false), "it came back");

    desk.call("DELETE", "/event-type/sale?expunge=true", "").await.is(204);
    desk.get("/event-type/sale").await.refused(404, "not_found", "event type \"sale\" not found");
    desk.call("DELETE", "/event-type/sale", "").await.refused(404, "not_found", "sale");
    desk.call("PUT", "/event-type/sale", r#"{"description":"again"}"#).await.made();
    desk.call("PUT", "/event-type/sale", r#"{"description":"and again"}"#).await.is(200);
}

#[tokio::test]
async fn mistakes_are_named() {
    let desk = Desk::open().await;
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(64), "]".repeat(64));
    for (body, place, rule) in [
        (r#"{"description":"x"}"#.to_owned(), "body.name", "missing"),
        (r#"{"name":"x"}"#.to_owned(), "body.description", "missing"),
        (r#"{"name":"x y","description":"x"}"#.to_owned(), "body.name", "name"),
        (r#"{"name":"-x","description":"x"}"#.to_owned(), "body.name", "name"),
        (r#"{"name":"x","description":"x","schemas":[]}"#.to_owned(), "body.schemas", "schemas"),
        (format!(r#"{{"name":"x","description":"x","schemas":{deep}}}"#), "body.schemas", "too_deep"),
        (r#"{"name":"x","description":"x","featureFlag":"a b"}"#.to_owned(), "body.featureFlag", "name"),
    ] {
        desk.post("/event-type", body).await.misfit(place, rule, "");
    }
}

#[tokio::test]
async fn a_retry_schedule_is_set_kept_and_taken_away() {
    let desk = Desk::open().await;
    let (path, none) = ("/event-type/patient/retry-schedule", json!({ "retrySchedule": null }));
    desk.call("PUT", path, "{}").await.refused(404, "not_found", "patient");
    desk.post("/event-type", r#"{"name":"patient","description":""}"#).await.made();
    assert_eq!(desk.call("GET", path, "").await.is(200).json(), none);
    let pauses = json!({ "retrySchedule": [{ "secs": 5, "nanos": 0 }, { "secs": 300, "nanos": 500_000_000 }] });
    assert_eq!(desk.call("PUT", path, pauses.to_string()).await.is(200).json(), pauses);
    // What says nothing of it leaves it alone.
    desk.call("PUT", "/event-type/patient", r#"{"description":"new"}"#).await.is(200);
    desk.call("PATCH", "/event-type/patient", r#"{"deprecated":true}"#).await.is(200);
    assert_eq!(desk.call("GET", path, "").await.is(200).json(), pauses);
    for (wrong, why) in [
        (r#"{"retrySchedule":[{"secs":86401,"nanos":0}]}"#, "retrySchedule"),
        (r#"{"retrySchedule":[{"secs":1,"nanos":1000000000}]}"#, "retrySchedule"),
    ] {
        let refused = desk.call("PUT", path, wrong).await.is(422);
        assert!(refused.text.contains(why), "{}", refused.text);
    }
    let many = json!({ "retrySchedule": vec![json!({ "secs": 1, "nanos": 0 }); 101] });
    desk.call("PUT", path, many.to_string()).await.is(422);
    assert_eq!(desk.call("GET", path, "").await.is(200).json(), pauses);
    assert_eq!(desk.call("PUT", path, none.to_string()).await.is(200).json(), none);
}
