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
