//! Receivers that want to know who calls: a running server, a token server of our own, and what the log says.

use std::collections::BTreeSet;

use anyhow::Result;
use ringup_testkit::{
    receiver::{Answer, Receiver},
    token_server::TokenServer,
};
use serde_json::{Value, json};

use crate::stage::{ACCOUNT, Entry, SOON, Stage};

async fn authorise(stage: &Stage, endpoint: &str, authorization: &Value) -> Result<Value> {
    let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}/authorization");
    stage.client.put(&path, authorization).await?.expect(200)?.json()
}

fn oauth(server: &TokenServer) -> Value {
    json!({"kind": "oauth2", "tokenUrl": server.url(), "clientId": "till-7", "clientSecret": "s3cret-of-till-7"})
}

#[tokio::test]
async fn an_oauth_receiver_gets_one_token_for_many_and_a_new_one_after_a_401() -> Result<()> {
    let stage = Stage::open("oauth").await?;
    let server = TokenServer::start("till-7", "s3cret-of-till-7").await?;
    let receiver = Receiver::start(server.door()).await?;
    let endpoint = stage.endpoint(&receiver.url("/hook")).await?;
    let shown = authorise(&stage, &endpoint, &oauth(&server)).await?;
    assert!(!shown.to_string().contains("s3cret"), "{shown}");

    for number in 0..10 {
        stage.publish("invoiceCreated", number).await?;
    }
    receiver.wait_ended(10, SOON).await?;
    assert_eq!(server.issued(), 1, "the token is kept");

    server.revoke();
    let event = stage.publish("invoiceCreated", 10).await?;
    assert_eq!(stage.ended_one(&event).await?, "delivered");
    let statuses: Vec<_> = receiver.requests().iter().skip(10).filter_map(|request| request.status).collect();
    assert_eq!((statuses, server.issued()), (vec![401, 200], 2), "renewed once and sent again at once");
    let attempts = stage.attempts_when(&event, 1).await?;
    assert_eq!(attempts.len(), 1, "and that is one attempt, not a repeat");
    assert_eq!(Entry::of(&attempts[0]).status, 200);
    let ids: BTreeSet<_> = receiver.requests().iter().map(|request| request.id().to_owned()).collect();
    assert_eq!(ids.len(), 11);
    Ok(())
}

#[tokio::test]
async fn a_failing_token_call_is_a_failed_attempt_with_its_own_cause() -> Result<()> {
    let stage = Stage::open("oauth-fails").await?;
    let server = TokenServer::start("till-7", "s3cret-of-till-7").await?;
    let receiver = Receiver::start(server.door()).await?;
    let endpoint = stage.endpoint(&receiver.url("/hook")).await?;
    authorise(&stage, &endpoint, &oauth(&server)).await?;

    // A 503 of the token server is repeated as one of the receiver would be.
    server.answer_instead(Some(Answer::status(503)));
    let event = stage.publish("invoiceCreated", 1).await?;
    let attempts = stage.attempts_when(&event, 1).await?;
    let entry = Entry::of(&attempts[0]);
    let error = Some("token_refused".to_owned());
    assert_eq!(entry, Entry { status: 0, outcome: "unreachable".to_owned(), timed_out: false, error: error.clone() });
    let said = Some(attempts[0].response.as_str());
    assert_eq!(said, Some("the token server answered 503"));
    assert_eq!(stage.ended_one(&event).await?, "exhausted");
    assert_eq!(stage.attempts(&event).await?.len(), 2);

    // Wrong credentials are not.
    server.answer_instead(Some(Answer::status(401).body(r#"{"error":"invalid_client"}"#)));
    let event = stage.publish("invoiceCreated", 2).await?;
    assert_eq!(stage.ended_one(&event).await?, "not_repeated");
    let attempts = stage.attempts_when(&event, 1).await?;
    assert_eq!((attempts.len(), Entry::of(&attempts[0]).error), (1, error));
    assert_eq!(receiver.count(), 0, "nobody is called without a token");

    let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}/authorization/try");
    let tried = stage.client.post(&path, &json!({})).await?.expect(200)?.json()?;
    assert_eq!((&tried["ok"], &tried["error"]), (&json!(false), &json!("token_refused")));
    assert_eq!(tried["detail"], "the token server answered 401: invalid_client");
    server.answer_instead(None);
    let tried = stage.client.post(&path, &json!({})).await?.expect(200)?.json()?;
    assert_eq!((&tried["ok"], &tried["expiresIn"]), (&json!(true), &json!(3_600)));
    Ok(())
}

#[tokio::test]
async fn fixed_credentials_stand_in_every_request() -> Result<()> {
    let stage = Stage::open("authorization").await?;
    for (authorization, name, expected) in [
        (json!({"kind": "header", "name": "X-Api-Key", "value": "k3y"}), "x-api-key", "k3y"),
        (json!({"kind": "basic", "username": "till", "password": "p:ss"}), "authorization", "Basic dGlsbDpwOnNz"),
        (json!({"kind": "bearer", "token": "t0ken"}), "authorization", "Bearer t0ken"),
    ] {
        let receiver = Receiver::start(200).await?;
        let headers = json!({"url": receiver.url("/"), "headers": {"authorization": "old", "x-other": "1"}});
        let endpoint = stage.endpoint_of(ACCOUNT, &headers).await?;
        let shown = authorise(&stage, &endpoint, &authorization).await?;
        assert!(!shown.to_string().contains(expected), "{shown}");
        let event = stage.publish("invoiceCreated", 1).await?;
        let request = receiver.wait_ended(1, SOON).await?.remove(0);
        assert_eq!(
            (request.id(), request.header(name), request.header("x-other")),
            (&*event, Some(expected), Some("1"))
        );
        let same = request.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).count();
        assert_eq!(same, 1, "it takes the place of a header of the same name");
    }
    Ok(())
}
