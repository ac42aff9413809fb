//! Portal access, sessions, and keys over the API.

use std::time::Duration;

use axum::body::Body;
use ringup_app::Origin;
use secrecy::ExposeSecret as _;

use crate::desk::{Desk, OPERATOR, Reply};

async fn with(desk: &Desk, token: &str, method: &str, path: &str, body: &str) -> Reply {
    desk.send(method, path, &[("authorization", &format!("Bearer {token}"))], body.to_owned()).await
}

/// A portal token for `shop`, and its link's token.
async fn access(desk: &Desk, body: &str) -> (String, String) {
    let reply = desk.post("/auth/app-portal-access/shop", body.to_owned()).await.is(200);
    let url = reply.at("/url").as_str().unwrap().to_owned();
    let (site, link) = url.split_once("/link/").unwrap();
    assert_eq!(site, "http://127.0.0.1:8080");
    (reply.at("/token").as_str().unwrap().to_owned(), link.to_owned())
}

async fn stage() -> (Desk, String) {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.account("other").await;
    desk.endpoint("shop", "till", "").await;
    let event = desk.publish("shop", "a", "{}").await;
    (desk, event)
}

#[tokio::test]
async fn a_portal_token_keeps_house_in_one_account() {
    let (desk, event) = stage().await;
    let (token, _) = access(&desk, "{}").await;
    for (method, path, body, status) in [
        ("GET", "/app/shop", "", 200),
        ("PATCH", "/app/shop/settings", r#"{"retry":2}"#, 200),
        ("PATCH", "/app/shop/endpoint/till", r#"{"description":"x"}"#, 200),
        ("GET", "/app/shop/endpoint/till/secret", "", 200),
        ("GET", "/event-type", "", 200),
        ("GET", "/app/other", "", 404),
        ("GET", "/app/other/endpoint", "", 404),
        ("POST", "/app/shop/msg", r#"{"eventType":"a","payload":{}}"#, 403),
        ("DELETE", "/app/shop", "", 403),
        ("POST", "/event-type", r#"{"name":"b","description":""}"#, 403),
        ("GET", "/key", "", 403),
        ("POST", "/key", r#"{"name":"mine"}"#, 403),
        ("POST", "/auth/app-portal-access/shop", "{}", 403),
        ("POST", "/auth/app/shop/expire-all", "{}", 403),
    ] {
        let reply = with(&desk, &token, method, path, body).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text);
    }
    with(&desk, &token, "POST", &format!("/app/shop/msg/{event}/endpoint/till/resend"), "").await.is(202);
    let me = with(&desk, &token, "GET", "/auth/whoami", "").await.is(200);
    assert_eq!(me.at("/appId"), desk.get("/app/shop").await.at("/id"));
    assert!(me.at("/envId").as_str().unwrap().starts_with("org_"));
}

#[tokio::test]
async fn capabilities_narrow_a_portal() {
    let (desk, _) = stage().await;
    let cases = [
        (r#"{"readOnly":true}"#, [200, 403, 403, 403]),
        (r#"{"capabilities":["ViewBase"]}"#, [200, 403, 403, 403]),
        (r#"{"capabilities":["ViewBase","ViewEndpointSecret"]}"#, [200, 200, 403, 403]),
        (r#"{"capabilities":["ManageEndpointSecret"]}"#, [200, 200, 200, 403]),
        (r#"{"capabilities":["ViewBase","ManageEndpoint"],"readOnly":false}"#, [200, 200, 200, 200]),
        ("", [200, 200, 200, 200]),
    ];
    for (body, expected) in cases {
        let (token, _) = access(&desk, body).await;
        let asked = [
            ("GET", "/app/shop/endpoint", ""),
            ("GET", "/app/shop/endpoint/till/secret", ""),
            ("POST", "/app/shop/endpoint/till/secret/rotate", r#"{"gracePeriodSeconds":0}"#),
            ("PATCH", "/app/shop/endpoint/till", r#"{"description":"x"}"#),
        ];
        for ((method, path, sent), expected) in asked.into_iter().zip(expected) {
            let reply = with(&desk, &token, method, path, sent).await;
            let status = if reply.status == 204 { 200 } else { reply.status };
            assert_eq!(status, expected, "{body}: {method} {path}: {}", reply.text);
        }
    }
    let reply = desk.post("/auth/app-portal-access/shop", r#"{"capabilities":["ViewAll"]}"#).await;
    assert_eq!(reply.status, 422, "{}", reply.text);
}

#[tokio::test]
async fn a_link_works_once_and_ends_with_its_token() {
    let (desk, _) = stage().await;
    let (token, link) = access(&desk, r#"{"sessionId":"user_1"}"#).await;
    with(&desk, &link, "GET", "/app/shop", "").await.refused(401, "authentication_failed", "unknown");
    let nowhere = Origin::default();
    let session = desk.app.follow_link(&link, nowhere).await.unwrap();
    assert!(desk.app.follow_link(&link, nowhere).await.is_err(), "once");
    assert!(desk.app.follow_link(&token, nowhere).await.is_err(), "a token is no link");
    let session = session.expose_secret();
    let who = desk.app.session(session, None).unwrap();
    assert_eq!(desk.app.accounts(&who).unwrap().len(), 1);
    with(&desk, session, "GET", "/app/shop", "").await.refused(401, "authentication_failed", "unknown");
    with(&desk, &token, "POST", "/auth/logout", "").await.is(204);
    assert!(desk.app.session(session, None).is_err(), "it ended with its token");
    with(&desk, &token, "GET", "/app/shop", "").await.refused(401, "authentication_failed", "revoked");

    let (_, late) = access(&desk, "{}").await;
    desk.clock.advance(Duration::from_hours(1));
    assert!(desk.app.follow_link(&late, nowhere).await.is_err(), "an hour is over");
    desk.call("POST", "/auth/logout", Body::empty()).await.refused(403, "forbidden", "portal token");
}

#[tokio::test]
async fn access_ends_at_its_time_or_when_it_is_said() {
    let (desk, _) = stage().await;
    let (short, _) = access(&desk, r#"{"expiry":3600,"sessionId":"a"}"#).await;
    let (long, _) = access(&desk, r#"{"sessionId":"b"}"#).await;
    let opens = async |token: &str| with(&desk, token, "GET", "/app/shop", "").await.status == 200;
    assert!(opens(&short).await && opens(&long).await);
    desk.clock.advance(Duration::from_hours(1));
    assert!(!opens(&short).await && opens(&long).await);
    desk.post("/auth/app/shop/expire-all", r#"{"sessionIds":["a","c"]}"#).await.is(204);
    assert!(opens(&long).await);
    desk.post("/auth/app/shop/expire-all", r#"{"expiry":60}"#).await.is(204);
    assert!(opens(&long).await);
    desk.clock.advance(Duration::from_secs(60));
    assert!(!opens(&long).await);
    let reply = desk.post("/auth/app-portal-access/shop", r#"{"expiry":3599,"sessionId":"a b"}"#).await;
    reply.misfit("body.expiry", "range", "3600 to 604800");
    reply.misfit("body.sessionId", "name", "letters");
    desk.post("/auth/app-portal-access/nobody", "{}").await.refused(404, "not_found", "nobody");
    let made = desk.post("/auth/app-portal-access/new", r#"{"application":{"name":"new"}}"#).await.is(200);
    assert!(made.at("/token").as_str().unwrap().starts_with("rp_"));
}

#[tokio::test]
async fn flagged_event_types_are_seen_by_who_has_the_flag() {
    let (desk, _) = stage().await;
    desk.post("/event-type", r#"{"name":"plain","description":""}"#).await.made();
    desk.post("/event-type", r#"{"name":"new","description":"","featureFlag":"beta"}"#).await.made();
    for (body, expected) in [("{}", 1), (r#"{"featureFlags":["beta"]}"#, 2), (r#"{"featureFlags":["gamma"]}"#, 1)] {
        let (token, _) = access(&desk, body).await;
        let seen = with(&desk, &token, "GET", "/event-type", "").await.is(200);
        assert_eq!(seen.at("/data").as_array().unwrap().len(), expected, "{body}");
        let one = with(&desk, &token, "GET", "/event-type/new", "").await;
        assert_eq!(one.status, if expected == 2 { 200 } else { 404 });
    }
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked() {
    let (desk, _) = stage().await;
    let made =
        desk.post("/key", r#"{"name":"reader","scopes":["read"],"expiresAt":"2099-01-01T00:00:00Z"}"#).await.made();
    let (key, id) = (made.at("/key").as_str().unwrap().to_owned(), made.id());
    assert!(key.starts_with(made.at("/prefix").as_str().unwrap()) && key.starts_with("rk_"));
    assert_eq!((made.at("/environment"), made.at("/scopes")), ("live".into(), serde_json::json!(["read"])));
    with(&desk, &key, "GET", "/app", "").await.is(200);
    with(&desk, &key, "POST", "/app", r#"{"name":"x"}"#).await.refused(403, "forbidden", "accounts");
    let listed = desk.get("/key").await.is(200);
    assert!(!listed.text.contains(&key), "shown once");
    assert_eq!(listed.at("/data").as_array().unwrap().len(), 2, "the environment's own");
    let seen = desk.get(&format!("/key/{id}")).await.is(200);
    assert!(seen.at("/lastUsedAt").is_string() && seen.at("/revokedAt").is_null());
    desk.call("DELETE", &format!("/key/{id}"), Body::empty()).await.is(204);
    with(&desk, &key, "GET", "/app", "").await.refused(401, "authentication_failed", "revoked");
    assert!(desk.get(&format!("/key/{id}")).await.at("/revokedAt").is_string());

    let own = desk.post("/key", r#"{"name":"one","application":"shop"}"#).await.made();
    with(&desk, own.at("/key").as_str().unwrap(), "GET", "/app/other", "").await.refused(404, "not_found", "other");
    desk.post("/key", r#"{"name":"x","operator":true}"#).await.refused(403, "forbidden", "operator");
    desk.post("/key", r#"{"name":"x","scopes":["all"]}"#).await.misfit("body.scopes", "scope", "event_types");
    desk.post("/key", r#"{"name":"x","operator":true,"application":"shop"}"#).await.misfit(
        "body.environment",
        "contradiction",
        "one of",
    );
    let operators = with(&desk, OPERATOR, "GET", "/key", "").await.is(200);
    assert_eq!(operators.at("/data").as_array().unwrap().len(), 4);
    let operator =
        operators.at("/data").as_array().unwrap().iter().find(|key| key["operator"] == true).unwrap().clone();
    let path = format!("/key/{}", operator["id"].as_str().unwrap());
    desk.get(&path).await.refused(404, "not_found", "key");
    desk.call("DELETE", &path, Body::empty()).await.refused(404, "not_found", "key");
}
