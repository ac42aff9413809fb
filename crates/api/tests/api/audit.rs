//! The audit log: one entry for each change, to whom it concerns, and no secret in it.

use axum::body::Body;
use serde_json::Value;

use crate::desk::{Desk, OPERATOR, Reply};

async fn as_operator(desk: &Desk, path: &str) -> Reply {
    desk.send("GET", path, &[("authorization", &format!("Bearer {OPERATOR}"))], Body::empty()).await
}

/// Verbs, oldest first, without those of what came before.
fn verbs(reply: &Reply) -> Vec<String> {
    let entries = reply.at("/data");
    let verbs = entries.as_array().unwrap().iter().rev().map(|entry| entry["verb"].as_str().unwrap().to_owned());
    verbs.collect()
}

fn newest(reply: &Reply) -> Value {
    reply.at("/data/0")
}

#[tokio::test]
async fn every_change_leaves_one_entry() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let mut expected = vec!["application.created".to_owned()];
    for (method, path, body, verb) in [
        ("PATCH", "/app/shop", r#"{"metadata":{"outlet":"7"}}"#, "application.updated"),
        ("PATCH", "/app/shop/settings", r#"{"retry":3}"#, "application.configured"),
        ("POST", "/app/shop/endpoint", r#"{"url":"https://example.com/a","uid":"erp"}"#, "endpoint.created"),
        ("PATCH", "/app/shop/endpoint/erp", r#"{"description":"x"}"#, "endpoint.updated"),
        ("PATCH", "/app/shop/endpoint/erp", r#"{"disabled":true}"#, "endpoint.disabled"),
        ("PATCH", "/app/shop/endpoint/erp", r#"{"disabled":false}"#, "endpoint.enabled"),
        ("PATCH", "/app/shop/endpoint/erp/settings", r#"{"retry":1}"#, "endpoint.configured"),
        ("PATCH", "/app/shop/endpoint/erp/headers", r#"{"headers":{"x-till":"7"}}"#, "endpoint.updated"),
        ("PUT", "/app/shop/endpoint/erp/authorization", r#"{"kind":"bearer","token":"t"}"#, "endpoint.updated"),
        ("POST", "/app/shop/endpoint/erp/secret/rotate", "{}", "endpoint.secret_rotated"),
        ("GET", "/app/shop/endpoint/erp/secret", "", "endpoint.secret_read"),
        ("POST", "/app/shop/endpoint/erp/recover", r#"{"since":"2026-11-23T08:00:00Z"}"#, "task.begun"),
        ("POST", "/app/shop/catcher", r#"{"name":"c"}"#, "catcher.created"),
        ("POST", "/auth/app-portal-access/shop", "{}", "portal.opened"),
        ("POST", "/auth/app/shop/expire-all", "{}", "session.ended"),
        ("POST", "/app/shop/msg/expunge-all-contents", "", "task.begun"),
        ("DELETE", "/app/shop/endpoint/erp", "", "endpoint.deleted"),
    ] {
        let reply = desk.call(method, path, body.to_owned()).await;
        assert!(reply.status < 300, "{method} {path}: {}", reply.text);
        expected.push(verb.to_owned());
        let log = desk.get("/audit?app_id=shop").await.is(200);
        assert_eq!(verbs(&log), expected, "{method} {path}: {}", log.text);
    }
    // What changes nothing leaves nothing.
    desk.call("PATCH", "/app/shop", r#"{"metadata":{"outlet":"7"}}"#).await.is(200);
    desk.call("PATCH", "/app/shop", r#"{"name":""}"#).await;
    assert_eq!(verbs(&desk.get("/audit?app_id=shop").await), expected);
    for (method, path, body, verb) in [
        ("POST", "/event-type", r#"{"name":"sale","description":""}"#, "event_type.created"),
        ("PATCH", "/event-type/sale", r#"{"archived":true}"#, "event_type.updated"),
        ("DELETE", "/event-type/sale?expunge=true", "", "event_type.deleted"),
        ("POST", "/key", r#"{"name":"till"}"#, "key.created"),
        ("POST", "/operational-webhook/endpoint", r#"{"url":"https://example.com/o"}"#, "endpoint.created"),
        ("DELETE", "/app/shop", "", "application.deleted"),
    ] {
        let reply = desk.call(method, path, body.to_owned()).await;
        assert!(reply.status < 300, "{method} {path}: {}", reply.text);
        assert_eq!(newest(&desk.get("/audit").await)["verb"], verb, "{method} {path}");
    }
    let id = desk.get("/audit?verb=application.deleted").await.at("/data/0/appId");
    let gone = desk.get(&format!("/audit?app_id={}", id.as_str().unwrap())).await.is(200);
    assert_eq!(verbs(&gone).last().unwrap(), "application.deleted", "it is found by its id when it is gone");
}

#[tokio::test]
async fn an_entry_says_who_and_from_where_and_what_it_was() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let bearer = format!("Bearer {}", desk.key);
    let headers = [("authorization", bearer.as_str()), ("x-request-id", "till-7/4711")];
    desk.send("PATCH", "/app/shop", &headers, r#"{"name":"Kopi"}"#).await.is(200);
    let entry = newest(&desk.get("/audit").await);
    assert_eq!(entry["actor"]["role"], "environment");
    assert_eq!(entry["actor"]["kind"], "key");
    assert!(entry["actor"]["keyId"].as_str().unwrap().starts_with("key_"));
    assert_eq!(entry["actor"]["requestId"], "till-7/4711");
    assert_eq!(entry["environment"], "live");
    assert_eq!(entry["subject"]["name"], "Kopi");
    assert_eq!(
        entry["changes"],
        serde_json::json!([
            { "field": "name", "before": "shop", "after": "Kopi", "hidden": false }
        ])
    );
    let actor = entry["actor"]["keyId"].as_str().unwrap();
    let by_it = desk.get(&format!("/audit?actor={actor}&verb=application.updated")).await.is(200);
    assert_eq!(by_it.at("/data").as_array().unwrap().len(), 1);
    let at = entry["timestamp"].as_str().unwrap();
    assert_eq!(desk.get(&format!("/audit?after={at}")).await.at("/data").as_array().unwrap().len(), 0);
    let before = desk.get(&format!("/audit?before={at}")).await;
    assert!(!verbs(&before).contains(&"application.updated".to_owned()), "{}", before.text);
}

#[tokio::test]
async fn no_secret_is_in_it() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "erp", "").await;
    let path = "/app/shop/endpoint/erp";
    let planted = "pl4nted-s3cret";
    desk.call("PUT", &format!("{path}/headers"), format!(r#"{{"headers":{{"x-key":"{planted}"}}}}"#)).await;
    for body in [
        format!(r#"{{"kind":"bearer","token":"{planted}"}}"#),
        format!(r#"{{"kind":"basic","username":"till","password":"{planted}"}}"#),
        format!(r#"{{"kind":"header","name":"x-a","value":"{planted}"}}"#),
    ] {
        desk.call("PUT", &format!("{path}/authorization"), body).await.is(200);
    }
    let secret = desk.get(&format!("{path}/secret")).await.at("/key");
    let made = desk.post("/key", r#"{"name":"till"}"#).await.made();
    let log = desk.get("/audit?limit=250").await.is(200);
    for secret in [planted, secret.as_str().unwrap(), made.at("/key").as_str().unwrap()] {
        assert!(!log.text.contains(secret), "{secret}: {}", log.text);
    }
    assert!(log.text.contains(r#""field":"headers.x-key","before":null,"after":null,"hidden":true"#), "{}", log.text);
}

#[tokio::test]
async fn it_is_paged_and_narrowed_and_says_what_is_wrong() {
    let desk = Desk::open().await;
    for number in 0..5 {
        desk.account(&format!("shop-{number}")).await;
    }
    let first = desk.get("/audit?verb=application.created&limit=2").await.is(200);
    let next = first.at("/iterator");
    let second =
        desk.get(&format!("/audit?verb=application.created&limit=2&iterator={}", next.as_str().unwrap())).await.is(200);
    let name = |reply: &Reply, place: usize| reply.at(&format!("/data/{place}/subject/name"));
    assert_eq!([name(&first, 0), name(&first, 1)], ["shop-4", "shop-3"]);
    assert_eq!([name(&second, 0), name(&second, 1)], ["shop-2", "shop-1"]);
    for (query, place) in [
        ("verb=everything", "verb"),
        ("actor=me", "actor"),
        ("before=yesterday", "before"),
        ("limit=0", "limit"),
        ("iterator=x", "iterator"),
    ] {
        let reply = desk.get(&format!("/audit?{query}")).await;
        assert_eq!(reply.status, 422, "{query}: {}", reply.text);
        assert!(reply.text.contains(place), "{query}: {}", reply.text);
    }
    desk.get("/audit?app_id=nobody").await.refused(404, "not_found", "nobody");
    desk.get("/audit?environment=sandbox").await.refused(403, "forbidden", "another environment");
}

#[tokio::test]
async fn an_operator_sees_all_and_an_account_its_own() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.account("other").await;
    let all = as_operator(&desk, "/audit").await.is(200);
    assert!(verbs(&all).contains(&"environment.created".to_owned()), "{}", all.text);
    let own = desk.get("/audit").await;
    assert!(!own.text.contains("environment.created") && own.text.contains("other"), "{}", own.text);
    let token = desk.post("/auth/app-portal-access/shop", "{}").await.at("/token");
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    let ask = async |path| desk.send("GET", path, &[("authorization", bearer.as_str())], Body::empty()).await;
    let theirs = ask("/audit").await.is(200);
    assert!(theirs.text.contains("application.created") && !theirs.text.contains("other"), "{}", theirs.text);
    assert_eq!(
        theirs.at("/data/0/actor"),
        serde_json::json!({
            "role": "environment", "kind": "key", "keyId": null, "parentKeyId": null, "name": "", "sessionId": null,
            "address": null, "requestId": null,
        })
    );
    assert_eq!(ask("/audit?app_id=shop").await.status, 200);
    assert_eq!(ask("/audit?app_id=other").await.status, 404);
}

#[tokio::test]
async fn another_way_to_look_at_payloads_leaves_a_line() {
    let desk = Desk::open().await;
    desk.call("PUT", "/environment/validation", r#"{"mode":"strict"}"#).await.is(200);
    let newest = as_operator(&desk, "/audit?limit=1").await.is(200);
    assert_eq!(newest.at("/data/0/verb"), "environment.updated", "{}", newest.text);
    assert!(newest.text.contains("validation") && newest.text.contains("strict"), "{}", newest.text);
    // Saying it again changes nothing, and says nothing.
    desk.call("PUT", "/environment/validation", r#"{"mode":"strict"}"#).await.is(200);
    assert_eq!(as_operator(&desk, "/audit?limit=1").await.at("/data/0/id"), newest.at("/data/0/id"));
}
