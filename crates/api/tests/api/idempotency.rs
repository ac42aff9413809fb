//! The same publish twice.

use std::time::Duration;

use crate::desk::{Desk, Reply};

async fn publish(desk: &Desk, account: &str, key: &str, body: &str) -> Reply {
    let bearer = format!("Bearer {}", desk.key);
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", key)];
    desk.send("POST", &format!("/app/{account}/msg"), &headers, body.to_owned()).await
}

const BODY: &str = r#"{"eventType":"sale","payload":{"n":1}}"#;

#[tokio::test]
async fn the_same_key_and_request_is_answered_as_the_first_time() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "erp", "").await;
    let first = publish(&desk, "shop", "auto_1", BODY).await.is(202);
    desk.clock.advance(Duration::from_secs(5));
    let second = publish(&desk, "shop", "auto_1", BODY).await.is(202);
    assert_eq!(first.text, second.text);
    assert_eq!(desk.heard.accepted().len(), 1, "nothing was done twice");
    let third = publish(&desk, "shop", "auto_2", BODY).await.is(202);
    assert_ne!(first.id(), third.id());
    desk.account("other").await;
    assert_ne!(publish(&desk, "other", "auto_1", BODY).await.is(202).id(), first.id(), "keys are an account's own");
}

#[tokio::test]
async fn the_same_key_for_something_else_is_a_mistake() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let id = publish(&desk, "shop", "k", BODY).await.is(202).id();
    for other in [
        r#"{"eventType":"sale","payload":{"n":2}}"#,
        r#"{"eventType":"sale","payload":{"n": 1}}"#,
        r#"{"eventType":"refund","payload":{"n":1}}"#,
        r#"{"eventType":"sale","eventId":"x","payload":{"n":1}}"#,
        r#"{"eventType":"sale","channels":["x"],"payload":{"n":1}}"#,
    ] {
        publish(&desk, "shop", "k", other).await.refused(409, "conflict", &id);
    }
}

#[tokio::test]
async fn keys_are_forgotten_after_the_window() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let first = publish(&desk, "shop", "k", BODY).await.is(202).id();
    desk.clock.advance(Duration::from_hours(25));
    assert_ne!(publish(&desk, "shop", "k", BODY).await.is(202).id(), first);
}

#[tokio::test]
async fn a_taken_event_id_names_who_has_it() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let body = r#"{"eventType":"sale","eventId":"inv-7","payload":{}}"#;
    let id = desk.post("/app/shop/msg", body).await.is(202).id();
    desk.post("/app/shop/msg", body).await.refused(409, "conflict", &id);
    assert_eq!(
        publish(&desk, "shop", "k1", r#"{"eventType":"sale","eventId":"inv-8","payload":{}}"#).await.status,
        202
    );
    let again = publish(&desk, "shop", "k1", r#"{"eventType":"sale","eventId":"inv-8","payload":{}}"#).await;
    assert_eq!(again.status, 202, "the key is looked at before the id");
    desk.account("other").await;
    desk.post("/app/other/msg", body).await.is(202);
}

#[tokio::test]
async fn a_key_that_cannot_be_one_is_refused() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    for key in ["", "two words", "\u{e9}", &"k".repeat(257)] {
        publish(&desk, "shop", key, BODY).await.misfit("header.idempotency-key", "name", "visible ASCII");
    }
    publish(&desk, "shop", &"k".repeat(256), BODY).await.is(202);
}

