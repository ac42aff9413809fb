//! The API client, against a scripted receiver that plays the server.

use std::time::Duration;

use anyhow::Result;
use ringup_testkit::{
    client::Client,
    receiver::{Answer, Gate, Receiver, Script},
};
use serde_json::{Value, json};

fn attempt(id: &str) -> Value {
    json!({"id": id, "msgId": "msg_1", "endpointId": "ep_1", "url": "http://x/", "response": "", "status": 2,
        "responseStatusCode": 500, "triggerType": 0, "timestamp": "2026-01-01T00:00:00Z", "cause": "none"})
}

#[tokio::test]
async fn a_payload_travels_untouched_on_one_connection() -> Result<()> {
    let server = Receiver::start(Answer::status(202).body(r#"{"id":"msg_1"}"#)).await?;
    let client = Client::new(server.address(), "key");
    let payload = r#"{ "a":1.0,"a" : 1e400, "ü": "\u0000" }"#;
    client.publish_accepted("shop", "invoice\"Created", payload).await?;
    client.publish("shop", "t", payload, Some("e1")).await?.expect(202)?;

    let requests = server.requests();
    assert_eq!((requests[0].method.as_str(), requests[0].target.as_str()), ("POST", "/api/v1/app/shop/msg"));
    assert_eq!(requests[0].header("authorization"), Some("Bearer key"));
    assert_eq!(requests[0].text(), format!(r#"{{"eventType":"invoice\"Created","payload":{payload}}}"#));
    assert_eq!(requests[1].text(), format!(r#"{{"eventType":"t","eventId":"e1","payload":{payload}}}"#));
    assert_eq!(server.connections(), 1);
    Ok(())
}

#[tokio::test]
async fn a_listing_is_read_to_its_last_page() -> Result<()> {
    let server = Receiver::start(Script::by(|request| {
        let second = request.target.ends_with("&iterator=a%2Fb");
        let page = if second {
            json!({"data": [attempt("atmpt_3")], "iterator": "end", "done": true})
        } else {
            json!({"data": [attempt("atmpt_1"), attempt("atmpt_2")], "iterator": "a/b", "done": false})
        };
        Answer::status(200).body(page.to_string())
    }))
    .await?;
    let attempts = Client::new(server.address(), "key").attempts_of_event("shop", "msg_1").await?;
    let ids: Vec<&str> = attempts.iter().map(|attempt| attempt.id.as_str()).collect();
    assert_eq!(ids, ["atmpt_1", "atmpt_2", "atmpt_3"]);
    assert_eq!((attempts[0].response_status_code, attempts[0].rest["cause"].as_str()), (500, Some("none")));
    Ok(())
}

#[tokio::test]
async fn an_unexpected_status_shows_the_answer() -> Result<()> {
    let server = Receiver::start(Answer::status(422).body("no such thing")).await?;
    let error = Client::new(server.address(), "key").create_app("shop").await.expect_err("422 is no success");
    assert_eq!(error.to_string(), "expected 2xx, got 422: no such thing");
    Ok(())
}

#[tokio::test]
async fn a_call_without_an_answer_ends_and_the_next_one_works() -> Result<()> {
    let gate = Gate::closed();
    let server = Receiver::start(Answer::status(200).gated(&gate)).await?;
    let client = Client::anonymous(server.address()).within(Duration::from_millis(20));
    let error = client.health().await.expect_err("the gate is closed");
    assert!(error.to_string().starts_with("GET /api/v1/health at "), "{error:#}");
    gate.open();
    let client = client.within(Duration::from_secs(10));
    assert_eq!(client.health().await?.expect(200)?.status, 200);
    assert!(server.requests().iter().all(|request| request.header("authorization").is_none()));
    Ok(())
}
