//! What every request meets at the door: limits, other people's scripts, misspelt fields, old routes, the document.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request};
use ringup_api::{LimitPlan, Plan};
use ringup_core::delivery::After;
use ringup_store::log_entry::{AttemptResult, OutcomeWord};
use tokio::sync::Notify;
use tower::ServiceExt as _;

use crate::desk::{BODY_BYTES_MAX, Desk, Reply};

/// The same house behind a door of this plan.
fn behind(desk: &Desk, plan: Plan) -> Desk {
    let router = ringup_api::router(desk.app.clone(), plan, Arc::new(|| Ok(())));
    Desk {
        app: desk.app.clone(),
        store: desk.store.clone(),
        router,
        clock: desk.clock.clone(),
        heard: desk.heard.clone(),
        well: desk.well.clone(),
        key: desk.key.clone(),
    }
}

fn limited(limits: LimitPlan) -> Plan {
    Plan { limits, ..Plan::new(BODY_BYTES_MAX) }
}

/// A request that is being served until its handle is aborted: its body never comes.
async fn hold(desk: &Desk) -> tokio::task::JoinHandle<()> {
    let asked = Arc::new(Notify::new());
    let never = stream::poll_fn({
        let asked = asked.clone();
        move |_| {
            asked.notify_one();
            Poll::<Option<Result<Bytes, std::io::Error>>>::Pending
        }
    });
    let request = Request::post("/api/v1/app").header("authorization", format!("Bearer {}", desk.key));
    let request = request.body(Body::from_stream(never)).expect("a request");
    let router: Router = desk.router.clone();
    let held = tokio::spawn(async move { drop(router.oneshot(request).await) });
    // It has its place once it is waiting for the body.
    asked.notified().await;
    held
}