#[tokio::test]
async fn a_repeated_change_is_done_once() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let bearer = format!("Bearer {}", desk.key);
    let send = async |key: &str, path: &str, body: &str| {
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", key)];
        desk.send("POST", path, &headers, body.to_owned()).await
    };
    let body = r#"{"name":"without a uid"}"#;
    let first = send("k1", "/app", body).await.is(201);
    assert_eq!(send("k1", "/app", body).await.is(201).text, first.text);
    assert_eq!(desk.get("/app").await.at("/data").as_array().unwrap().len(), 2, "nothing was made twice");
    send("k1", "/app", r#"{"name":"other"}"#).await.refused(409, "conflict", "another request");
    send("k1", "/app?get_if_exists=true", body).await.refused(409, "conflict", "another request");
    send("k2", "/app", body).await.is(201);

    let endpoint = r#"{"url":"https://example.com/","uid":"erp"}"#;
    let made = send("k3", "/app/shop/endpoint", endpoint).await.is(201);
    assert_eq!(send("k3", "/app/shop/endpoint", endpoint).await.is(201).text, made.text);
    send("k4", "/app/shop/endpoint", endpoint).await.refused(409, "conflict", "erp");

    send("k5", "/app/shop/endpoint/erp/secret/rotate", "{}").await.is(200);
    let secret = desk.get("/app/shop/endpoint/erp/secret").await.text;
    send("k5", "/app/shop/endpoint/erp/secret/rotate", "{}").await.is(200);
    assert_eq!(desk.get("/app/shop/endpoint/erp/secret").await.text, secret, "rotated once");

    let nobody = [("authorization", "Bearer wrong"), ("idempotency-key", "k1")];
    desk.send("POST", "/app", &nobody, body.to_owned()).await.refused(401, "authentication_failed", "");
}

#[tokio::test]
async fn two_at_once_with_one_key_make_one() {
    let desk = Desk::open().await;
    let bearer = format!("Bearer {}", desk.key);
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k")];
    let send = || desk.send("POST", "/app", &headers, r#"{"name":"shop"}"#);
    let (one, two) = tokio::join!(send(), send());
    assert_eq!((one.is(201).text, desk.get("/app").await.at("/data").as_array().unwrap().len()), (two.text, 1));
}

#[tokio::test]
async fn a_change_that_failed_for_want_of_the_store_is_tried_again() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    use ringup_store::memory::{Failure, Fault, MemoryStore, Operation, Plan};
    let broken = Arc::new(AtomicBool::new(false));
    let faults = {
        let broken = broken.clone();
        Arc::new(move |operation| {
            let fails = operation == Operation::Change && broken.load(SeqCst);
            Fault { failure: fails.then_some(Failure::BeforeCommit), ..Fault::default() }
        })
    };
    let desk = Desk::with(MemoryStore::new(Plan { faults, linger: None, ..Plan::default() }), false).await;
    let bearer = format!("Bearer {}", desk.key);
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k")];
    broken.store(true, SeqCst);
    desk.send("POST", "/app", &headers, r#"{"name":"shop"}"#).await.refused(503, "unavailable", "");
    broken.store(false, SeqCst);
    desk.send("POST", "/app", &headers, r#"{"name":"shop"}"#).await.is(201);
}

#[tokio::test(start_paused = true)]
async fn a_change_is_carried_through_when_its_asker_hangs_up() {
    use std::sync::Arc;

    use ringup_store::memory::{Fault, MemoryStore, Operation, Plan};
    let stall = Duration::from_secs(3);
    let faults = Arc::new(move |operation| Fault {
        stall_after: if operation == Operation::Change { stall } else { Duration::ZERO },
        ..Fault::default()
    });
    let desk = Desk::with(MemoryStore::new(Plan { faults, linger: None, ..Plan::default() }), false).await;
    for (uid, method, path) in [("one", "POST", "/app"), ("two", "PUT", "/app/two")] {
        let body = format!(r#"{{"name":"{uid}","uid":"{uid}"}}"#);
        let asked = tokio::time::timeout(stall / 2, desk.call(method, path, body)).await;
        assert!(asked.is_err(), "it hung up while the change was stored");
        tokio::time::advance(stall).await;
        // The next change waits for the one under way.
        desk.call("PATCH", &format!("/app/{uid}"), r#"{"name":"seen"}"#).await.is(200);
    }
}
