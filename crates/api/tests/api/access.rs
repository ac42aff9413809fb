//! Who may come in, and what everyone gets.

use axum::body::Body;
use ringup_app::{KeyPlace, KeyRequest, Principal};
use ringup_core::key::EnvironmentKey;
use secrecy::ExposeSecret as _;

use crate::desk::{Desk, OPERATOR};

fn operator() -> Principal {
    Principal::at_the_machine(EnvironmentKey(0))
}

#[tokio::test]
async fn without_a_known_key_nothing_is_answered() {
    let desk = Desk::open().await;
    let cases: [&[(&str, &str)]; 6] = [
        &[],
        &[("authorization", "Bearer wrong")],
        &[("authorization", "Bearer ")],
        &[("authorization", "Basic b3BlcmF0b3I6a2V5")],
        &[("authorization", OPERATOR)],
        &[("authorization", "Bearer \u{e9}")],
    ];
    for headers in cases {
        let reply = desk.send("GET", "/app", headers, Body::empty()).await;
        reply.refused(401, "authentication_failed", "");
        assert_eq!(reply.headers["www-authenticate"], "Bearer");
    }
    desk.send("GET", "/app", &[("authorization", &format!("bearer {}", desk.key))], Body::empty()).await.is(200);
}

#[tokio::test]
async fn an_operator_acts_in_live_unless_told_otherwise() {
    let desk = Desk::open().await;
    desk.app.create_environment(&operator(), "sandbox", false).await.unwrap();
    desk.account("shop").await;
    let bearer = format!("Bearer {OPERATOR}");
    let get = |environment: Option<&'static str>| {
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(environment.map(|name| ("ringup-environment", name)));
        let desk = &desk;
        async move { desk.send("GET", "/app/shop", &headers, Body::empty()).await }
    };
    get(None).await.is(200);
    get(Some("live")).await.is(200);
    get(Some("sandbox")).await.refused(404, "not_found", "application \"shop\" not found");
    get(Some("moon")).await.refused(404, "not_found", "environment \"moon\" not found");
}

#[tokio::test]
async fn a_key_of_one_environment_stays_there() {
    let desk = Desk::open().await;
    desk.app.create_environment(&operator(), "sandbox", false).await.unwrap();
    let key = desk.app.create_key(&operator(), KeyRequest::of_environment("sandbox", "theirs")).await.unwrap();
    let id = desk.account("shop").await;
    let bearer = format!("Bearer {}", key.token.expose_secret());
    for name in ["shop", id.as_str()] {
        let path = format!("/app/{name}");
        for method in ["GET", "DELETE"] {
            let reply = desk.send(method, &path, &[("authorization", &bearer)], Body::empty()).await;
            reply.refused(404, "not_found", name);
        }
    }
    let elsewhere = [("authorization", bearer.as_str()), ("ringup-environment", "live")];
    desk.send("GET", "/app", &elsewhere, Body::empty()).await.refused(403, "forbidden", "another environment");
    let at_home = [("authorization", bearer.as_str()), ("ringup-environment", "sandbox")];
    desk.send("GET", "/app", &at_home, Body::empty()).await.is(200);
}

#[tokio::test]
async fn a_revoked_key_opens_nothing() {
    let desk = Desk::open().await;
    let key = desk.app.create_key(&operator(), KeyRequest::of_environment("live", "short")).await.unwrap();
    let bearer = format!("Bearer {}", key.token.expose_secret());
    desk.send("GET", "/app", &[("authorization", &bearer)], Body::empty()).await.is(200);
    desk.app.revoke_key(&operator(), &key.key.id.to_string()).await.unwrap();
    desk.send("GET", "/app", &[("authorization", &bearer)], Body::empty()).await.refused(
        401,
        "authentication_failed",
        "revoked",
    );
    assert!(!format!("{key:?}").contains(key.token.expose_secret()), "keys do not print");
}

#[tokio::test]
async fn only_an_operator_makes_environments_and_operators() {
    let desk = Desk::open().await;
    let ordinary = desk.app.authenticate(&desk.key, None).unwrap();
    let operators = KeyRequest { place: KeyPlace::Operator, ..KeyRequest::of_environment("", "x") };
    assert!(desk.app.create_key(&ordinary, operators).await.is_err());
    assert!(desk.app.create_key(&ordinary, KeyRequest::of_environment("sandbox", "x")).await.is_err());
    assert_eq!(desk.app.keys(&ordinary).unwrap().len(), 1, "its own");
    assert!(desk.app.create_environment(&ordinary, "mine", false).await.is_err());
    assert_eq!(desk.app.keys(&operator()).unwrap().len(), 2);
    assert!(desk.app.create_environment(&operator(), "live", false).await.is_err(), "it exists");
    assert!(desk.app.create_environment(&operator(), "no spaces", false).await.is_err());
    let second = desk.app.first_start(None, false).await.unwrap();
    assert!(second.environment.is_none() && second.key.is_none(), "only the first start makes something");
}

#[tokio::test]
async fn every_answer_names_the_request() {
    let desk = Desk::open().await;
    let first = desk.get("/app").await.headers["x-request-id"].clone();
    let second = desk.get("/nowhere").await.headers["x-request-id"].clone();
    assert!(first.to_str().unwrap().starts_with("req_") && first != second);
    let named = desk.send("GET", "/app", &[("x-request-id", "till-7.42")], Body::empty()).await;
    assert_eq!((named.status, named.headers["x-request-id"].to_str().unwrap()), (401, "till-7.42"));
    for odd in ["", "two words", "<script>", "\"quoted\"", &"x".repeat(129)] {
        let reply = desk.send("GET", "/app", &[("x-request-id", odd)], Body::empty()).await;
        assert!(reply.headers["x-request-id"].to_str().unwrap().starts_with("req_"), "{odd}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_in_json() {
    let desk = Desk::open().await;
    desk.get("/nowhere").await.refused(404, "not_found", "/api/v1/nowhere");
    desk.get("/app/x/y/z").await.refused(404, "not_found", "there is nothing");
    desk.get("/app/%ff").await.refused(404, "not_found", "there is nothing");
    let reply = desk.call("DELETE", "/app", Body::empty()).await;
    reply.refused(405, "method_not_allowed", "DELETE");
    let allow = reply.headers["allow"].to_str().unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    assert_eq!(reply.headers["content-type"], "application/json");
}

#[tokio::test]
async fn a_trailing_slash_makes_no_difference() {
    let desk = Desk::open().await;
    desk.post("/app/", r#"{"name":"shop","uid":"shop"}"#).await.made();
    for path in ["/app/", "/app/shop/", "/app/shop/endpoint/", "/event-type/", "/app/shop/msg/"] {
        desk.get(path).await.is(200);
    }
    desk.get("/health/").await.is(204);
}

#[tokio::test]
async fn health_needs_no_key_and_says_why_it_is_bad() {
    let desk = Desk::open().await;
    for path in ["/health", "/health/ping"] {
        for method in ["GET", "HEAD"] {
            let reply = desk.send(method, path, &[], Body::empty()).await.is(204);
            assert_eq!(reply.text, "");
        }
    }
    *desk.well.lock().unwrap() = Err("the disk is full".to_owned());
    let reply = desk.send("GET", "/health", &[], Body::empty()).await;
    reply.refused(503, "unavailable", "the disk is full");
    assert_eq!(reply.headers["retry-after"], "1");
}
