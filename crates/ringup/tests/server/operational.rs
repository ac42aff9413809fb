//! An environment's owner hears of endpoints that change and of messages that do not arrive.

use anyhow::{Context, Result};
use ringup_testkit::receiver::{Received, Receiver};
use serde_json::{Value, json};

use crate::stage::{ACCOUNT, SOON, Stage, eventually};

const LIST: &str = "/api/v1/operational-webhook/endpoint";

fn told(request: &Received) -> Result<Value> {
    serde_json::from_slice(&request.body).context("a JSON payload")
}

/// What was told so far, without the order in which it came.
fn kinds(receiver: &Receiver) -> Result<Vec<String>> {
    let mut kinds = Vec::new();
    for request in receiver.requests() {
        kinds.push(told(&request)?["type"].as_str().context("a type")?.to_owned());
    }
    kinds.sort();
    Ok(kinds)
}

async fn of_kind(receiver: &Receiver, kind: &str) -> Result<Value> {
    eventually(&format!("to be told {kind}"), async || {
        for request in receiver.requests() {
            let told = told(&request)?;
            if told["type"] == kind {
                return Ok(Ok(told["data"].clone()));
            }
        }
        Ok(Err(kinds(receiver)?))
    })
    .await
}

#[tokio::test]
async fn what_happens_to_endpoints_and_messages_is_told_once_and_signed() -> Result<()> {
    let stage = Stage::open("operational").await?;
    let ops = Receiver::start(200).await?;
    let made = stage.client.post(LIST, &json!({"url": ops.url("/ops")})).await?.expect(201)?;
    let operational = made.id()?;

    let shop = Receiver::start(500).await?;
    let endpoint = stage.endpoint(&shop.url("/")).await?;
    let created = of_kind(&ops, "endpoint.created").await?;
    assert_eq!((&created["appUid"], &created["endpointId"]), (&json!(ACCOUNT), &json!(endpoint)), "{created}");

    // One repeat, then it has failed; sent again well, it has recovered.
    let event = stage.publish("invoiceCreated", 1).await?;
    assert_eq!(stage.ended_one(&event).await?, "exhausted");
    let exhausted = of_kind(&ops, "message.attempt.exhausted").await?;
    assert_eq!(exhausted["endpointId"], json!(endpoint));
    assert!(exhausted.to_string().contains(&event), "{exhausted}");
    let last = stage.attempts(&event).await?.last().map(|attempt| attempt.id.clone());
    assert_eq!(exhausted["lastAttempt"]["id"].as_str(), last.as_deref(), "{exhausted}");
    assert_eq!(exhausted["lastAttempt"]["responseStatusCode"], 500);
    shop.set_script(200);
    stage.client.resend(ACCOUNT, &event, &endpoint).await?.expect(202)?;
    let recovered = of_kind(&ops, "message.attempt.recovered").await?;
    assert!(recovered.to_string().contains(&event), "{recovered}");

    let path = format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}");
    stage.client.patch(&path, &json!({"description": "till"})).await?.success()?;
    of_kind(&ops, "endpoint.updated").await?;
    shop.set_script(410);
    stage.publish("invoiceCreated", 2).await?;
    let disabled = of_kind(&ops, "endpoint.disabled").await?;
    assert_eq!(disabled["trigger"], "automatic", "{disabled}");
    stage.client.patch(&path, &json!({"disabled": false})).await?.success()?;
    of_kind(&ops, "endpoint.enabled").await?;
    stage.client.delete(&path).await?.expect(204)?;
    of_kind(&ops, "endpoint.deleted").await?;

    for request in ops.requests() {
        assert!(request.id().starts_with("msg_") && request.header("webhook-signature").is_some());
    }
    // What a 410 ended was told, too; nothing was told twice, and nothing about the one who is told.
    let expected = [
        "endpoint.created",
        "endpoint.deleted",
        "endpoint.disabled",
        "endpoint.enabled",
        "endpoint.updated",
        "message.attempt.exhausted",
        "message.attempt.exhausted",
        "message.attempt.recovered",
    ];
    eventually("all that was to be told", async || {
        let kinds = kinds(&ops)?;
        Ok(if kinds == expected { Ok(()) } else { Err(kinds) })
    })
    .await?;
    stage.client.get(&format!("/api/v1/app/{ACCOUNT}/endpoint/{operational}")).await?.expect(404)?;
    Ok(())
}

#[tokio::test]
async fn one_that_fails_is_repeated_and_not_told_about() -> Result<()> {
    let stage = Stage::open("operational-fails").await?;
    let ops = Receiver::start(500).await?;
    stage.client.post(LIST, &json!({"url": ops.url("/ops")})).await?.expect(201)?;
    let endpoint = stage.endpoint("https://receiver.example/").await?;
    // The first attempt and its one repeat, each of the same event.
    let requests = ops.wait_ended(2, SOON).await?;
    assert_eq!(requests[0].id(), requests[1].id());
    assert_eq!(told(&requests[0])?["data"]["endpointId"], json!(endpoint));
    // If its failure were told, that would fail and be told, and so on: a second change shows that nothing came between.
    stage.client.delete(&format!("/api/v1/app/{ACCOUNT}/endpoint/{endpoint}")).await?.expect(204)?;
    let requests = ops.wait_ended(4, SOON).await?;
    assert_eq!(kinds(&ops)?, ["endpoint.created", "endpoint.created", "endpoint.deleted", "endpoint.deleted"]);
    assert_eq!(requests.len(), 4);
    Ok(())
}

#[tokio::test]
async fn a_change_is_told_however_the_process_ends() -> Result<()> {
    let mut stage = Stage::open("operational-crash").await?;
    let ops = Receiver::start(200).await?;
    stage.client.post(LIST, &json!({"url": ops.url("/ops")})).await?.expect(201)?;
    let mut made = Vec::new();
    for number in 0..5 {
        let body = json!({"url": format!("https://receiver.example/{number}")});
        made.push(stage.endpoint_of(ACCOUNT, &body).await?);
        // As soon as it was answered: what is to be told lies beside the change.
        stage.server.kill9()?;
        stage.server.restart().await?;
    }
    eventually("each to be told", async || {
        let mut told_of = Vec::new();
        for request in ops.requests() {
            told_of.push(told(&request)?["data"]["endpointId"].as_str().context("an id")?.to_owned());
        }
        let all = made.iter().all(|id| told_of.contains(id));
        Ok(if all { Ok(()) } else { Err(told_of) })
    })
    .await?;
    // A request that was in flight when the process died may come twice, as the same event.
    let events: std::collections::BTreeSet<String> =
        ops.requests().iter().map(|request| request.id().to_owned()).collect();
    assert_eq!(events.len(), 5);
    Ok(())
}