#[track_caller]
fn says_when_to_ask_again(reply: &Reply) {
    let seconds = reply.headers["retry-after"].to_str().expect("a text").parse::<u64>().expect("seconds");
    assert!(seconds >= 1, "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn a_key_makes_so_many_requests_a_second() {
    let desk = Desk::open().await;
    let limits = LimitPlan { key_requests_per_second: NonZeroU32::new(2), ..LimitPlan::default() };
    let desk = behind(&desk, limited(limits));
    desk.get("/app").await.is(200);
    desk.get("/app").await.is(200);
    let refused = desk.get("/app").await;
    refused.refused(429, "too_many_requests", "2 requests a second");
    says_when_to_ask_again(&refused);
    let other = [("authorization", "Bearer operator-key-for-tests")];
    desk.send("GET", "/app", &other, Body::empty()).await.is(200);
    desk.send("GET", "/health", &[], Body::empty()).await.is(204);
    tokio::time::advance(Duration::from_secs(1)).await;
    desk.get("/app").await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_counted_once_however_often_its_key_is_looked_at() {
    let desk = Desk::open().await;
    let limits = LimitPlan { key_requests_per_second: NonZeroU32::new(1), key_requests_max: 1, ..LimitPlan::default() };
    let desk = behind(&desk, limited(limits));
    // With an idempotency key it is known before the handler asks who it is.
    let bearer = format!("Bearer {}", desk.key);
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "one")];
    desk.send("POST", "/app", &headers, r#"{"name":"shop"}"#).await.made();
}

#[tokio::test(start_paused = true)]
async fn a_key_has_so_many_requests_served_at_a_time() {
    let desk = Desk::open().await;
    let desk = behind(&desk, limited(LimitPlan { key_requests_max: 1, ..LimitPlan::default() }));
    let held = hold(&desk).await;
    let refused = desk.get("/app").await;
    refused.refused(429, "too_many_requests", "1 requests at a time");
    says_when_to_ask_again(&refused);
    let other = [("authorization", "Bearer operator-key-for-tests")];
    desk.send("GET", "/app", &other, Body::empty()).await.is(200);
    held.abort();
    let _ = held.await;
    // What changes the configuration is carried through; its body is given up after the time it has. The clock of this test
    // stands still, so that time passes at once.
    tokio::time::sleep(Duration::from_secs(30)).await;
    desk.get("/app").await.is(200);
}

#[tokio::test(start_paused = true)]
async fn so_many_requests_are_served_at_a_time() {
    let desk = Desk::open().await;
    let desk = behind(&desk, limited(LimitPlan { requests_max: 1, ..LimitPlan::default() }));
    let held = hold(&desk).await;
    let refused = desk.get("/app").await;
    refused.refused(503, "busy", "1 requests are being served");
    says_when_to_ask_again(&refused);
    desk.send("GET", "/health", &[], Body::empty()).await.is(204);
    held.abort();
    let _ = held.await;
    desk.get("/app").await.is(200);
}

#[tokio::test]
async fn scripts_of_other_sites_may_not_ask_unless_named() {
    let desk = Desk::open().await;
    let preflight =
        [("origin", "https://shop.example"), ("access-control-request-method", "POST"), ("x-request-id", "r")];
    let reply = desk.send("OPTIONS", "/app", &preflight, Body::empty()).await;
    reply.refused(405, "method_not_allowed", "OPTIONS");
    assert!(!reply.headers.contains_key("access-control-allow-origin"));

    let origins = vec!["https://shop.example".parse().expect("a header")];
    let desk = behind(&desk, Plan { cors_origins: origins, ..Plan::new(BODY_BYTES_MAX) });
    let reply = desk.send("OPTIONS", "/app", &preflight, Body::empty()).await.is(200);
    assert_eq!(reply.headers["access-control-allow-origin"], "https://shop.example");
    let headers = reply.headers["access-control-allow-headers"].to_str().expect("a text");
    for header in ["authorization", "idempotency-key", "svix-req-id"] {
        assert!(headers.contains(header), "{header} is not in {headers}");
    }
    let bearer = format!("Bearer {}", desk.key);
    for (origin, allowed) in [("https://shop.example", true), ("https://evil.example", false)] {
        let headers = [("authorization", bearer.as_str()), ("origin", origin)];
        let reply = desk.send("GET", "/app", &headers, Body::empty()).await.is(200);
        assert_eq!(reply.headers.contains_key("access-control-allow-origin"), allowed, "{origin}");
    }
}

#[tokio::test]
async fn fields_that_look_misspelt_are_named_and_accepted() {
    let desk = Desk::open().await;
    let named =
        |reply: Reply| reply.headers.get("ringup-unknown-fields").map(|value| value.to_str().unwrap().to_owned());
    let reply = desk.post("/app", r#"{"name":"shop","uid":"shop","metdata":{},"region":"eu"}"#).await.made();
    assert_eq!(named(reply).as_deref(), Some("metdata (metadata?)"));
    let bearer = format!("Bearer {}", desk.key);
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k")];
    let reply = desk.send("POST", "/app/shop/endpoint", &headers, r#"{"url":"https://a.example/","chanels":[]}"#).await;
    assert_eq!(named(reply.made()).as_deref(), Some("chanels (channels?)"));
    let reply = desk.post("/app/shop/msg", r#"{"eventType":"sale","payload":{},"event_id":"e","tags":[]}"#).await;
    assert_eq!(named(reply.is(202)).as_deref(), Some("event_id (eventId?)"));
    let reply = desk.post("/app/shop/msg", r#"{"eventType":"sale","payload":{},"tags":["a"]}"#).await.is(202);
    assert_eq!(named(reply), None, "what SDKs send is no misspelling");
}

#[tokio::test]
async fn old_sdks_find_the_attempts_where_they_look() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let endpoint = desk.endpoint("shop", "erp", "").await;
    let event = desk.publish("shop", "sale", "{}").await;
    let answered = AttemptResult { outcome: OutcomeWord::Delivered, status: Some(200), detail: None };
    desk.attempt_all(answered, After::Delivered, "ok").await;
    for (old, new) in [
        (format!("/app/shop/msg/{event}/attempt/"), format!("/app/shop/attempt/msg/{event}")),
        (format!("/app/shop/endpoint/{endpoint}/attempt/"), format!("/app/shop/attempt/endpoint/{endpoint}")),
    ] {
        let (old, new) = (desk.get(&old).await.is(200), desk.get(&new).await.is(200));
        assert_eq!(old.json(), new.json());
        assert_eq!(old.at("/data/0/msgId"), event);
        assert!(old.headers["deprecation"].to_str().unwrap().starts_with('@'));
        assert!(old.headers["link"].to_str().unwrap().contains("rel=\"deprecation\""));
        assert!(!new.headers.contains_key("deprecation"));
    }
}

#[tokio::test]
async fn the_document_is_served_to_everybody() {
    let desk = Desk::open().await;
    let reply = desk.send("GET", "/openapi.json", &[], Body::empty()).await.is(200);
    assert_eq!(reply.headers["content-type"], "application/json");
    assert_eq!(reply.at("/openapi"), "3.1.0");
    assert_eq!(reply.json(), ringup_api::document());
    let request = Request::get("/openapi.json").body(Body::empty()).expect("a request");
    let at_the_root = desk.router.clone().oneshot(request).await.expect("routers answer");
    assert_eq!(at_the_root.status(), 200);
}

/// Every operation that SDKs can ask for: in our document, or answered 501 with what to use instead.
#[tokio::test]
async fn what_sdks_can_ask_for_is_there_or_said_not_to_be() {
    let desk = Desk::open().await;
    let document = ringup_api::document();
    let shape = |path: &str| -> String {
        path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/")
    };
    let paths = document["paths"].as_object().expect("paths");
    let ours: Vec<_> = paths
        .iter()
        .flat_map(|(path, item)| item.as_object().expect("methods").keys().map(move |method| (method.as_str(), path)))
        .map(|(method, path)| (method, shape(path)))
        .collect();
    let list = include_str!("../../../../assets/svix/operations.txt");
    let mut refused = 0;
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let (method, path, name) = (words[0], shape(words[1]), words[2]);
        let is_ours = ours.iter().any(|(our_method, our_path)| *our_method == method && *our_path == path);
        for path in [path.clone(), format!("{path}/")] {
            let method: Method = method.to_uppercase().parse().expect("a method");
            let request = Request::builder().method(method).uri(&path);
            let request = request.header("authorization", format!("Bearer {}", desk.key)).body(Body::empty());
            let response = desk.router.clone().oneshot(request.expect("a request")).await.expect("routers answer");
            assert_eq!(response.status() == 501, !is_ours, "{name} is answered {}", response.status());
        }
        refused += usize::from(!is_ours);
    }
    assert!(refused > 0, "nothing was asked");
    let reply = desk.post("/app/x/integration", "{}").await;
    reply.refused(501, "not_implemented", "v1.integration.create is not implemented here; create a key");
}
